# SPDX-License-Identifier: Apache-2.0
"""From the stock client to the screen of a guest in a browser."""

import json
from typing import ClassVar
from typing import TypeVar
import urllib.parse

import fixtures

from console_api.virt.fake import panels
from tests import base
from tests.fixtures import browser
from tests.fixtures import client
from tests.fixtures import guest
from tests.fixtures import libvirtd
from tests.fixtures import parts
from tests.fixtures import standalone

F = TypeVar('F', bound=fixtures.Fixture)

#: The proxy's close codes.
TOKEN_REFUSED = 4001
GUEST_CLOSED = 4005

#: Where a simulated screen shows the keys.
KEYS = (
    panels.KEYS.x,
    panels.KEYS.y,
    panels.KEYS.x + panels.KEYS.width,
    panels.KEYS.y + panels.KEYS.height,
)


class LibvirtTest(base.TestCase):
    """The screen of real QEMU guests; each test has guests of its own.

    Daemon, service and browser take seconds to start and are shared.
    """

    needs = ('qemu', 'libvirt', 'openstackclient', 'page', 'chromium')
    guests: ClassVar[dict[str, guest.LibvirtGuest]]
    service: ClassVar[standalone.Standalone]
    openstack: ClassVar[client.OpenStackClient]
    chromium: ClassVar[browser.Chromium]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if any(parts.missing(name) for name in cls.needs):
            return
        daemon = cls._use(libvirtd.Libvirtd())
        cls.guests = {
            name: cls._use(guest.LibvirtGuest(daemon, name))
            for name in ('one', 'other', 'typed', 'stopped', 'gone')
        }
        cls.service = cls._use(
            standalone.Standalone(
                '--driver', 'auto', '--libvirt-uri', daemon.uri
            )
        )
        cls.openstack = client.OpenStackClient(cls.service.clouds)
        cls.chromium = cls._use(browser.Chromium())

    @classmethod
    def _use(cls, fixture: F) -> F:
        cls.addClassCleanup(fixture.cleanUp)
        fixture.setUp()
        return fixture

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, *self.needs)

    def open_console(self, name: str) -> browser.ConsolePage:
        page = self.chromium.open_console(self.openstack.console_url(name))
        page.wait_for_state('connected')
        return page

    def test_each_url_shows_the_screen_of_its_guest(self) -> None:
        pair = [self.guests['one'], self.guests['other']]
        screens = [each.wait_until_ready() for each in pair]
        self.assertNotEqual(screens[0].tobytes(), screens[1].tobytes())
        for each, screen in zip(pair, screens, strict=True):
            page = self.open_console(each.name)
            self.assertTrue(page.wait_for_picture(screen), each.name)

    def test_key_on_the_page_reaches_the_guest(self) -> None:
        typed = self.guests['typed']
        before = typed.wait_until_ready()
        page = self.open_console('typed')
        self.assertTrue(page.wait_for_picture(before))
        page.focus()
        page.type('k')
        after = typed.wait_for_change(before)
        self.assertTrue(page.wait_for_picture(after))

    def test_guest_that_stops_ends_the_session(self) -> None:
        page = self.open_console('stopped')
        self.guests['stopped'].destroy()
        self.assertEqual(GUEST_CLOSED, page.wait_for_end())

    def test_url_of_a_guest_that_was_stopped_is_refused(self) -> None:
        url = self.openstack.console_url('gone')
        self.guests['gone'].destroy()
        page = self.chromium.open_console(url)
        self.assertEqual(TOKEN_REFUSED, page.wait_for_end())


class SimulatedTest(base.TestCase):
    """The same with simulated servers, where there is no libvirt."""

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'openstackclient', 'page', 'chromium')
        self.service = self.useFixture(
            standalone.Standalone('--driver', 'fake')
        )
        self.openstack = client.OpenStackClient(self.service.clouds)

    def name(self) -> str:
        return str(self.service.facts['servers'][0]['name'])

    def test_screen_shows_and_answers_to_a_key(self) -> None:
        chromium = self.useFixture(browser.Chromium())
        page = chromium.open_console(self.openstack.console_url(self.name()))
        page.wait_for_state('connected')
        page.wait_for_colours()
        page.focus()
        before = page.picture()
        page.type('k')
        self.assertTrue(page.wait_for_change(before, KEYS))

    def test_client_tells_what_a_token_is_good_for(self) -> None:
        url = self.openstack.console_url(self.name())
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        token = query['path'][0].removeprefix('?token=')
        answer = json.loads(
            self.openstack.run(
                'console', 'connection', 'show', token, '-f', 'json'
            )
        )
        self.assertEqual(
            self.service.facts['servers'][0]['id'], answer['instance_uuid']
        )

    def test_token_is_nowhere_in_the_log(self) -> None:
        url = self.openstack.console_url(self.name())
        token = url.partition('token%3D')[2]
        chromium = self.useFixture(browser.Chromium())
        chromium.open_console(url).wait_for_state('connected')
        self.assertEqual(64, len(token))
        self.assertNotIn(token, self.service.log)
