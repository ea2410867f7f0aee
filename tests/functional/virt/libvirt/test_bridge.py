# SPDX-License-Identifier: Apache-2.0
"""Tests of bridges between real sockets."""

import contextlib
import socket
import struct
import threading
import time

import fixtures

from console_api.virt.libvirt import bridge
from console_api.virt.libvirt import bridge_client
from console_api.virt.libvirt import bridges
from tests import base
from tests.fixtures import dead_peer

#: Seconds; nothing takes a tenth of it.
PATIENCE = 30.0


class BridgeCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.guests: list[socket.socket] = []

    def narrow_opener(self) -> bridge_client.Backend:
        return self.opener(size=4096)

    def opener(self, size: int | None = None) -> bridge_client.Backend:
        ours, theirs = socket.socketpair()
        if size is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        theirs.settimeout(PATIENCE)
        self.addCleanup(theirs.close)
        self.guests.append(theirs)
        return bridge_client.SocketBackend(ours)

    def bridge(
        self, clients: int = 1, idle: float = PATIENCE, opener=None
    ) -> bridge.Bridge:
        made = bridge.Bridge('127.0.0.1', opener or self.opener, clients, idle)
        self.addCleanup(made.close)
        return made

    def connect(self, port: int) -> socket.socket:
        sock = socket.create_connection(('127.0.0.1', port), PATIENCE)
        self.addCleanup(sock.close)
        return sock

    def guest(self, number: int = 0) -> socket.socket:
        self.wait_for(lambda: len(self.guests) > number)
        return self.guests[number]

    def wait_for(self, happened) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def is_open(self, port: int) -> bool:
        # Without a connection, which would count as use.
        with socket.socket() as sock:
            # Then what is left of former connections is not in the way.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(('127.0.0.1', port))
            except OSError:
                return True
        return False


class BridgeTest(BridgeCase):
    def test_bytes_are_carried_both_ways(self) -> None:
        client = self.connect(self.bridge().port)
        guest = self.guest()
        client.sendall(b'typed')
        self.assertEqual(b'typed', guest.recv(5, socket.MSG_WAITALL))
        guest.sendall(b'shown')
        self.assertEqual(b'shown', client.recv(5, socket.MSG_WAITALL))

    def test_error_of_one_client_leaves_its_place_to_the_next(self) -> None:
        errors: list[Exception] = [RuntimeError('a mistake')]

        def opener() -> bridge_client.Backend:
            if errors:
                raise errors.pop()
            return self.opener()

        port = self.bridge(opener=opener).port
        self.assertEqual(b'', self.connect(port).recv(1))
        client = self.connect(port)
        self.guest().sendall(b'shown')
        self.assertEqual(b'shown', client.recv(5, socket.MSG_WAITALL))

    def test_bridge_goes_on_after_a_client_that_got_no_thread(self) -> None:
        # As Python does where the system has no more threads.
        full = [RuntimeError("can't start new thread")]
        start = threading.Thread.start

        def start_later(thread: threading.Thread) -> None:
            if thread.name == 'bridge-client' and full:
                raise full.pop()
            start(thread)

        self.useFixture(
            fixtures.MonkeyPatch('threading.Thread.start', start_later)
        )
        made = self.bridge()
        self.assertEqual(b'', self.connect(made.port).recv(1))
        self.assertTrue(made.touch())
        client = self.connect(made.port)
        self.guest().sendall(b'shown')
        self.assertEqual(b'shown', client.recv(5, socket.MSG_WAITALL))

    def test_end_of_the_guest_ends_the_client_after_the_last_byte(
        self,
    ) -> None:
        client = self.connect(self.bridge().port)
        guest = self.guest()
        guest.sendall(b'x' * 100_000)
        guest.close()
        got = b''
        while data := client.recv(65536):
            got += data
        self.assertEqual(100_000, len(got))

    def test_end_of_the_client_ends_the_guests_side(self) -> None:
        client = self.connect(self.bridge().port)
        guest = self.guest()
        client.close()
        self.assertEqual(b'', guest.recv(1))

    def test_guest_that_cannot_be_reached_ends_the_client(self) -> None:
        def fail() -> bridge_client.Backend:
            raise OSError('no')

        made = self.bridge(opener=fail)
        for _ in range(3):
            self.assertEqual(b'', self.connect(made.port).recv(1))

    def test_one_client_more_than_allowed_is_turned_away(self) -> None:
        made = self.bridge(clients=2)
        for number in range(2):
            self.connect(made.port)
            self.guest(number)
        self.assertEqual(b'', self.connect(made.port).recv(1))
        self.assertEqual(2, len(self.guests))

    def test_place_of_a_client_that_left_is_free(self) -> None:
        made = self.bridge()
        for number in range(3):
            client = self.connect(made.port)
            guest = self.guest(number)
            client.sendall(b'x')
            self.assertEqual(b'x', guest.recv(1))
            client.close()

    def test_client_that_does_not_read_stops_the_guest(self) -> None:
        self.connect(self.bridge().port)
        guest = self.guest()
        guest.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 1 << 28:
                sent += guest.send(bytes(65536))
        self.assertLess(sent, 1 << 25)

    def test_guest_that_does_not_read_stops_the_client(self) -> None:
        client = self.connect(self.bridge().port)
        self.guest()
        client.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 1 << 28:
                sent += client.send(bytes(65536))
        self.assertLess(sent, 1 << 25)

    def fill(self, sock: socket.socket) -> int:
        """Send until nobody takes more; returns how much that was."""
        sock.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while True:
                sent += sock.send(bytes(65536))
        sock.settimeout(PATIENCE)
        return sent

    def assert_served(self, port: int, number: int) -> None:
        """The next client gets to the guest, who is told of it."""
        client = self.connect(port)
        guest = self.guest(number)
        guest.sendall(b'x')
        self.assertEqual(b'x', client.recv(1))

    def test_client_that_left_a_guest_who_reads_nothing_is_noticed(
        self,
    ) -> None:
        made = self.bridge()
        client = self.connect(made.port)
        self.guest()
        self.fill(client)
        # Its end is behind what nobody takes.
        client.close()
        self.assert_served(made.port, 1)

    def test_client_that_left_a_little_behind_needs_no_successor(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.virt.libvirt.bridge_client.STALLED', 0.1
            )
        )
        made = self.bridge(idle=0.1, opener=self.narrow_opener)
        client = self.connect(made.port)
        self.guest()
        # More than the guest's side takes, and less than TCP does.
        client.sendall(bytes(50_000))
        client.close()
        self.wait_for(lambda: not self.is_open(made.port))

    def test_client_that_reset_is_noticed_while_the_guest_is_blocked(
        self,
    ) -> None:
        made = self.bridge(idle=0.1)
        client = self.connect(made.port)
        self.guest()
        self.fill(client)
        client.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)
        )
        client.close()
        self.wait_for(lambda: not self.is_open(made.port))

    def test_client_whose_host_is_dead_is_noticed_while_the_guest_writes(
        self,
    ) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.virt.libvirt.bridge.KEEPALIVE', 1.0
            )
        )
        made = self.bridge(idle=0.1)
        client = self.connect(made.port)
        guest = self.guest()
        dead_peer.cut_off(client)
        guest.sendall(b'x')
        self.assertEqual(b'', guest.recv(1))

    def test_client_that_stays_keeps_its_place(self) -> None:
        made = self.bridge()
        client = self.connect(made.port)
        guest = self.guest()
        sent = self.fill(client)
        self.assertEqual(b'', self.connect(made.port).recv(1))
        # What was read to look for its end is not lost.
        got = 0
        while got < sent:
            got += len(guest.recv(65536))
        client.sendall(b'more')
        self.assertEqual(b'more', guest.recv(65536))

    def test_client_that_ends_its_half_and_reads_nothing_is_noticed(
        self,
    ) -> None:
        made = self.bridge()
        client = self.connect(made.port)
        guest = self.guest()
        self.fill(guest)
        client.shutdown(socket.SHUT_WR)
        self.assert_served(made.port, 1)

    def test_last_words_of_a_client_reach_a_guest_that_is_slow(self) -> None:
        made = self.bridge()
        for number in range(20):
            client = self.connect(made.port)
            client.sendall(b'x' * 100_000)
            client.close()
            got = b''
            while data := self.guest(number).recv(1000):
                got += data
            self.assertEqual(100_000, len(got))

    def test_end_of_the_bridge_ends_its_clients(self) -> None:
        made = self.bridge()
        client = self.connect(made.port)
        guest = self.guest()
        made.close()
        self.assertEqual(b'', client.recv(1))
        self.assertEqual(b'', guest.recv(1))
        self.wait_for(lambda: not self.is_open(made.port))
        self.assertFalse(made.touch())

    def test_no_thread_is_left(self) -> None:
        made = self.bridge(clients=3)
        for number in range(3):
            self.connect(made.port)
            self.guest(number)
        made.close()
        self.wait_for(
            lambda: (
                not any(
                    thread.name.startswith('bridge')
                    for thread in threading.enumerate()
                )
            )
        )

    def test_bridge_that_nobody_uses_ends(self) -> None:
        made = self.bridge(idle=0.1)
        self.wait_for(lambda: not made.touch() or time.sleep(0.3))

    def test_bridge_in_use_does_not_end(self) -> None:
        made = self.bridge(idle=0.1)
        client = self.connect(made.port)
        guest = self.guest()
        # The bridge looks about once a second.
        other = self.bridge(idle=0.1)
        self.wait_for(lambda: not self.is_open(other.port))
        client.sendall(b'x')
        self.assertEqual(b'x', guest.recv(1))
        self.assertTrue(made.touch())


class BridgesTest(BridgeCase):
    def collection(self, idle: float = PATIENCE) -> bridges.Bridges:
        made = bridges.Bridges(idle)
        self.addCleanup(made.close)
        return made

    def port(self, made: bridges.Bridges, *key: str) -> int:
        return made.port(
            bridges.Key(*key), '127.0.0.1', self.opener, clients=1
        )

    def test_each_device_has_one_port(self) -> None:
        made = self.collection()
        first = self.port(made, 'a', '1', 'vnc')
        self.assertEqual(first, self.port(made, 'a', '1', 'vnc'))
        others = {
            self.port(made, 'a', '1', 'serial'),
            self.port(made, 'b', '1', 'vnc'),
        }
        self.assertEqual(2, len(others - {first}))

    def test_next_run_closes_the_ports_of_the_last(self) -> None:
        made = self.collection()
        old = self.port(made, 'a', '1', 'vnc')
        other = self.port(made, 'b', '1', 'vnc')
        client = self.connect(old)
        self.guest()
        self.port(made, 'a', '2', 'vnc')
        self.assertEqual(b'', client.recv(1))
        self.wait_for(lambda: not self.is_open(old))
        self.assertTrue(self.is_open(other))

    def test_end_of_a_server_closes_its_ports_alone(self) -> None:
        made = self.collection()
        ports = [self.port(made, 'a', '1', x) for x in ('vnc', 'serial')]
        other = self.port(made, 'b', '1', 'vnc')
        made.end('a')
        for port in ports:
            self.wait_for(lambda port=port: not self.is_open(port))
        self.assertTrue(self.is_open(other))

    def test_bridge_that_ended_by_itself_is_opened_anew(self) -> None:
        made = self.collection(idle=0.1)
        old = self.port(made, 'a', '1', 'vnc')
        self.wait_for(lambda: not self.is_open(old))
        self.assertTrue(self.is_open(self.port(made, 'a', '1', 'vnc')))

    def test_nothing_is_opened_after_the_end(self) -> None:
        made = self.collection()
        made.close()
        self.assertRaises(OSError, self.port, made, 'a', '1', 'vnc')
