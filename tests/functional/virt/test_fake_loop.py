# SPDX-License-Identifier: Apache-2.0
"""Tests of the thread that carries the bytes of simulated consoles."""

import contextlib
import socket
import threading

from console_api.virt.fake import loop
from tests import base

LONG = 128 * 1024 * 1024


class Flood:
    """Sends one very long message to a client that asks; counts seconds."""

    def __init__(self):
        self.ticks = 0
        self.pending = b''
        self.ended = False

    def open(self):
        return self

    def tick(self):
        self.ticks += 1

    def receive(self, data):
        if data == b'fail':
            raise RuntimeError('a mistake of the programmer')
        self.pending = bytes(LONG)

    def wants_input(self):
        return True

    def produce(self):
        pending, self.pending = self.pending, b''
        return pending

    def is_started(self):
        return True

    def why_closed(self):
        return None

    def end(self):
        self.ended = True


class Endless(Flood):
    """Sends on and on to whoever asks for it, the rest gets an answer."""

    def open(self):
        return Endless()

    def receive(self, data):
        self.data = data

    def produce(self):
        if self.data == b'once':
            self.data = b''
            return b'!'
        return b'.' if self.data else b''

    data = b''


class FailsOnce(Endless):
    """Cannot be opened the first time."""

    failed = False

    def open(self):
        if not self.failed:
            self.failed = True
            raise RuntimeError('a mistake of the programmer')
        return super().open()


class TestErrors(base.TestCase):
    def test_consoles_go_on_after_one_that_could_not_be_opened(self):
        carrier = loop.Loop()
        self.addCleanup(carrier.close)
        port = carrier.listen(FailsOnce())
        first = socket.create_connection(('127.0.0.1', port), 30)
        self.addCleanup(first.close)
        second = socket.create_connection(('127.0.0.1', port), 30)
        self.addCleanup(second.close)
        second.sendall(b'once')
        self.assertEqual(b'!', second.recv(1))


class TestTurns(base.TestCase):
    def test_a_client_that_reads_fast_does_not_keep_others_waiting(self):
        carrier = loop.Loop()
        self.addCleanup(carrier.close)
        port = carrier.listen(Endless())
        busy = socket.create_connection(('127.0.0.1', port), 30)
        self.addCleanup(busy.close)
        busy.sendall(b'on and on')
        reader = threading.Thread(target=self.drain, args=(busy,))
        self.addCleanup(reader.join)
        self.addCleanup(busy.shutdown, socket.SHUT_RDWR)
        reader.start()

        other = socket.create_connection(('127.0.0.1', port), 10)
        self.addCleanup(other.close)
        other.sendall(b'once')
        self.assertEqual(b'!', other.recv(1))

    def drain(self, client):
        # A carrier that is closed with data on the way resets it.
        with contextlib.suppress(ConnectionResetError):
            while client.recv(64 * 1024):
                pass


class TestLoop(base.TestCase):
    def setUp(self):
        super().setUp()
        self.service = Flood()
        self.loop = loop.Loop()
        self.addCleanup(self.loop.close)
        self.port = self.loop.listen(self.service)

    def connect(self):
        client = socket.socket()
        self.addCleanup(client.close)
        client.settimeout(30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.connect(('127.0.0.1', self.port))
        return client

    def test_a_long_message_goes_on_as_soon_as_there_is_room(self):
        client = self.connect()
        client.sendall(b'x')
        buffer = bytearray(1024 * 1024)
        received = 0
        while received < LONG:
            received += client.recv_into(buffer)

        # The system takes some MiB at once. Were the rest sent only when the
        # clock wakes the thread, this would take more seconds than that.
        self.assertLess(self.service.ticks, 25)

    def test_a_mistake_costs_one_connection(self):
        client = self.connect()
        client.sendall(b'fail')
        self.assertEqual(b'', client.recv(1))

        other = self.connect()
        other.sendall(b'x')
        self.assertEqual(b'\0', other.recv(1))
        self.assertTrue(self.service.ended)
