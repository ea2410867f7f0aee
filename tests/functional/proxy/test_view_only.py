# SPDX-License-Identifier: Apache-2.0
"""Sessions that may see a console and change nothing of it."""

import asyncio
import dataclasses

from console_api.proxy.ws import frames
from tests.functional.proxy import harness
from tests.unit.proxy.rfb import test_client_messages as messages


class ViewOnlyCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.got = bytearray()

    async def guest(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A guest that keeps what it is sent."""
        writer.write(b'seen')
        while data := await reader.read(65536):
            self.got += data

    async def screen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """The same behind RFB."""
        writer.write(harness.V38)
        await reader.readexactly(12)
        writer.write(b'\x01\x01')
        await reader.readexactly(1)
        writer.write(bytes(4))
        await self.guest(reader, writer)

    def only_view(self, token: str = harness.TOKEN) -> None:
        answers = self.authority.answers
        answers[token] = dataclasses.replace(answers[token], view_only=True)


class VncTest(ViewOnlyCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await self.with_backend(self.screen)
        self.only_view()

    async def _got(self, expected: bytes) -> None:
        await self.until(
            lambda: len(self.got) >= len(expected), 'the guest has got it'
        )
        self.assertEqual(expected, bytes(self.got))

    async def test_screen_is_seen_and_input_is_kept_back(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            for message in messages.DROPPED:
                await ws.send(message)
            await ws.send(messages.REQUEST)
            self.assertEqual(b'seen', await harness.receive(ws, 4))
            await self._got(b'\x01' + messages.REQUEST)

    async def test_input_right_behind_the_handshake_is_kept_back(
        self,
    ) -> None:
        async with self.connect() as ws:
            await ws.recv()
            await ws.send(
                harness.V38 + b'\x01\x00' + messages.KEY + messages.REQUEST
            )
            await self._got(b'\x01' + messages.REQUEST)

    async def test_message_in_pieces(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            stream = b'\x01' + messages.CUT_TEXT + messages.REQUEST
            for value in stream:
                await ws.send(bytes((value,)))
            await self._got(b'\x01' + messages.REQUEST)

    async def test_unknown_message_ends_the_session(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01' + messages.REQUEST + b'\xfc' + bytes(50))
            self.assertEqual(4011, await self.closing_of(ws))
            self.assertEqual('the console is view-only', ws.close_reason)
        await self._got(b'\x01' + messages.REQUEST)

    async def test_unknown_message_right_behind_the_handshake(self) -> None:
        async with self.connect() as ws:
            await ws.recv()
            await ws.send(harness.V38 + b'\x01\x01\xfc')
            self.assertEqual(4011, await self.closing_of(ws))

    async def test_other_violations_keep_their_codes(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send('text')
            self.assertEqual(
                frames.CloseCode.UNSUPPORTED_DATA, await self.closing_of(ws)
            )

    async def test_full_session_carries_everything(self) -> None:
        self.grant(self.backends[0].sockets[0].getsockname()[1])
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x00' + messages.KEY + b'\xfc')
            await self._got(b'\x00' + messages.KEY + b'\xfc')


class SerialTest(ViewOnlyCase):
    async def test_nothing_that_is_typed_arrives(self) -> None:
        port = await self.backend(self.guest)
        self.grant(port, 'serial')
        self.only_view()
        await self.start_proxy()
        async with self.connect() as ws:
            self.assertEqual(b'seen', await harness.receive(ws, 4))
            await ws.send(b'reboot\r')
            await (await ws.ping())
        self.grant(port, 'serial')
        async with self.connect() as ws:
            await ws.send(b'typed')
            await self.until(lambda: bool(self.got), 'the guest has got it')
        self.assertEqual(b'typed', bytes(self.got))

    async def test_viewer_puts_nobody_out(self) -> None:
        self.set('serial_console', on_conflict='takeover')
        await self.with_backend(harness.echo, 'serial')
        self.grant(await self.backend(harness.echo), 'serial', 'viewer')
        full = self.authority.answers[harness.TOKEN]
        self.authority.answers['viewer'] = dataclasses.replace(
            full, view_only=True
        )
        async with self.connect() as ws:
            await ws.send(b'one')
            await harness.receive(ws, 3)
            self.assertEqual(4008, await self.refusal(token='viewer'))
            await ws.send(b'two')
            self.assertEqual(b'two', await harness.receive(ws, 3))

    async def test_viewer_gives_way_to_one_who_may_type(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        full = self.authority.answers[harness.TOKEN]
        self.authority.answers['viewer'] = dataclasses.replace(
            full, view_only=True
        )
        async with self.connect('viewer') as viewer:
            await (await viewer.ping())
            await self.until(
                lambda: bool(self.proxy.server._tasks), 'it is there'
            )
            async with self.connect() as ws:
                await ws.send(b'one')
                self.assertEqual(b'one', await harness.receive(ws, 3))
                self.assertEqual(4009, await self.closing_of(viewer))


class OtherTypesTest(ViewOnlyCase):
    async def test_protocol_whose_input_is_unknown_is_refused(self) -> None:
        port = await self.backend(self.guest)
        await self.start_proxy()
        for kind in ('spice-html5', 'webmks'):
            self.grant(port, kind)
            self.only_view()
            async with self.connect() as ws:
                self.assertEqual(1011, await self.closing_of(ws))
        self.assertEqual(b'', bytes(self.got))

    async def test_file_that_leads_around_the_proxy_is_refused(self) -> None:
        self.grant(5900, 'spice-direct')
        self.only_view()
        await self.start_proxy()
        answer = await self.exchange(
            b'GET /spice-direct?token=a-good-token HTTP/1.1\r\n'
            b'Host: x\r\nConnection: close\r\n\r\n'
        )
        self.assertTrue(answer.startswith(b'HTTP/1.1 404 '), answer)
