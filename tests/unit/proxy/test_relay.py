# SPDX-License-Identifier: Apache-2.0
"""The relay between two connected sockets."""

import asyncio
import socket

from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import relay
from console_api.proxy import wire
from console_api.proxy.ws import receiver
from tests import base

PING = b'\x89\x84\x00\x00\x00\x00'


class RelayTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        buffer = readbuffer.ReadBuffer()
        client, self.client = socket.socketpair()
        guest, self.guest = socket.socketpair()
        for sock in (client, guest):
            sock.setblocking(False)
        for sock in (self.client, self.guest):
            self.addCleanup(sock.close)
        one = await inbox.attach(client, buffer)
        two = await inbox.attach(guest, buffer)
        self.relay = relay.Relay(
            one.wire, two.wire, receiver.Receiver(), buffer, wire.Outbox()
        )
        self.relay.start(b'', b'', b'')

    async def asyncTearDown(self) -> None:
        for side in (self.relay.client, self.relay.guest):
            side.wire.transport.abort()
        await asyncio.sleep(0)
        await super().asyncTearDown()

    def ping(self, number: int) -> None:
        self.relay.client.take(memoryview(PING + number.to_bytes(4, 'big')))

    def read_client(self) -> bytes:
        self.client.setblocking(False)
        data = b''
        try:
            while piece := self.client.recv(1 << 20):
                data += piece
        except BlockingIOError:
            pass
        return data

    async def test_pings_behind_a_full_queue_are_answered_once(self) -> None:
        wire = self.relay.client.wire
        while not wire.blocked:
            wire.write(bytes(100_000))
        queued = wire.transport.get_write_buffer_size()
        for number in range(1000):
            self.ping(number)
        self.assertEqual(queued, wire.transport.get_write_buffer_size())
        data = b''
        async with asyncio.timeout(30):
            while not data.endswith(b'\x8a\x04\x00\x00\x03\xe7'):
                data += self.read_client()
                await asyncio.sleep(0)
        self.assertEqual(1, data.count(b'\x8a'))

    async def test_only_what_was_not_taken_is_queued(self) -> None:
        wire = self.relay.client.wire
        sent = 0
        while not wire.blocked:
            piece = bytes(i & 255 for i in range(sent, sent + 1_000_001))
            wire.write(piece)
            sent += len(piece)
        self.assertLess(wire.transport.get_write_buffer_size(), 1_000_001)
        data = b''
        async with asyncio.timeout(30):
            while len(data) < sent:
                data += self.read_client()
                await asyncio.sleep(0)
        self.assertEqual(bytes(i & 255 for i in range(sent)), data)

    async def test_several_pieces_keep_their_order(self) -> None:
        wire = self.relay.client.wire
        chunks = [bytes((i & 255,)) * 501 for i in range(1024)]
        sent = b''
        while not wire.blocked:
            wire.write_all(chunks)
            sent += b''.join(chunks)
        wire.write_all(chunks)
        wire.write_all(chunks * 2)
        sent += b''.join(chunks * 3)
        data = b''
        async with asyncio.timeout(30):
            while len(data) < len(sent):
                data += self.read_client()
                await asyncio.sleep(0)
        self.assertEqual(sent, data)

    async def test_nothing_is_written_to_a_closed_descriptor(self) -> None:
        wire = self.relay.client.wire
        wire.transport.abort()
        await asyncio.sleep(0)
        # What has the number now belongs to another.
        other, theirs = socket.socketpair()
        self.addCleanup(other.close)
        self.addCleanup(theirs.close)
        self.assertIn(wire._fd, (other.fileno(), theirs.fileno()))
        wire.write(b'x')
        wire.write_all([b'x', b'y'])
        for sock in (other, theirs):
            sock.setblocking(False)
            self.assertRaises(BlockingIOError, sock.recv, 1)
