# SPDX-License-Identifier: Apache-2.0
"""View-only sessions at a real guest, with a real browser."""

import time

from oslo_config import cfg

from console_api import conf as console_conf
from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import server
from tests import base
from tests.fixtures import browser
from tests.fixtures import guest
from tests.fixtures import parts


class ViewOnlyTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'qemu', 'libvirt', 'page', 'chromium')
        self.guest = self.useFixture(guest.LibvirtGuest(name='watched'))
        shown = self.guest.daemon.virsh('vncdisplay', self.guest.uuid)
        self.port = 5900 + int(shown.strip().rpartition(':')[2])
        conf = cfg.ConfigOpts()
        console_conf.register_opts(conf)
        conf([], project='console_api', default_config_files=[])
        conf.set_override('host', '127.0.0.1', group='proxy')
        conf.set_override('port', 0, group='proxy')
        proxy = server.ProxyThread(
            conf, authority.ThreadedAuthority(self._lookup)
        )
        proxy.start()
        self.addCleanup(proxy.stop)
        self.url = f'http://127.0.0.1:{proxy.addresses[0][1]}/vnc_auto.html'
        self.chromium = self.useFixture(browser.Chromium())

    def _lookup(
        self, token: str, key: tokens.SessionKey | None
    ) -> types.ConsoleGrant:
        del key
        if token not in ('view', 'full'):
            raise exception.TokenNotFound()
        return types.ConsoleGrant(
            server_id=self.guest.uuid,
            console_type='novnc',
            connect=types.ConnectInfo('127.0.0.1', self.port),
            expires_at=int(time.time()) + 600,
            view_only=token == 'view',
        )

    def _open(self, query: str) -> browser.ConsolePage:
        page = self.chromium.open_console(f'{self.url}?{query}')
        page.wait_for_state('connected')
        return page

    def test_screen_is_seen_and_keys_of_any_page_are_kept_back(self) -> None:
        before = self.guest.wait_until_ready()
        # The page without the hint sends what is typed.
        viewer = self._open('path=%3Ftoken%3Dview')
        self.assertTrue(viewer.wait_for_picture(before))
        viewer.focus()
        viewer.type('vvv')
        full = self._open('path=%3Ftoken%3Dfull')
        self.assertTrue(full.wait_for_picture(before))
        full.focus()
        full.type('k')
        after = self.guest.wait_for_change(before)
        self.assertTrue(viewer.wait_for_picture(after))

    def test_page_of_the_link_says_that_it_is_view_only(self) -> None:
        self.guest.wait_until_ready()
        page = self._open('path=%3Ftoken%3Dview&view_only=true').page
        self.assertEqual('View only', page.inner_text('#chip-text'))
        self.assertTrue(page.is_hidden('#send-ctrl-alt-del'))
        self.assertTrue(page.is_hidden('#keys'))
        self.assertTrue(page.is_visible('#more'))
