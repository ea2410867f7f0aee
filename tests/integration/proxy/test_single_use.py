# SPDX-License-Identifier: Apache-2.0
"""A token that is good for one session, in real browsers."""

from typing import Any

from console_api import context
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import server
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import browser
from tests.fixtures import driver
from tests.fixtures import parts
from tests.fixtures import service
from tests.fixtures import spice_guest

_SERVER = '00000000-0000-4000-8000-000000000001'


class SingleUseCase(base.TestCase):
    #: Of the agent; None: its servers are simulated.
    driver: type[virt_driver.ConsoleDriver] | None = None

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'page', 'chromium')
        self.service = self.useFixture(
            service.Service(self.driver, consoleauth={'token_use': 'single'})
        )
        self.service.conf.set_override('host', '127.0.0.1', group='proxy')
        self.service.conf.set_override('port', 0, group='proxy')
        self.proxy = self._start()
        self.port = self.proxy.addresses[0][1]
        self.service.conf.set_override('port', self.port, group='proxy')
        self.chromium = self.useFixture(browser.Chromium())

    def _lookup(
        self, token: str, key: tokens.SessionKey | None
    ) -> types.ConsoleGrant:
        return self.service.conductor.broker.grant(
            context.service_context(),
            tokens.Token(token).digest(),
            session=True,
            views=True,
            key=key,
        )

    def _start(self) -> server.ProxyThread:
        proxy = server.ProxyThread(
            self.service.conf, authority.ThreadedAuthority(self._lookup)
        )
        proxy.start()
        self.addCleanup(proxy.stop)
        return proxy

    def _url(self, protocol: str, kind: str, page: str) -> str:
        answer: Any = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': protocol, 'type': kind}},
            version='2.6',
        )
        url = answer.json['remote_console']['url'].replace('%3D', '=')
        token = url.rpartition('=')[2]
        return f'http://127.0.0.1:{self.port}/{page}?token={token}'

    def _open_spice(self) -> browser.ConsolePage:
        """The page of a real QEMU; for the driver ``EveryConsole``."""
        parts.require(self, 'qemu')
        guest = self.useFixture(spice_guest.SpiceGuest())
        self.service.agent.driver.addresses['spice-html5'] = types.ConnectInfo(
            '127.0.0.1', guest.port
        )
        return self._open(self._url('spice', 'spice-html5', 'spice_auto.html'))

    def _open(self, url: str) -> browser.ConsolePage:
        page = self.chromium.open_console(url)
        page.wait_for_state('connected')
        return page


class SingleUseTest(SingleUseCase):
    def test_page_comes_back_when_the_proxy_does(self) -> None:
        page = self._open(self._url('vnc', 'novnc', 'vnc_auto.html'))
        page.wait_for_colours()
        self.proxy.stop()
        page.wait_for_state('waiting')
        self.proxy = self._start()
        page.wait_for_state('connected')

    def test_another_profile_is_told_that_the_link_is_used(self) -> None:
        url = self._url('vnc', 'novnc', 'vnc_auto.html')
        first = self._open(url)
        second = self.chromium.open_console(url)
        self.assertEqual(4001, second.wait_for_end())
        self.assertIn('used', second.page.inner_text('#detail'))
        self.assertTrue(second.page.is_hidden('#reconnect'))
        first.wait_for_state('connected')

    def test_scripts_of_the_page_do_not_see_the_secret(self) -> None:
        page = self._open(self._url('serial', 'serial', 'serial.html')).page
        self.assertEqual('', page.evaluate('document.cookie'))
        (cookie,) = page.context.cookies()
        self.assertEqual('Strict', cookie['sameSite'])
        self.assertTrue(cookie['httpOnly'])


class SpiceTest(SingleUseCase):
    driver = driver.EveryConsole

    def test_all_channels_are_one_session(self) -> None:
        page = self._open_spice()
        # A channel of its own brings the picture.
        page.wait_for_colours()
        (cookie,) = page.page.context.cookies()
        self.assertTrue(cookie['httpOnly'])
