# SPDX-License-Identifier: Apache-2.0
"""The relay between two connected sockets."""

import asyncio
from collections.abc import Callable
import contextlib
import socket
from unittest import mock

from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import relay
from console_api.proxy import wire
from console_api.proxy.ws import receiver
from tests import base
from tests.unit.proxy.ws import test_receiver

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


class CrowdTest(base.AsyncTestCase):
    """One client sends very many short frames, another one a message."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.buffer = readbuffer.ReadBuffer()
        self.outbox = wire.Outbox()
        self.relay, self.client, self.guest = await self.session()
        self.other, self.their_client, self.their_guest = await self.session()

    async def asyncTearDown(self) -> None:
        for carried in (self.relay, self.other):
            for side in (carried.client, carried.guest):
                side.wire.transport.abort()
        await asyncio.sleep(0)
        await super().asyncTearDown()

    async def session(
        self,
    ) -> tuple[relay.Relay, socket.socket, socket.socket]:
        """A relay, and the far ends of its two sockets."""
        wires, ends = [], []
        for _ in range(2):
            near, far = socket.socketpair()
            near.setblocking(False)
            far.setblocking(False)
            self.addCleanup(far.close)
            wires.append((await inbox.attach(near, self.buffer)).wire)
            ends.append(far)
        carried = relay.Relay(
            *wires, receiver.Receiver(), self.buffer, self.outbox
        )
        carried.start(b'', b'', b'')
        return carried, ends[0], ends[1]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - turns of this loop
                await asyncio.sleep(0)

    async def others_have_their_turn(self, frame: bytes) -> None:
        """A message comes through before a thousand frames are read."""
        flood = frame * (100_000 // len(frame))
        self.assertEqual(len(flood), self.client.send(flood))
        self.their_client.send(test_receiver.masked(0x82, b'a key'))
        got = b''

        def arrived() -> bool:
            nonlocal got
            got += received(self.their_guest)
            return got == b'a key'

        await self.until(arrived)
        self.assertLessEqual(self.relay.client.count, 1024 * len(frame))
        await self.until(lambda: self.relay.client.count == len(flood))
        self.assertFalse(self.relay.finished.done())

    async def test_pongs_leave_the_others_their_turn(self) -> None:
        await self.others_have_their_turn(test_receiver.masked(0x8A))

    async def test_empty_frames_leave_the_others_their_turn(self) -> None:
        await self.others_have_their_turn(test_receiver.masked(0x82))

    async def test_single_bytes_leave_the_others_their_turn(self) -> None:
        await self.others_have_their_turn(test_receiver.masked(0x82, b'a'))

    async def test_crowd_of_frames_is_followed_by_a_pause(self) -> None:
        loop = asyncio.get_running_loop()
        count = 10_000
        with mock.patch.object(
            loop, 'call_later', wraps=loop.call_later
        ) as later:
            sent = test_receiver.masked(0x8A) * count
            self.client.send(sent)
            await self.until(lambda: self.relay.client.count == len(sent))
        pauses = [call.args[0] for call in later.call_args_list]
        # The last frames may be too few to be a crowd.
        least = (count - receiver.FEW) * channel.PAUSE
        self.assertGreaterEqual(sum(pauses), least)

    async def test_paste_byte_by_byte_arrives(self) -> None:
        text = bytes(i & 255 for i in range(10_000))
        self.client.send(
            b''.join(test_receiver.masked(0x82, bytes((i,))) for i in text)
        )
        got = b''

        def arrived() -> bool:
            nonlocal got
            got += received(self.guest)
            return len(got) == len(text)

        await self.until(arrived)
        self.assertEqual(text, got)
        self.assertFalse(self.relay.finished.done())

    async def test_what_is_left_waits_for_a_guest_that_takes_nothing(
        self,
    ) -> None:
        side, guest = self.relay.client, self.relay.guest.wire
        frame = test_receiver.masked(0x82, b'a')
        side.take(memoryview(frame * 3 * receiver.MAX_FRAMES))
        while not guest.blocked:
            guest.write(bytes(100_000))
        await self.until(lambda: not side._held)
        queued = guest.transport.get_write_buffer_size()
        self.assertEqual(
            len(frame) * 2 * receiver.MAX_FRAMES, len(side._reader.rest)
        )
        self.assertGreater(queued, 0)
        got = b''

        def arrived() -> bool:
            nonlocal got
            got += received(self.guest)
            return got.count(b'a') == 3 * receiver.MAX_FRAMES

        await self.until(arrived)
        self.assertTrue(got.endswith(b'a' * 2 * receiver.MAX_FRAMES))
        await self.until(side.wire.transport.is_reading)

    async def test_guest_that_takes_more_ends_no_pause(self) -> None:
        side, guest = self.relay.client, self.relay.guest
        side.take(memoryview(test_receiver.masked(0x8A) * 1000))
        guest.pause_writing()
        guest.resume_writing()
        self.assertFalse(side.wire.transport.is_reading())
        self.assertNotEqual(b'', side._reader.rest)

    async def test_nothing_is_read_behind_the_end(self) -> None:
        side = self.relay.client
        side.take(memoryview(test_receiver.masked(0x8A) * 1000))
        rest = side._reader.rest
        self.relay.finish(closing.GUEST_GONE)
        await self.until(lambda: not side._held)
        self.assertEqual(rest, side._reader.rest)
        self.assertFalse(side.wire.transport.is_reading())


def received(sock: socket.socket) -> bytes:
    """What has come, without waiting."""
    data = b''
    with contextlib.suppress(BlockingIOError):
        while piece := sock.recv(1 << 20):
            data += piece
    return data
