# SPDX-License-Identifier: Apache-2.0
"""What the log says of sessions, and that it never says a token."""

import asyncio
import dataclasses
import io
import json
import logging
import re

import fixtures
from oslo_log import formatters
from websockets import exceptions

from console_api import exception
from console_api.consoles import types
from console_api.proxy import journal
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
        who = (
            'type=novnc server=the-server user=the-user project=the-project '
            f'client={client} view_only=false'
        )
        found = re.search(
            rf'^console.session.start session=(\w+) {who}$',
            self.log.output,
            re.MULTILINE,
        )
        assert found is not None, self.log.output
        # A Close frame and one of ten bytes, each with six of header.
        self.assertRegex(
            self.log.output,
            rf'console.session.end session={found[1]} {who} reason=normal '
            r'seconds=[0-9.]+ bytes_from_guest=10 bytes_from_client=24 '
            r'text="the console was closed" detail=-\n',
        )

    async def test_refusal_has_one_line_that_names_nobody(self) -> None:
        await self.with_backend()
        await self.refusal(token='bad')
        await self.nothing_left()
        self.assertIn(
            'type=- server=- user=- project=- client=127.0.0.1:',
            self.log.output,
        )
        self.assertIn('reason=bad_token', self.log.output)
        self.assertNotIn('console.session.start', self.log.output)

    async def test_session_that_may_only_look_says_so(self) -> None:
        await self.with_backend()
        grant = self.authority.answers[harness.TOKEN]
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant, view_only=True
        )
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        await self.nothing_left()
        for event in ('start', 'end'):
            self.assertRegex(
                self.log.output, f'console.session.{event} .*view_only=true'
            )

    async def test_text_from_outside_ends_no_line_and_no_field(self) -> None:
        await self.with_backend()
        grant = self.authority.answers[harness.TOKEN]
        assert isinstance(grant, types.ConsoleGrant)
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant,
            user_id='me reason=normal\r\nconsole.session.end \x1b[2J\x7f',
            project_id='a"b\u2028\x85c',
        )
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        await self.nothing_left()
        lines = [
            text
            for text in self.log.output.split('\n')
            if 'console.session.' in text
        ]
        self.assertEqual(2, len(lines), self.log.output)
        for text in lines:
            self.assertTrue(text.isprintable() and text.isascii(), text)
            self.assertIn(
                r'user="me reason=normal\r\nconsole.session.end '
                r'\u001b[2J\u007f" project="a\"b\u2028\u0085c"',
                text,
            )

    async def test_json_log_has_the_fields_by_name(self) -> None:
        output = io.StringIO()
        handler = logging.StreamHandler(output)
        handler.setFormatter(formatters.JSONFormatter())
        journal.LOG.addHandler(handler)
        self.addCleanup(journal.LOG.removeHandler, handler)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        await self.nothing_left()
        start, end = map(json.loads, output.getvalue().splitlines())
        self.assertEqual('console.session.start', start['extra']['event'])
        self.assertEqual('the-user', start['extra']['user'])
        self.assertEqual(start['extra']['session'], end['extra']['session'])
        self.assertEqual('normal', end['extra']['reason'])
        self.assertEqual(0, end['extra']['bytes_from_guest'])
        self.assertNotIn(harness.TOKEN, output.getvalue())

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
            'reason=not_secured',
            self.log.output,
        )
        self.assertIn(
            'detail="the server refused the connection: \'too\\\\nmany\'"',
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
