# SPDX-License-Identifier: Apache-2.0
"""More sessions and connections than there may be."""

import asyncio
import contextlib
import socket
import struct

from websockets import exceptions

from tests.functional.proxy import harness


class LimitsTest(harness.ProxyTestCase):
    async def refused(self, **options: object) -> exceptions.InvalidStatus:
        with self.assertRaises(exceptions.InvalidStatus) as caught:
            async with self.connect(**options):
                pass
        return caught.exception

    async def assert_full(self) -> None:
        response = (await self.refused()).response
        self.assertEqual(503, response.status_code)
        self.assertEqual('5', response.headers['Retry-After'])
        self.assertFalse(response.body)

    async def test_sessions_of_a_process(self) -> None:
        self.set('proxy', max_sessions=2)
        await self.with_backend(harness.echo, 'serial')
        self.grant(await self.backend(harness.echo), 'serial', 'other')
        async with self.connect(), self.connect('other'):
            await self.until(lambda: self.carried() == 2, 'both are open')
            await self.assert_full()
        self.assertEqual(2, len(self.authority.asked))

    async def test_sessions_of_a_client(self) -> None:
        self.set('proxy', max_sessions_per_client=1)
        await self.with_backend()
        async with self.connect():
            await self.assert_full()
        self.assertEqual(1, len(self.authority.asked))

    async def test_sessions_of_a_server(self) -> None:
        self.set('proxy', max_sessions_per_server=1)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await self.assert_full()

    async def test_place_is_free_again_after_a_session(self) -> None:
        self.set(
            'proxy',
            max_sessions=1,
            max_sessions_per_client=1,
            max_sessions_per_server=1,
        )
        await self.with_backend()
        for _ in range(3):
            async with self.connect() as ws:
                await harness.rfb_open(ws)
            await self.nothing_left()
        limits = self.proxy.server._services.places
        self.assertEqual(
            (0, {}, {}),
            (limits.sessions, dict(limits.clients), dict(limits.servers)),
        )

    async def test_refused_sessions_take_no_place(self) -> None:
        self.set('proxy', max_sessions=1)
        await self.with_backend()
        for _ in range(3):
            self.assertEqual(4001, await self.refusal(token='bad'))
            await self.nothing_left()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_connections_without_a_session(self) -> None:
        self.set('proxy', max_handshakes=3)
        await self.with_backend()
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                _, writer = await self.open_raw()
                stack.callback(writer.close)
            await self.until(
                lambda: len(self.proxy.server._tasks) == 3, 'all are accepted'
            )
            answer = await self.exchange(b'')
        self.assertEqual(b'HTTP/1.1 503', answer[:12])
        self.assertIn(b'Retry-After: 5\r\n', answer)
        await self.nothing_left()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_ten_thousand_connects_and_resets(self) -> None:
        await self.with_backend()
        await asyncio.to_thread(_connect_and_reset, self.address, 10000)
        await self.nothing_left()
        self.assertEqual([], self.authority.asked)
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_sessions_that_end_are_not_taken_for_handshakes(
        self,
    ) -> None:
        self.set('proxy', max_handshakes=1)
        await self.with_backend()
        clients = []
        for _ in range(20):
            clients.append(await self.connect())
            await harness.rfb_open(clients[-1])
        most = asyncio.ensure_future(self._most_handshakes())
        await asyncio.sleep(0)
        await asyncio.gather(*(client.close() for client in clients))
        await self.nothing_left()
        self.assertEqual(0, await most)

    async def _most_handshakes(self) -> int:
        """The most that were seen in any turn, until no session is left."""
        served = self.proxy.server

        async def look() -> int:
            most = 0
            while self.carried():
                most = max(most, served._handshakes())
                await asyncio.sleep(0)
            return max(most, served._handshakes())

        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(look(), self.proxy._loop)
        )

    def carried(self) -> int:
        return self.proxy.server._services.places.sessions


def _connect_and_reset(address: tuple[str, int], count: int) -> None:
    linger = struct.pack('ii', 1, 0)
    for _ in range(count):
        with socket.create_connection(address, harness.DEADLINE) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
