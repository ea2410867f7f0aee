# SPDX-License-Identifier: Apache-2.0
"""What goes to a peer at once and what at the end of the turn."""

import asyncio
from collections.abc import Callable
import socket

from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import wire
from tests import base

_LARGE = b'x' * 5000


class OutboxTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.outbox = wire.Outbox()
        self.wire, self.peer = await self.connect()

    async def connect(self) -> tuple[wire.Wire, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.addCleanup(theirs.close)
        attached = await inbox.attach(ours, readbuffer.ReadBuffer())
        self.addAsyncCleanup(self.abort, attached.wire)
        return attached.wire, theirs

    async def abort(self, open_wire: wire.Wire) -> None:
        open_wire.transport.abort()
        await asyncio.sleep(0)

    async def test_few_bytes_wait_for_the_end_of_the_turn(self) -> None:
        other, others_peer = await self.connect()
        self.wire.write_soon(b'one', self.outbox)
        other.write_soon(b'two', self.outbox)
        self.wire.write_soon(b', three', self.outbox)
        self.assertRaises(BlockingIOError, self.peer.recv, 1)
        self.assertRaises(BlockingIOError, others_peer.recv, 1)
        await asyncio.sleep(0)
        self.assertEqual(b'one, three', self.peer.recv(99))
        self.assertEqual(b'two', others_peer.recv(99))

    async def test_many_bytes_go_at_once(self) -> None:
        self.wire.write_soon(_LARGE, self.outbox)
        self.assertEqual(_LARGE, self.peer.recv(9999))

    async def test_nothing_waits_for_a_second_turn(self) -> None:
        for text in (b'one', b'two'):
            self.wire.write_soon(text, self.outbox)
            await asyncio.sleep(0)
            self.assertEqual(text, self.peer.recv(99))

    def _check_order(self, write: Callable[[], None], what: bytes) -> None:
        self.wire.write_soon(b'first', self.outbox)
        write()
        self.assertEqual(b'first' + what, self.peer.recv(9999))

    async def test_a_write_does_not_overtake(self) -> None:
        self._check_order(lambda: self.wire.write(b'next'), b'next')

    async def test_a_large_write_does_not_overtake(self) -> None:
        self._check_order(
            lambda: self.wire.write_soon(_LARGE, self.outbox), _LARGE
        )

    async def test_several_pieces_do_not_overtake(self) -> None:
        self._check_order(lambda: self.wire.write_all([b'a', b'b']), b'ab')

    async def test_what_went_before_its_time_goes_once(self) -> None:
        self.wire.write_soon(b'first', self.outbox)
        self.wire.write(b'next')
        await asyncio.sleep(0)
        self.assertEqual(b'firstnext', self.peer.recv(99))
        self.assertRaises(BlockingIOError, self.peer.recv, 1)

    async def test_bytes_behind_a_queue_wait_in_it(self) -> None:
        sent = b''
        while not self.wire.blocked:
            self.wire.write(_LARGE)
            sent += _LARGE
        self.wire.write_soon(b'last', self.outbox)
        got = b''
        async with asyncio.timeout(30):
            while len(got) < len(sent) + 4:
                try:
                    got += self.peer.recv(1 << 20)
                except BlockingIOError:
                    await asyncio.sleep(0)
        self.assertEqual(sent + b'last', got)

    async def test_nothing_goes_to_a_descriptor_that_was_closed(self) -> None:
        self.wire.write_soon(b'late', self.outbox)
        descriptor = self.wire.descriptor
        self.wire.transport.abort()
        # The outbox has its turn before the transport closes the socket.
        await asyncio.sleep(0)
        self.wire.write_soon(b'later', self.outbox)
        other, theirs = socket.socketpair()
        self.addCleanup(other.close)
        self.addCleanup(theirs.close)
        self.assertIn(descriptor, (other.fileno(), theirs.fileno()))
        await asyncio.sleep(0)
        for sock in (other, theirs):
            sock.setblocking(False)
            self.assertRaises(BlockingIOError, sock.recv, 1)
        self.assertEqual(b'', self.peer.recv(99))
