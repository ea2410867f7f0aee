# SPDX-License-Identifier: Apache-2.0
"""Whoever does not read stops the other side, and costs no memory."""

import asyncio
import unittest

from console_api.proxy import relay
from console_api.proxy import server
from console_api.proxy import wire
from tests.functional.proxy import harness
from tests.unit.proxy.ws import test_receiver

#: More than all the kernel's buffers on the way.
FLOOD = 200 * 1024 * 1024
CHUNK = bytes(1024 * 1024)
#: What the proxy may hold of a side that does not read: one read.
MAX_QUEUE = 300 * 1024


class PressureTest(harness.ProxyTestCase):
    def relay(self) -> relay.Relay:
        assert self.proxy is not None
        (serving,) = self.proxy.server._tasks.values()
        assert serving is not None
        assert serving._session is not None
        carried = serving._session._relay
        assert carried is not None
        return carried

    @staticmethod
    def plain(side: wire.Wire) -> asyncio.Transport:
        """The transport on the socket, which is below TLS if there is."""
        transport = side.transport
        return getattr(transport, '_raw', transport)

    def is_relaying(self) -> bool:
        assert self.proxy is not None
        return any(
            serving is not None
            and serving._session is not None
            and serving._session._relay is not None
            for serving in list(self.proxy.server._tasks.values())
        )

    async def test_client_that_does_not_read_stops_the_guest(self) -> None:
        pushed = 0

        async def push(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            nonlocal pushed
            while pushed < FLOOD:
                writer.write(CHUNK)
                pushed += len(CHUNK)
                await writer.drain()

        await self.with_backend(push, 'serial')
        async with self.connect(max_queue=1) as ws:
            await self.until(self.is_relaying, 'the session runs')
            carried = self.relay()
            guest = carried.guest.wire.transport
            await self.until(
                lambda: not guest.is_reading(), 'the guest is not read'
            )
            queue = self.plain(carried.client.wire).get_write_buffer_size()
            self.assertGreater(queue, 0)
            self.assertLess(queue, MAX_QUEUE)
            self.assertLess(pushed, FLOOD)
            data = await harness.receive_count(ws, FLOOD)
            self.assertEqual(FLOOD, data)

    async def test_guest_that_does_not_read_stops_the_client(self) -> None:
        go_on = asyncio.Event()
        taken = asyncio.get_running_loop().create_future()

        async def stall(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await go_on.wait()
            count = 0
            while data := await reader.read(1 << 20):
                count += len(data)
            taken.set_result(count)

        await self.with_backend(stall, 'serial')
        async with self.connect() as ws:
            await self.until(self.is_relaying, 'the session runs')
            sent = 0

            async def flood() -> None:
                nonlocal sent
                while sent < FLOOD:
                    await ws.send(CHUNK)
                    sent += len(CHUNK)

            flooding = asyncio.ensure_future(flood())
            carried = self.relay()
            client = self.plain(carried.client.wire)
            await self.until(
                lambda: not client.is_reading(), 'the client is not read'
            )
            queue = carried.guest.wire.transport.get_write_buffer_size()
            self.assertGreater(queue, 0)
            self.assertLess(queue, MAX_QUEUE)
            self.assertLess(sent, FLOOD)
            go_on.set()
            await flooding
        self.assertEqual(
            FLOOD, await asyncio.wait_for(taken, harness.DEADLINE)
        )

    async def test_pings_of_a_client_that_does_not_read_do_not_pile_up(
        self,
    ) -> None:
        async def push(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while True:
                writer.write(CHUNK)
                await writer.drain()

        await self.with_backend(push, 'serial')
        async with self.connect(max_queue=1) as ws:
            await self.until(self.is_relaying, 'the session runs')
            carried = self.relay()
            guest = carried.guest.wire.transport
            client = self.plain(carried.client.wire)
            await self.until(
                lambda: not guest.is_reading(), 'the guest is not read'
            )
            ping = b'\x89\xfd' + bytes(4 + 125)
            count = carried.client.count
            for _ in range(40):
                ws.transport.write(ping * 1000)
            sent = 40_000 * len(ping)
            await self.until(
                lambda: carried.client.count == count + sent,
                'all pings are read',
            )
            self.assertLess(client.get_write_buffer_size(), MAX_QUEUE)
            ws.transport.abort()

    async def test_paste_in_single_bytes_comes_back_whole(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        text = bytes(i & 255 for i in range(20_000))
        async with self.connect() as ws:
            await self.until(self.is_relaying, 'the session runs')
            ws.transport.write(
                b''.join(test_receiver.masked(0x82, bytes((i,))) for i in text)
            )
            self.assertEqual(text, await harness.receive(ws, len(text)))

    async def test_client_that_vanishes_while_stalled_is_noticed(self) -> None:
        async def push(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while True:
                writer.write(CHUNK)
                await writer.drain()

        await self.with_backend(push, 'serial')
        async with self.connect(max_queue=1) as ws:
            await self.until(self.is_relaying, 'the session runs')
            guest = self.relay().guest.wire.transport
            await self.until(
                lambda: not guest.is_reading(), 'the guest is not read'
            )
            ws.transport.abort()
            await self.nothing_left()


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopPressureTest(PressureTest):
    """The same on the other event loop."""

    loop_factory = staticmethod(server.new_event_loop)
