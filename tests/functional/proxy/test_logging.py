# SPDX-License-Identifier: Apache-2.0
"""What the log says of sessions, and that it never says a token."""

import asyncio
import logging
import re

import fixtures
from websockets import exceptions

from console_api import exception
from tests.functional.proxy import harness

SECRET = 's3cret-t0ken'


class LogTest(harness.ProxyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        # The test's own client logs what it sends.
        client = logging.getLogger('websockets')
        self.addCleanup(client.setLevel, client.level)
        client.setLevel(logging.WARNING)

    async def test_session_has_a_line_at_both_ends(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'x' * 10)
            await harness.receive(ws, 10)
            client = '{}:{}'.format(*ws.local_address[:2])
        await self.nothing_left()
        found = re.search(
            r'Session (\w+): novnc console of server the-server for user '
            rf'the-user of project the-project from {client}\n',
            self.log.output,
        )
        assert found is not None, self.log.output
        # A Close frame and one of ten bytes, each with six of header.
        self.assertRegex(
            self.log.output,
            rf'Session {found[1]} from {client} ended after [0-9.]+ s: '
            r'the console was closed; 10 bytes from the guest, 24 from the',
        )

    async def test_end_says_why(self) -> None:
        async def refuse(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(harness.V38)
            await reader.readexactly(12)
            writer.write(b'\x00\x00\x00\x00\x08too\nmany')
            await reader.read()

        await self.with_backend(refuse)
        await self.refusal()
        await self.nothing_left()
        self.assertIn(
            'the security negotiation with the hypervisor failed (the server '
            "refused the connection: 'too\\nmany')",
            self.log.output,
        )

    async def script(self, **options: object) -> None:
        try:
            async with self.connect(origin=None, **options) as ws:
                await self.closing_of(ws)
        except exceptions.InvalidStatus:
            pass

    async def test_no_token_on_any_path(self) -> None:
        self.set('proxy', handshake_timeout=1)
        await self.with_backend()
        assert self.proxy is not None and self.proxy._loop is not None
        # The loop's own debug output too: slow calls, closed transports.
        self.proxy._loop.call_soon_threadsafe(self.proxy._loop.set_debug, True)
        self.authority.answers[SECRET] = self.authority.answers[harness.TOKEN]
        async with self.connect(SECRET) as ws:  # success
            await harness.rfb_open(ws)
        for answer in (
            exception.TokenNotFound(),
            exception.HostUnavailable(SECRET),
            RuntimeError(f'no such token: {SECRET}'),
            OSError(f'no such token: {SECRET}'),
        ):
            self.authority.answers[SECRET] = answer
            await self.refusal(token=SECRET)
            await self.script(token=SECRET)
        await self.script(token=SECRET + '%00')
        cookie = {'Cookie': f'token={SECRET}'}
        await self.script(token=None, additional_headers=cookie)
        await self.script(
            token=SECRET, additional_headers={'Origin': 'http://evil'}
        )
        token = SECRET.encode()
        for data in (
            b'GET /vnc.html?token=%s HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /%%3Ftoken=%s HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /?token=%s HTTP/1.1\r\nHost: x\r\nbad line\r\n\r\n',
            b'GET /?token=%s NONSENSE\r\n\r\n',
            b'GET /?token=%s HTTP/1.1\r\nCookie: token=%s\x00\r\n\r\n',
            b'GET /?token=%s ',
        ):
            filled = data.replace(b'%s', token).replace(b'%%', b'%')
            await self.exchange(filled)
        await self.nothing_left()
        self.assertIn('RuntimeError', self.log.output)
        self.assertNotIn(SECRET, self.log.output)
