# SPDX-License-Identifier: Apache-2.0
"""More sessions and connections than there may be."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import socket
import struct

from websockets import exceptions

from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import limits
from tests.functional.proxy import harness


class GatedAuthority(harness.FakeAuthority):
    """Any token is good, once it is told to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        await self.gate.wait()
        return await super().authorize(harness.TOKEN, key)


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

    async def assert_limit(self, code: int, words: str) -> None:
        """A page is told which one, and a script to come again."""
        async with self.connect() as ws:
            self.assertEqual(code, await self.closing_of(ws))
            self.assertIn(words, ws.close_reason or '')
        response = (await self.refused(origin=None)).response
        self.assertEqual(503, response.status_code)
        self.assertEqual('5', response.headers['Retry-After'])

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
            await self.assert_limit(4013, 'from this address')
        self.assertEqual(1, len(self.authority.asked))

    async def test_sessions_of_a_server(self) -> None:
        self.set('proxy', max_sessions_per_server=1)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await self.assert_limit(4014, 'at this server')
        counted = self.proxy.server._counted.refused
        self.assertEqual(2, counted['server_full'])

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
        places = self.places()
        self.assertEqual(
            (0, {}, {}),
            (places.sessions, dict(places.clients), dict(places.servers)),
        )

    async def test_refused_sessions_take_no_place(self) -> None:
        self.set('proxy', max_sessions=1)
        await self.with_backend()
        for _ in range(3):
            self.assertEqual(4001, await self.refusal(token='bad'))
            await self.nothing_left()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_look_ups_count_as_handshakes(self) -> None:
        self.set('proxy', max_handshakes=3)
        await self.with_backend()
        async with self.looked_up(3):
            self.assertEqual(3, self.proxy.server._handshakes())
            answer = await self.exchange(b'')
        self.assertEqual(b'HTTP/1.1 503', answer[:12])
        self.assertEqual(3, len(self.authority.asked))

    async def test_look_ups_take_no_place_of_a_session(self) -> None:
        self.set('proxy', max_sessions=1)
        await self.with_backend()
        async with self.looked_up(3), self.connect() as ws:
            await harness.rfb_open(ws)
            await self.assert_full()

    async def test_look_ups_count_for_the_client(self) -> None:
        self.set('proxy', max_sessions_per_client=2)
        await self.with_backend()
        async with self.looked_up(2):
            await self.assert_limit(4013, 'from this address')
        self.assertEqual(2, len(self.authority.asked))

    async def test_one_address_leaves_handshakes_to_others(self) -> None:
        self.set('proxy', max_handshakes_per_client=2)
        await self.with_backend()
        async with self.silent(2):
            answer = await self.exchange(b'')
            self.assertEqual(b'HTTP/1.1 503', answer[:12])
            self.assertEqual(1, self.proxy.server._counted.turned_away)
            asked = await self.from_address('127.0.0.2')
            self.assertEqual(b'HTTP/1.1 404', asked[:12])
        await self.nothing_left()
        self.assertEqual({}, dict(self.places().connections))

    async def test_sessions_of_an_address_are_no_handshakes(self) -> None:
        self.set('proxy', max_handshakes_per_client=2)
        await self.with_backend()
        async with self.connect() as ws, self.connect() as other:
            await harness.rfb_open(ws)
            await harness.rfb_open(other)
            async with self.connect() as third:
                await harness.rfb_open(third)

    async def test_trusted_proxies_have_no_limit_of_their_own(self) -> None:
        self.set('proxy', max_handshakes_per_client=1)
        self.set('proxy', trusted_proxies=['127.0.0.0/8'])
        await self.with_backend()
        async with self.silent(3), self.connect() as ws:
            await harness.rfb_open(ws)

    @contextlib.asynccontextmanager
    async def silent(self, count: int) -> AsyncIterator[None]:
        """So many connections that say nothing."""
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(count):
                _, writer = await self.open_raw()
                stack.callback(writer.close)
            await self.until(
                lambda: len(self.proxy.server._tasks) == count,
                'all are accepted',
            )
            yield

    async def from_address(self, address: str) -> bytes:
        reader, writer = await asyncio.open_connection(
            *self.address, local_addr=(address, 0)
        )
        writer.write(
            b'GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        )
        try:
            return await asyncio.wait_for(reader.read(), harness.DEADLINE)
        finally:
            writer.close()

    def places(self) -> limits.Limits:
        return self.proxy.server._services.places

    async def test_last_place_is_taken_once(self) -> None:
        self.set('proxy', max_sessions=1)
        self.authority = authority = GatedAuthority()
        await self.with_backend()
        async with self.looked_up(2) as waiting:
            self.proxy._loop.call_soon_threadsafe(authority.gate.set)
            heads = [await reader.readline() for reader in waiting]
        self.assertEqual([b'101', b'503'], sorted(h[9:12] for h in heads))

    async def test_refused_session_goes_as_a_handshake(self) -> None:
        self.be_patient()
        self.set(
            'proxy',
            max_sessions=1,
            max_sessions_per_client=1,
            max_handshakes=2,
        )
        await self.with_backend()
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                # It is sent a Close frame, and answers nothing.
                reader, writer = await self.ask('bad', 'http://x')
                stack.callback(writer.close)
                await reader.readuntil(b'\x0f\xa1the token')
            self.assertEqual(2, self.proxy.server._handshakes())
            self.assertEqual(b'HTTP/1.1 503', (await self.exchange(b''))[:12])
            writer.close()
            await self.until(
                lambda: self.proxy.server._handshakes() == 1, 'one is gone'
            )
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

    @contextlib.asynccontextmanager
    async def looked_up(
        self, count: int
    ) -> AsyncIterator[list[asyncio.StreamReader]]:
        """So many requests whose tokens are being looked up."""
        places = self.proxy.server._services.places
        async with contextlib.AsyncExitStack() as stack:
            readers = []
            for number in range(count):
                token = f'made-up-{number}'
                self.authority.answers[token] = None
                reader, writer = await self.ask(token)
                stack.callback(writer.close)
                readers.append(reader)
            await self.until(
                lambda: places.waiting == count, 'all are looked up'
            )
            yield readers

    async def ask(
        self, token: str, origin: str | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that asks for a WebSocket, and does nothing more."""
        reader, writer = await self.open_raw()
        source = '' if origin is None else f'Origin: {origin}\r\n'
        writer.write(
            f'GET /?token={token} HTTP/1.1\r\nHost: x\r\n{source}'
            'Connection: Upgrade\r\nUpgrade: websocket\r\n'
            'Sec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'.encode()
        )
        return reader, writer

    def carried(self) -> int:
        return self.proxy.server._services.places.sessions


def _connect_and_reset(address: tuple[str, int], count: int) -> None:
    linger = struct.pack('ii', 1, 0)
    for _ in range(count):
        with socket.create_connection(address, harness.DEADLINE) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
