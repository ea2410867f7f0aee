# SPDX-License-Identifier: Apache-2.0
"""Consoles behind a gateway that is asked by CONNECT."""

import asyncio
import dataclasses

from tests.functional.proxy import harness

OK = b'HTTP/1.1 200 Connection established\r\n\r\n'


class GatewayTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.heads: list[bytes] = []

    async def with_gateway(
        self, *answer: bytes, path: str = '/vm/12?x=y', ends: bool = False
    ) -> None:
        """A proxy before a gateway that says this, and then is an echo."""

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            self.heads.append(await reader.readuntil(b'\r\n\r\n'))
            for piece in answer:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if not ends:
                await harness.echo(reader, writer)

        await self.with_backend(serve, 'webmks')
        grant = self.authority.answers[harness.TOKEN]
        self.port = grant.connect.port
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant,
            connect=dataclasses.replace(
                grant.connect, internal_access_path=path
            ),
        )

    async def assert_refused(self, reason: str) -> None:
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            self.assertEqual(4003, await self.refusal())
            await self.nothing_left()
        (_, details) = logs.records
        self.assertIn(reason, details.extra['detail'])

    async def test_console_is_behind_it(self) -> None:
        await self.with_gateway(OK)
        async with self.connect() as ws:
            await ws.send(b'hello')
            self.assertEqual(b'hello', await harness.receive(ws, 5))
        self.assertEqual(
            [
                b'CONNECT /vm/12?x=y HTTP/1.1\r\n'
                b'Host: 127.0.0.1:%d\r\n\r\n' % self.port
            ],
            self.heads,
        )

    async def test_first_bytes_of_the_console_are_not_lost(self) -> None:
        await self.with_gateway(OK + b'early')
        async with self.connect() as ws:
            self.assertEqual(b'early', await harness.receive(ws, 5))

    async def test_answer_comes_in_any_pieces(self) -> None:
        answer = b'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nearly'
        await self.with_gateway(*(bytes((byte,)) for byte in answer))
        async with self.connect() as ws:
            self.assertEqual(b'early', await harness.receive(ws, 5))

    async def test_refusal(self) -> None:
        await self.with_gateway(b'HTTP/1.1 403 Forbidden\r\n\r\n')
        await self.assert_refused('it answered 403')

    async def test_200_elsewhere_in_the_answer_is_none(self) -> None:
        await self.with_gateway(b'HTTP/1.1 500 200 OK\r\nX: 200 OK\r\n\r\n')
        await self.assert_refused('it answered 500')

    async def test_answer_that_is_not_http(self) -> None:
        await self.with_gateway(b'\xff\xfe 200 OK\r\n\r\n')
        await self.assert_refused("it answered b'\\xff\\xfe 200 OK")

    async def test_end_instead_of_an_answer(self) -> None:
        for answer in (b'', b'HTTP/1.1 200 OK\r\n'):
            await self.with_gateway(answer, ends=True)
            await self.assert_refused('it closed the connection')
            await self.stop_proxy()

    async def test_endless_answer(self) -> None:
        await self.with_gateway(*[b'HTTP/1.1 200 OK\r\n' + b'x' * 1000] * 40)
        await self.assert_refused('its answer is too long')

    async def test_silence(self) -> None:
        self.set('proxy', connect_timeout=1)
        await self.with_gateway()
        await self.assert_refused('timed out')

    async def test_path_cannot_add_to_the_request(self) -> None:
        for path in ('/a HTTP/1.1\r\nX: y', '/a b', '/\x00', '/\u2028'):
            await self.with_gateway(OK, path=path)
            await self.assert_refused('malformed')
            self.assertEqual([], self.heads)
            await self.stop_proxy()
