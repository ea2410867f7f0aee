# SPDX-License-Identifier: Apache-2.0
"""The serial ports of simulated servers, over real sockets."""

import contextlib
import socket
import tracemalloc

from console_api.consoles import types
from console_api.virt import driver
from tests import base

SERIAL = types.CONSOLE_TYPES['serial']
PROMPT = b'demo-1:~# '
MIB = 1024 * 1024


class SerialTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.fake = driver.load(self.conf, 'fake')
        self.addCleanup(self.fake.close)
        self.server_id = self.fake.guests()[0].id

    def connect(self):
        """A client of the first server that has seen the prompt."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.settimeout(30)
        # What a stalled client costs is the same on every system.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.connect(('127.0.0.1', self.port()))
        self.read_to(client, PROMPT)
        return client

    def port(self):
        return self.fake.connect_info(self.server_id, SERIAL).port

    def read_to(self, client, end):
        """What comes until it ends like that."""
        data = bytearray()
        while not data.endswith(end):
            part = client.recv(256 * 1024)
            self.assertNotEqual(b'', part, bytes(data[-200:]))
            data += part
        return bytes(data)

    def log(self):
        return self.fake.console_output(self.server_id, MIB).decode()


class TestSerial(SerialTestCase):
    def test_a_command_is_answered_and_logged(self):
        client = self.connect()
        client.sendall(b'whoami\r')

        self.assertEqual(
            b'whoami\r\nroot\r\n' + PROMPT, self.read_to(client, PROMPT)
        )
        self.assertIn('\ndemo-1:~# whoami\nroot\n', self.log())

    def test_it_begins_where_the_log_of_the_inventory_ends(self):
        before = self.log()
        client = self.connect()
        client.sendall(b'whoami\r')
        self.read_to(client, PROMPT)

        self.assertIn('demo-1 has booted\n', before)
        self.assertEqual(before + 'demo-1:~# whoami\nroot\n', self.log())

    def test_ten_mebibytes_arrive(self):
        client = self.connect()
        client.sendall(b'big\r')
        shown = self.read_to(client, PROMPT)

        self.assertEqual(10 * MIB, len(shown) - len(b'big\r\n') - len(PROMPT))

    def test_who_does_not_read_costs_little(self):
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        clients = [self.connect() for _ in range(8)]
        for client in clients:
            client.sendall(b'big\r' + b'help\r' * 100)
        other = self.connect()
        other.sendall(b'whoami\r')
        # Others are served all the same, so all of that has been tried.
        self.read_to(other, b'root\r\n' + PROMPT)

        self.assertLess(tracemalloc.get_traced_memory()[1], 4 * MIB)

    def test_ctrl_c_reaches_a_server_that_prints(self):
        client, other = self.connect(), self.connect()
        client.sendall(b'big\r')
        # In each turn a part is sent, as long as there is room.
        for _ in range(60):
            other.sendall(b'whoami\r')
            self.read_to(other, b'root\r\n' + PROMPT)
        client.sendall(b'\x03')
        shown = self.read_to(client, PROMPT)

        # What is on its way comes yet, but it is not much.
        self.assertIn(b'^C', shown)
        self.assertLess(len(shown), MIB)

    def test_a_client_that_sends_without_end_is_slowed_down(self):
        client = self.connect()
        client.settimeout(0.5)
        flood = b'big\r' * 16384
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 * MIB:
                sent += client.send(flood)

        self.assertLess(sent, 64 * MIB)
        other = self.connect()
        other.sendall(b'whoami\r')
        self.read_to(other, b'root\r\n' + PROMPT)

    def test_reboot_closes_every_connection(self):
        client, other = self.connect(), self.connect()
        client.sendall(b'reboot\r')

        self.read_to(client, b'The server reboots.\r\n')
        for one in (client, other):
            self.assertEqual(b'', one.recv(1))
        self.assertEqual(2, self.log().count('demo-1 has booted'))
        self.connect()

    def test_closing_the_driver_closes_the_connection(self):
        client = self.connect()
        self.fake.close()

        self.assertEqual(b'', client.recv(1))

    def test_any_bytes_are_survived(self):
        client = self.connect()
        client.sendall(bytes(range(256)) * 64 + b'\x03\r\x03')
        client.sendall(b'echo still here\r')

        self.read_to(client, b'\r\nstill here\r\n' + PROMPT)
