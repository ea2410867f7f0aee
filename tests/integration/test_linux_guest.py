# SPDX-License-Identifier: Apache-2.0
"""The consoles of a real Linux under a real libvirt, as the agent gives them.

The guest takes seconds to boot, so a class shares one where it can.
"""

import contextlib
import os
import socket
import time
from typing import ClassVar

from console_api import exception
from console_api.consoles import types
from console_api.virt import driver as virt_driver
from console_api.virt.libvirt import driver
from tests import base
from tests.fixtures import libvirtd
from tests.fixtures import linux_guest
from tests.fixtures import parts

NOVNC = types.CONSOLE_TYPES['novnc']
SERIAL = types.CONSOLE_TYPES['serial']
SPICE = types.CONSOLE_TYPES['spice-direct']
#: Seconds until a guest counts as hung; it boots in a tenth of it.
PATIENCE = 90.0


def read_until(sock: socket.socket, wanted: bytes) -> bytes:
    """What came, up to and with ``wanted``.

    :raises AssertionError: the connection ended, or it never came
    """
    sock.settimeout(1)
    deadline = time.monotonic() + PATIENCE
    got = b''
    while wanted not in got:
        assert time.monotonic() < deadline, got
        try:
            data = sock.recv(65536)
        except TimeoutError:
            continue
        assert data, got
        got += data
    return got


def at_end(sock: socket.socket) -> bool:
    """Wait for the end; whether it came."""
    sock.settimeout(PATIENCE)
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


class LinuxCase(base.TestCase):
    """One daemon for a class; one guest, where ``shared`` says so."""

    shared: ClassVar[dict[str, object] | None] = {}
    daemon: ClassVar[libvirtd.Libvirtd]
    one: ClassVar[linux_guest.LinuxGuest]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if any(parts.missing(x) for x in ('qemu', 'libvirt', 'linux')):
            return
        cls.daemon = libvirtd.Libvirtd()
        cls.addClassCleanup(cls.daemon.cleanUp)
        cls.daemon.setUp()
        if cls.shared is not None:
            cls.one = linux_guest.LinuxGuest(cls.daemon, 'one', **cls.shared)
            cls.addClassCleanup(cls.one.cleanUp)
            cls.one.setUp()

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'qemu', 'libvirt', 'linux')

    def load(self, **options: object) -> driver.LibvirtDriver:
        self.config(
            'libvirt',
            connection_uri=self.daemon.uri,
            call_timeout=60,
            file_owners=[self.daemon.user],
            **options,
        )
        made = driver.LibvirtDriver(self.conf)
        self.addCleanup(made.close)
        return made

    def connect(self, where: types.ConnectInfo) -> socket.socket:
        sock = socket.create_connection((where.host, where.port), PATIENCE)
        self.addCleanup(sock.close)
        return sock

    def open_serial(
        self, made: driver.LibvirtDriver, one: linux_guest.LinuxGuest
    ) -> socket.socket:
        return self.connect(made.connect_info(one.uuid, SERIAL))

    def wait_for_shell(self, sock: socket.socket) -> None:
        # It asks once more for every line, however far it has come.
        deadline = time.monotonic() + PATIENCE
        sock.settimeout(1)
        got = b''
        while linux_guest.PROMPT not in got:
            self.assertLess(time.monotonic(), deadline, got)
            sock.sendall(b'\r')
            with contextlib.suppress(TimeoutError):
                got += sock.recv(65536)

    def wait_for(self, happened, what: str = 'it never came') -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)


class SerialTest(LinuxCase):
    def test_command_on_the_pty_is_answered_by_the_guest(self) -> None:
        sock = self.open_serial(self.load(), self.one)
        self.wait_for_shell(sock)
        sock.sendall(b'uname -a\r')
        self.assertIn(b'cloud-amd64', read_until(sock, b'GNU/Linux'))

    def test_command_on_the_unix_socket_is_answered_by_the_guest(self) -> None:
        self.config('serial_console', port_number=1)
        sock = self.open_serial(self.load(), self.one)
        self.wait_for_shell(sock)
        sock.sendall(b'tty\r')
        read_until(sock, b'/dev/ttyS1')

    def test_second_client_is_turned_away(self) -> None:
        made = self.load()
        first = self.open_serial(made, self.one)
        self.wait_for_shell(first)
        self.assertTrue(at_end(self.open_serial(made, self.one)))
        first.sendall(b'echo fir""st\r')
        read_until(first, b'first')

    def test_next_client_may_come_when_the_first_has_left(self) -> None:
        made = self.load()
        for _ in range(3):
            sock = self.open_serial(made, self.one)
            self.wait_for_shell(sock)
            sock.close()

    def test_port_that_the_guest_does_not_have_is_no_console(self) -> None:
        self.config('serial_console', port_number=5)
        made = self.load()
        self.assertRaises(
            exception.ConsoleTypeUnavailable,
            made.connect_info,
            self.one.uuid,
            SERIAL,
        )

    def test_address_stays_the_same_while_it_is_asked_for(self) -> None:
        made = self.load()
        before = made.connect_info(self.one.uuid, SERIAL)
        self.assertEqual(before, made.connect_info(self.one.uuid, SERIAL))

    def test_port_that_nobody_uses_is_closed(self) -> None:
        made = self.load(bridge_timeout=1)
        where = made.connect_info(self.one.uuid, SERIAL)

        def refused() -> bool:
            # A connection would count as use.
            with open('/proc/net/tcp', encoding='ascii') as table:
                return (
                    f':{where.port:04X} 00000000:0000 0A' not in table.read()
                )

        self.wait_for(refused)
        self.assertNotEqual(where, made.connect_info(self.one.uuid, SERIAL))

    def test_link_in_place_of_the_socket_is_refused(self) -> None:
        self.config('serial_console', port_number=1)
        made = self.load()
        where = made.connect_info(self.one.uuid, SERIAL)
        moved = self.one.socket.with_suffix('.moved')
        self.one.socket.rename(moved)
        self.addCleanup(moved.rename, self.one.socket)
        self.one.socket.symlink_to(moved)
        self.addCleanup(self.one.socket.unlink)
        self.assertTrue(at_end(self.connect(where)))


class ScreenTest(LinuxCase):
    shared: ClassVar[dict[str, object] | None] = {
        'screen_socket': True,
        'password': 'geheim 1',
    }

    def test_screen_on_a_unix_socket_is_reached_by_two_at_once(self) -> None:
        where = self.load().connect_info(self.one.uuid, NOVNC)
        for _ in range(2):
            self.assertEqual(
                b'RFB 003.008\n', read_until(self.connect(where), b'\n')
            )

    def test_password_is_told_and_hidden(self) -> None:
        made = self.load()
        found = made.secret(self.one.uuid, NOVNC)
        assert found is not None
        self.assertEqual('geheim 1', found.reveal())
        self.assertNotIn('geheim', repr(found))
        self.assertIsNone(made.secret(self.one.uuid, SERIAL))

    def test_spice_is_found_where_the_emulator_has_it(self) -> None:
        parts.require(self, 'spice')
        where = self.load().connect_info(self.one.uuid, SPICE)
        sock = self.connect(where)
        # The link message of the main channel, with no capabilities.
        sock.sendall(
            b'REDQ'
            + bytes.fromhex('02000000 02000000 12000000 00000000')
            + b'\1\0'
            + bytes(8)
            + b'\x12\0\0\0'
        )
        self.assertEqual(b'REDQ', read_until(sock, b'REDQ')[:4])


class LogTest(LinuxCase):
    shared: ClassVar[dict[str, object] | None] = None

    def guest(self, name: str, **arguments: object) -> linux_guest.LinuxGuest:
        return self.useFixture(
            linux_guest.LinuxGuest(self.daemon, name, **arguments)
        )

    def wait_for_log(
        self, made: driver.LibvirtDriver, one: linux_guest.LinuxGuest
    ) -> bytes:
        seen = []

        def shell() -> bool:
            try:
                seen.append(made.console_output(one.uuid, 100_000))
            except exception.ConsoleNotAvailable:
                return False
            return linux_guest.PROMPT in seen[-1]

        self.wait_for(shell)
        return seen[-1]

    def test_log_file_holds_the_boot_messages(self) -> None:
        made, one = self.load(), self.guest('logged')
        self.assertIn(b'Linux version', self.wait_for_log(made, one))
        self.assertEqual(100, len(made.console_output(one.uuid, 100)))

    def test_log_file_is_read_after_the_guest_has_stopped(self) -> None:
        made, one = self.load(), self.guest('stopped')
        self.wait_for_log(made, one)
        one.destroy()
        self.assertIn(b'Linux version', made.console_output(one.uuid, 100_000))

    def test_link_to_another_file_is_refused(self) -> None:
        made, one = self.load(), self.guest('linked')
        self.wait_for_log(made, one)
        foreign = one.daemon.root / 'foreign'
        foreign.write_text('secret')
        one.log.unlink()
        one.log.symlink_to(foreign)
        self.assertRaises(
            exception.ConsoleNotAvailable, made.console_output, one.uuid, 9
        )
        one.log.unlink()
        os.link(foreign, one.log)
        self.assertRaises(
            exception.ConsoleNotAvailable, made.console_output, one.uuid, 9
        )

    def test_guest_without_a_log_has_none(self) -> None:
        made, one = self.load(), self.guest('silent', keep_log=False)
        self.assertRaises(
            exception.ConsoleNotAvailable, made.console_output, one.uuid, 9
        )

    def test_agent_keeps_the_log_and_shares_the_port(self) -> None:
        made = self.load(keep_log_of=0)
        made.guests()
        changes: list[virt_driver.Change | None] = []

        def follow(change: virt_driver.Change | None) -> None:
            changes.append(change)
            made.guests()

        made.watch(follow)
        self.wait_for(lambda: changes)
        one = self.guest('kept', keep_log=False)
        self.wait_for_log(made, one)
        sock = self.open_serial(made, one)
        self.wait_for_shell(sock)
        sock.sendall(b'echo sha""red\r')
        read_until(sock, b'shared')
        self.wait_for(
            lambda: b'shared' in made.console_output(one.uuid, 100_000)
        )


class EventsTest(LinuxCase):
    shared: ClassVar[dict[str, object] | None] = None

    def setUp(self) -> None:
        super().setUp()
        self.made = self.load()
        self.changes: list[virt_driver.Change | None] = []
        self.made.watch(self.changes.append)
        self.wait_for(lambda: None in self.changes)
        self.one = self.useFixture(
            linux_guest.LinuxGuest(self.daemon, 'followed')
        )
        self.wait_for(lambda: self.told(False))
        self.changes.clear()

    def told(self, ended: bool) -> bool:
        change = virt_driver.Change(self.one.uuid, ended)
        return change in self.changes

    def test_pause_is_told_and_ends_nothing(self) -> None:
        sock = self.open_serial(self.made, self.one)
        self.one.suspend()
        self.wait_for(lambda: self.told(False))
        self.daemon.virsh('resume', self.one.uuid)
        self.wait_for_shell(sock)
        self.assertFalse(self.told(True))

    def test_end_of_the_run_is_told_and_ends_the_console(self) -> None:
        for name, command in (
            ('destroy', ('destroy',)),
            ('save', ('managedsave',)),
        ):
            with self.subTest(name):
                self.changes.clear()
                sock = self.open_serial(self.made, self.one)
                self.wait_for_shell(sock)
                self.daemon.virsh(*command, self.one.uuid)
                self.wait_for(lambda: self.told(True))
                self.assertTrue(at_end(sock))
                self.one.start()

    def test_next_run_has_another_address(self) -> None:
        before = self.made.connect_info(self.one.uuid, SERIAL)
        self.one.destroy()
        self.one.start()
        self.assertNotEqual(
            before, self.made.connect_info(self.one.uuid, SERIAL)
        )

    def test_guest_that_is_removed_is_told(self) -> None:
        self.one.remove()
        self.wait_for(lambda: self.told(True))
        self.wait_for(lambda: self.told(False))
        self.assertEqual([], self.made.guests([self.one.uuid]))

    def test_restart_of_the_daemon_is_followed(self) -> None:
        sock = self.open_serial(self.made, self.one)
        self.wait_for_shell(sock)
        self.daemon.restart()
        # libvirt's stream ends with its daemon; what was missed is asked for.
        self.assertTrue(at_end(sock))
        self.wait_for(lambda: None in self.changes)
        self.assertFalse(self.told(True))
        self.wait_for_shell(self.open_serial(self.made, self.one))
        self.one.destroy()
        self.wait_for(lambda: self.told(True))

    def test_what_happened_while_the_daemon_hung_is_told(self) -> None:
        self.addCleanup(self.daemon.resume)
        self.daemon.suspend()
        self.one.crash()
        self.assertFalse(self.told(True))
        self.daemon.resume()
        self.wait_for(lambda: self.told(True))
