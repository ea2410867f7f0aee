# SPDX-License-Identifier: Apache-2.0
"""The whole service on a real Linux guest: every console, and every end."""

from collections.abc import Callable
import time
from typing import ClassVar
from typing import TypeVar
import urllib.error
import urllib.parse

import fixtures
from websockets import exceptions
from websockets.sync import client as ws_client
from websockets.typing import Subprotocol

from tests import base
from tests.fixtures import browser
from tests.fixtures import client
from tests.fixtures import libvirtd
from tests.fixtures import linux_guest
from tests.fixtures import parts
from tests.fixtures import standalone

F = TypeVar('F', bound=fixtures.Fixture)

TOKEN_REFUSED = 4001
GUEST_CLOSED = 4005
#: Seconds. A report of all servers comes every 60 s: what is seen before
#: that was told by an event.
PATIENCE = 40.0

_ROWS = """() => [...document.querySelectorAll('.xterm-rows > div')]
    .map((row) => row.textContent).join('\\n').replaceAll('\\u00a0', ' ')"""


class Session:
    """A serial console over the WebSocket, as a script uses it."""

    def __init__(self, url: str, origin: str | None = None) -> None:
        self._socket = ws_client.connect(
            url,
            origin=origin,  # type: ignore[arg-type]
            subprotocols=[Subprotocol('binary')],
            max_size=None,
        )
        self.close = self._socket.close

    def type(self, text: str) -> None:
        self._socket.send(text.encode())

    def read_until(self, wanted: str) -> str:
        """What came, up to ``wanted``; a line is asked for while it waits."""
        deadline = time.monotonic() + PATIENCE
        got = b''
        while wanted.encode() not in got:
            assert time.monotonic() < deadline, got
            try:
                data = self._socket.recv(1)
            except TimeoutError:
                self.type('\r')
                continue
            assert isinstance(data, bytes)
            got += data
        return got.decode(errors='replace')

    def wait_for_end(self) -> int:
        """Why the proxy closed it, as a code."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self._socket.recv(PATIENCE)
            except exceptions.ConnectionClosed as exc:
                assert exc.rcvd is not None
                return exc.rcvd.code
        raise TimeoutError('the session goes on')

    def is_open(self) -> bool:
        """Whether a command is still answered."""
        self.type('echo al""ive\r')
        return 'alive' in self.read_until('alive')


class ServiceCase(base.TestCase):
    """Daemon, guest and service of a class; ``needs`` more parts."""

    needs: ClassVar[tuple[str, ...]] = ('qemu', 'libvirt', 'linux', 'page')
    daemon: ClassVar[libvirtd.Libvirtd]
    guest: ClassVar[linux_guest.LinuxGuest]
    service: ClassVar[standalone.Standalone]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if any(parts.missing(name) for name in cls.needs):
            return
        cls.daemon = cls.use(libvirtd.Libvirtd())
        cls.use(
            fixtures.EnvironmentVariable(
                'OS_LIBVIRT__FILE_OWNERS', cls.daemon.user
            )
        )
        cls.guest = cls.use(linux_guest.LinuxGuest(cls.daemon, 'lin'))
        cls.service = cls.use(
            standalone.Standalone(
                '--driver', 'libvirt', '--libvirt-uri', cls.daemon.uri
            )
        )

    @classmethod
    def use(cls, fixture: F) -> F:
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, *self.needs)

    def console(self, protocol: str, kind: str) -> str:
        answer = self.service.call(
            'POST',
            f'/servers/{self.guest.uuid}/remote-consoles',
            {'remote_console': {'protocol': protocol, 'type': kind}},
            '2.8',
        )
        return str(answer['remote_console']['url'])

    def open_serial(self, url: str | None = None) -> Session:
        session = Session(url or self.console('serial', 'serial'))
        self.addCleanup(session.close)
        return session

    def status(self) -> str | None:
        """What the registry says of the guest; None: nothing."""
        try:
            answer = self.service.call('GET', f'/servers/{self.guest.uuid}')
        except urllib.error.HTTPError as exc:
            if exc.code == 404:
                return None
            raise
        return str(answer['server']['status'])

    def wait_for(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, 'it never came')
            time.sleep(0.05)

    def wait_for_status(self, wanted: str | None) -> None:
        self.wait_for(lambda: self.status() == wanted)


class ConsolesTest(ServiceCase):
    needs = (*ServiceCase.needs, 'chromium', 'openstackclient')
    chromium: ClassVar[browser.Chromium]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not any(parts.missing(name) for name in cls.needs):
            cls.chromium = cls.use(browser.Chromium())

    def test_command_on_the_serial_line_is_answered(self) -> None:
        session = self.open_serial()
        session.read_until('guest# ')
        session.type('uname -a\r')
        self.assertIn('cloud-amd64', session.read_until('GNU/Linux'))

    def test_command_on_the_serial_page_is_answered(self) -> None:
        url = urllib.parse.urlsplit(self.console('serial', 'serial'))
        page = self.chromium.open_console(
            f'http://{url.netloc}/serial.html?{url.query}'
        )
        page.wait_for_state('connected')
        # A letter too many is no harm; the line may have to wake up first.
        page.type('\n')
        self.wait_for(lambda: 'guest#' in page.page.evaluate(_ROWS))
        page.type('uname -a\n')
        self.wait_for(lambda: 'cloud-amd64' in page.page.evaluate(_ROWS))

    def test_screen_of_the_guest_is_shown(self) -> None:
        page = self.chromium.open_console(self.console('vnc', 'novnc'))
        page.wait_for_state('connected')
        # The shell on the screen waits, so nothing moves but its cursor.
        self.wait_for(lambda: b'guest#' in self.guest.boot_messages())
        self.assertTrue(page.wait_for_picture(self.guest.screenshot()))

    def test_spice_shows_the_screen_and_what_is_typed(self) -> None:
        parts.require(self, 'spice')
        page = self.chromium.open_console(self.console('spice', 'spice-html5'))
        page.wait_for_state('connected')
        before = page.wait_for_colours()
        page.focus()
        page.type('ls\n')
        box = (0, 0, *before.size)
        self.assertTrue(page.wait_for_change(before, box))

    def test_client_shows_the_boot_messages(self) -> None:
        stock = client.OpenStackClient(self.service.clouds)
        self.wait_for(lambda: b'guest#' in self.guest.boot_messages())
        shown = stock.run('console', 'log', 'show', 'lin')
        self.assertIn('Linux version', shown)
        self.assertIn('Run /init as init process', shown)


class EndsTest(ServiceCase):
    """What a session sees and what the registry says; one thing at a time."""

    def setUp(self) -> None:
        super().setUp()
        if self.status() != 'ACTIVE':
            self.daemon.virsh('start', self.guest.uuid)
            self.wait_for_status('ACTIVE')
        self.url = self.console('serial', 'serial')
        self.session = self.open_serial(self.url)
        self.session.read_until('guest# ')

    def refused(self) -> int:
        """Why the token of the session lets nobody in any more."""
        url = urllib.parse.urlsplit(self.url)
        return Session(self.url, f'http://{url.netloc}').wait_for_end()

    def test_destroyed(self) -> None:
        self.daemon.virsh('destroy', self.guest.uuid)
        self.assertEqual(GUEST_CLOSED, self.session.wait_for_end())
        self.wait_for_status('SHUTOFF')
        self.assertEqual(TOKEN_REFUSED, self.refused())

    def test_started_again(self) -> None:
        self.daemon.virsh('destroy', self.guest.uuid)
        self.daemon.virsh('start', self.guest.uuid)
        self.assertEqual(GUEST_CLOSED, self.session.wait_for_end())
        self.wait_for_status('ACTIVE')
        self.assertEqual(TOKEN_REFUSED, self.refused())
        self.open_serial().read_until('guest# ')

    def test_paused(self) -> None:
        self.daemon.virsh('suspend', self.guest.uuid)
        self.wait_for_status('PAUSED')
        self.daemon.virsh('resume', self.guest.uuid)
        self.wait_for_status('ACTIVE')
        self.assertTrue(self.session.is_open())

    def test_saved(self) -> None:
        self.daemon.virsh('managedsave', self.guest.uuid)
        self.assertEqual(GUEST_CLOSED, self.session.wait_for_end())
        self.wait_for_status('SUSPENDED')
        self.assertEqual(TOKEN_REFUSED, self.refused())

    def test_undefined_while_it_runs(self) -> None:
        # It goes on without a definition, until it is stopped.
        self.daemon.virsh('undefine', self.guest.uuid)
        self.assertTrue(self.session.is_open())
        self.daemon.virsh('destroy', self.guest.uuid)
        self.assertEqual(GUEST_CLOSED, self.session.wait_for_end())
        self.wait_for_status(None)
        self.guest.define()
        self.wait_for_status('SHUTOFF')

    def test_libvirtd_restarted(self) -> None:
        self.daemon.restart()
        # The pty's stream was the daemon's; the guest has seen nothing.
        self.assertEqual(GUEST_CLOSED, self.session.wait_for_end())
        self.assertEqual('ACTIVE', self.status())
        again = self.open_serial()
        again.read_until('guest# ')
        self.daemon.virsh('suspend', self.guest.uuid)
        self.wait_for_status('PAUSED')
        self.daemon.virsh('resume', self.guest.uuid)
        self.wait_for_status('ACTIVE')
