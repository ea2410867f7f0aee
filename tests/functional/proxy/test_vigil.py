# SPDX-License-Identifier: Apache-2.0
"""Sessions that are pinged, not used or over their time."""

import asyncio
import contextlib
import dataclasses
import time

from websockets import exceptions
from websockets.asyncio import client as ws_client

from console_api.proxy import post as posts
from tests.functional.proxy import harness
from tests.unit.proxy.rfb import test_client_messages as rfb
from tests.unit.proxy.spice import test_client_messages as spice


async def _open_raw(
    case: harness.ProxyTestCase,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A serial session whose client answers nothing by itself."""
    reader, writer = await case.open_raw()
    writer.write(
        f'GET /?token={harness.TOKEN} HTTP/1.1\r\nHost: x\r\n'
        'Connection: Upgrade\r\nUpgrade: websocket\r\n'
        'Sec-WebSocket-Version: 13\r\n'
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'.encode()
    )
    await reader.readuntil(b'\r\n\r\n')
    return reader, writer


class PingTest(harness.ProxyTestCase):
    async def test_client_is_pinged(self) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(harness.echo, 'serial')
        reader, writer = await _open_raw(self)
        async with asyncio.timeout(harness.DEADLINE):
            self.assertEqual(b'\x89\x00', await reader.readexactly(2))
        writer.close()

    async def test_client_that_never_answers_is_gone(self) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(harness.echo, 'serial')
        reader, writer = await _open_raw(self)
        async with asyncio.timeout(harness.DEADLINE):
            sent = await reader.read()
        # The pings that were missed, and a Close frame.
        self.assertEqual(b'\x89\x00' * 2, sent[:4])
        writer.close()

    async def test_client_that_answers_stays(self) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(harness.echo, 'serial')
        reader, writer = await _open_raw(self)
        async with asyncio.timeout(harness.DEADLINE):
            for _ in range(4):
                self.assertEqual(b'\x89\x00', await reader.readexactly(2))
                writer.write(b'\x8a\x80abcd')
        writer.close()

    async def test_client_that_is_not_read_is_not_taken_for_dead(
        self,
    ) -> None:
        go_on = asyncio.Event()

        async def stalled(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await go_on.wait()
            await harness.echo(reader, writer)

        self.set('proxy', ping_interval=1)
        await self.with_backend(stalled, 'serial')
        async with self.connect() as ws:
            block = bytes(65536)
            sending = asyncio.ensure_future(_send_for_ever(ws, block))
            await asyncio.wait([sending], timeout=7)
            self.assertFalse(sending.done(), 'the proxy has let go of it')
            go_on.set()
            sending.cancel()
            await asyncio.wait([sending])

    async def test_no_pings_where_they_are_off(self) -> None:
        self.set('proxy', ping_interval=0)
        await self.with_backend(harness.echo, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            rounds = self.proxy.server._services.rounds
            self.assertIsNone(rounds._timer)


class LimitTest(harness.ProxyTestCase):
    async def test_session_without_input_ends(self) -> None:
        self.set('proxy', idle_timeout=2, ping_interval=1)
        await self.with_backend(harness.echo, 'serial')
        self.assertEqual(4006, await self.refusal())

    async def test_output_of_the_guest_is_no_input(self) -> None:
        async def chatty(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while not reader.at_eof():
                writer.write(b'tick')
                await writer.drain()
                await asyncio.sleep(0.2)

        self.set('proxy', idle_timeout=2)
        await self.with_backend(chatty, 'serial')
        self.assertEqual(4006, await self.refusal())

    async def test_session_in_use_goes_on(self) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend(harness.echo, 'serial')
        began = time.monotonic()
        async with self.connect() as ws:
            while time.monotonic() < began + 5:
                await ws.send(b'a')
                self.assertEqual(b'a', await harness.receive(ws, 1))
                await asyncio.sleep(0.1)

    async def test_requests_for_updates_are_no_input(self) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(rfb.SHARED)
            sending = asyncio.ensure_future(_send_often(ws, rfb.REQUEST))
            self.assertEqual(4006, await self.closing_of(ws))
            await sending

    async def test_keys_keep_a_screen(self) -> None:
        await self.keeps_a_screen(rfb.KEY)

    async def test_what_is_not_known_keeps_a_screen(self) -> None:
        await self.keeps_a_screen(b'\xfc')

    async def keeps_a_screen(self, message: bytes) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(rfb.SHARED)
            sent = rfb.SHARED
            began = time.monotonic()
            while time.monotonic() < began + 4:
                await ws.send(rfb.REQUEST + message)
                sent += rfb.REQUEST + message
                await asyncio.sleep(0.1)
            # Everything is carried, whatever it is.
            self.assertEqual(sent, await harness.receive(ws, len(sent)))

    async def test_viewer_is_idle_from_the_beginning(self) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend()
        answers = self.authority.answers
        answers[harness.TOKEN] = dataclasses.replace(
            answers[harness.TOKEN], view_only=True
        )
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(rfb.SHARED)
            message = rfb.REQUEST + rfb.KEY
            sending = asyncio.ensure_future(_send_often(ws, message))
            self.assertEqual(4006, await self.closing_of(ws))
            await sending

    async def test_typing_keeps_all_channels_of_a_screen(self) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend(harness.echo, 'spice-html5')
        async with self.connect() as main, self.connect() as inputs:
            await main.send(spice.link(spice.MAIN) + spice.TICKET)
            await inputs.send(spice.link(spice.INPUTS) + spice.TICKET)
            began = time.monotonic()
            while time.monotonic() < began + 4:
                await inputs.send(spice.KEY)
                await asyncio.sleep(0.1)
            await (await main.ping())
            self.assertIsNone(main.close_code)
            self.assertIsNone(inputs.close_code)

    async def test_workers_share_the_use_of_channels(self) -> None:
        with posts.among(self.conf, 2) as first:
            self.assertIsNotNone(first.board)
            self.post = first
            await self.start_proxy()
            self.assertIs(first.board, self.proxy.server._services.board)
            await self.stop_proxy()

    async def test_what_channels_send_by_themselves_is_no_input(self) -> None:
        self.set('proxy', idle_timeout=2)
        await self.with_backend(harness.echo, 'spice-html5')
        async with self.connect() as display, self.connect() as inputs:
            await display.send(spice.link(spice.DISPLAY) + spice.TICKET)
            await inputs.send(spice.link(spice.INPUTS) + spice.TICKET)
            message = spice.PONG + spice.ACK
            sending = asyncio.gather(
                _send_often(display, message + spice.KEY),
                _send_often(inputs, message),
            )
            self.assertEqual(4006, await self.closing_of(display))
            self.assertEqual(4006, await self.closing_of(inputs))
            await sending

    async def test_session_ends_with_its_token_if_told_to(self) -> None:
        self.set('consoleauth', enforce_session_timeout=True)
        await self.with_backend(harness.echo, 'serial')
        self.expire(2)
        self.assertEqual(4007, await self.refusal())

    async def test_session_outlives_its_token_otherwise(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        self.expire(1)
        async with self.connect() as ws:
            await asyncio.sleep(2.5)
            await ws.send(b'a')
            self.assertEqual(b'a', await harness.receive(ws, 1))

    def expire(self, seconds: int) -> None:
        grant = self.authority.answers[harness.TOKEN]
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant, expires_at=int(time.time()) + seconds
        )


async def _send_often(ws: ws_client.ClientConnection, message: bytes) -> None:
    with contextlib.suppress(exceptions.ConnectionClosed):
        while True:
            await ws.send(message)
            await asyncio.sleep(0.1)


async def _send_for_ever(ws: ws_client.ClientConnection, block: bytes) -> None:
    while True:
        await ws.send(block)
