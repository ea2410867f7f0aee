# SPDX-License-Identifier: Apache-2.0
"""Sessions that work, from the first request to the end."""

import asyncio
import os
import unittest

from websockets.asyncio import client as ws_client

from console_api.proxy import server
from tests.functional.proxy import harness
from tests.functional.proxy.harness import V38


class SessionTest(harness.ProxyTestCase):
    async def test_browser_reaches_the_guest(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            self.assertEqual('binary', ws.subprotocol)
            await harness.rfb_open(ws)
            await ws.send(b'a key')
            self.assertEqual(b'a key', await harness.receive(ws, 5))
        self.assertEqual([harness.TOKEN], self.authority.asked)

    async def test_each_handshake_message_has_its_own_frame(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            self.assertEqual(V38, await ws.recv())
            await ws.send(V38)
            self.assertEqual(b'\x01\x01', await ws.recv())
            await ws.send(b'\x01')
            self.assertEqual(bytes(4), await ws.recv())

    async def test_older_hypervisors_look_like_38(self) -> None:
        async def v33(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b'RFB 003.003\n')
            await reader.readexactly(12)
            writer.write(b'\x00\x00\x00\x01')
            await harness.echo(reader, writer)

        async def v37(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b'RFB 003.007\n')
            await reader.readexactly(12)
            writer.write(b'\x01\x01')
            await reader.readexactly(1)
            await harness.echo(reader, writer)

        await self.start_proxy()
        for handler in (v33, v37):
            self.grant(await self.backend(handler))
            async with self.connect() as ws:
                await harness.rfb_open(ws)
                await ws.send(b'\x01')
                self.assertEqual(b'\x01', await harness.receive(ws, 1))

    async def test_serial_is_carried_from_the_first_byte(self) -> None:
        async def login(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b'login: ')
            await harness.echo(reader, writer)

        await self.with_backend(login, 'serial')
        async with self.connect() as ws:
            self.assertEqual(b'login: ', await harness.receive(ws, 7))
            await ws.send(b'root\n')
            self.assertEqual(b'root\n', await harness.receive(ws, 5))

    async def test_spice_is_carried_from_the_first_byte(self) -> None:
        await self.with_backend(harness.echo, 'spice-html5')
        async with self.connect() as ws:
            await ws.send(b'REDQ')
            self.assertEqual(b'REDQ', await harness.receive(ws, 4))

    async def test_cookie_of_a_page_is_taken(self) -> None:
        await self.with_backend()
        async with self.connect(
            None,
            path='/websockify',
            additional_headers={'Cookie': f'token={harness.TOKEN}'},
        ) as ws:
            await harness.rfb_open(ws)

    async def test_script_without_an_origin_is_let_in(self) -> None:
        await self.with_backend()
        async with self.connect(origin=None) as ws:
            await harness.rfb_open(ws)

    async def test_page_of_an_allowed_origin_is_let_in(self) -> None:
        self.set('console', allowed_origins=['https://dash.example.com'])
        await self.with_backend()
        async with self.connect(origin='https://dash.example.com') as ws:
            await harness.rfb_open(ws)

    async def test_page_behind_a_tls_proxy_is_let_in(self) -> None:
        self.set(
            'vnc', novncproxy_base_url='https://console.example.com/vnc.html'
        )
        await self.with_backend()
        async with self.connect(origin='https://console.example.com') as ws:
            await harness.rfb_open(ws)

    async def test_any_path_is_taken(self) -> None:
        await self.with_backend()
        async with self.connect(path='/novnc') as ws:
            await harness.rfb_open(ws)

    async def test_client_that_offers_no_subprotocol_is_let_in(self) -> None:
        await self.with_backend()
        async with self.connect(subprotocols=None) as ws:
            self.assertIsNone(ws.subprotocol)
            await harness.rfb_open(ws)

    async def test_bytes_behind_the_handshake_are_not_lost(self) -> None:
        async def hasty(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(V38 + b'\x01\x01' + bytes(4) + b'early')
            await reader.readexactly(13)
            await harness.echo(reader, writer)

        await self.with_backend(hasty)
        async with self.connect() as ws:
            await ws.send(V38 + b'\x01' + b'init')
            await ws.send(b'+more')
            expected = V38 + b'\x01\x01' + bytes(4) + b'early' + b'init+more'
            self.assertEqual(
                expected, await harness.receive(ws, len(expected))
            )

    async def test_frames_sent_with_the_request_are_not_lost(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        reader, writer = await self.open_raw()
        writer.write(
            b'GET /?token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
            b'\x82\x82\x00\x00\x00\x00hi' % harness.TOKEN.encode()
        )
        await reader.readuntil(b'\r\n\r\n')
        self.assertEqual(b'\x82\x02hi', await reader.readexactly(4))
        writer.close()

    async def test_megabytes_arrive_unchanged_both_ways(self) -> None:
        await self.with_backend()
        data = os.urandom(5_000_003)
        async with self.connect() as ws:
            await harness.rfb_open(ws)

            async def send() -> None:
                sizes = (1, 125, 126, 1000, 65535, 65536, 1_000_000)
                start = 0
                while start < len(data):
                    for size in sizes:
                        await ws.send(data[start : start + size])
                        start += size

            sending = asyncio.ensure_future(send())
            self.assertEqual(data, await harness.receive(ws, len(data)))
            await sending

    async def test_many_small_frames_arrive_in_order(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        data = os.urandom(20_000)
        async with self.connect() as ws:
            frames = [
                b'\x82\x81\x00\x00\x00\x00' + data[i : i + 1]
                for i in range(len(data))
            ]
            ws.transport.write(b''.join(frames))
            self.assertEqual(data, await harness.receive(ws, len(data)))

    async def test_fragmented_message_is_carried(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send([b'one ', b'two ', b'three'])
            self.assertEqual(b'one two three', await harness.receive(ws, 13))

    async def test_ping_is_answered_before_and_during_the_session(
        self,
    ) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            async with asyncio.timeout(harness.DEADLINE):
                await (await ws.ping(b'early'))
            await harness.rfb_open(ws)
            async with asyncio.timeout(harness.DEADLINE):
                await (await ws.ping(b'late'))

    async def test_sessions_do_not_mix(self) -> None:
        await self.with_backend()
        async with self.connect() as one, self.connect() as two:
            await harness.rfb_open(one)
            await harness.rfb_open(two)
            await one.send(b'1' * 70_000)
            await two.send(b'2' * 70_000)
            self.assertEqual({49}, set(await harness.receive(one, 70_000)))
            self.assertEqual({50}, set(await harness.receive(two, 70_000)))


class EndTest(harness.ProxyTestCase):
    async def test_guest_that_ends_is_told_after_its_last_bytes(self) -> None:
        async def last_words(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b'x' * 3_000_000)
            await writer.drain()

        await self.with_backend(last_words, 'serial')
        async with self.connect() as ws:
            self.assertEqual(
                3_000_000, len(await harness.receive(ws, 3_000_000))
            )
            self.assertEqual(4005, await self.closing_of(ws))
            self.assertEqual(
                'the guest closed the connection', ws.close_reason
            )

    async def test_guest_that_resets_ends_the_session(self) -> None:
        async def reset(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await reader.readexactly(1)
            writer.transport.abort()

        await self.with_backend(reset, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            self.assertEqual(4005, await self.closing_of(ws))

    async def watched(
        self,
    ) -> tuple[ws_client.ClientConnection, asyncio.Event]:
        """A session, and an event for the end of the guest's connection."""
        ended = asyncio.Event()

        async def watch(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                await harness.rfb_echo(reader, writer)
            finally:
                ended.set()

        await self.with_backend(watch)
        ws = await self.connect()
        await harness.rfb_open(ws)
        return ws, ended

    async def test_client_that_closes_ends_the_guests_connection(
        self,
    ) -> None:
        ws, ended = await self.watched()
        await ws.close(1000, 'done')
        await asyncio.wait_for(ended.wait(), harness.DEADLINE)
        self.assertEqual(1000, ws.close_code)

    async def test_close_code_of_the_client_is_echoed(self) -> None:
        ws, _ = await self.watched()
        await ws.close(3001)
        self.assertIsNotNone(ws.protocol.close_rcvd)
        self.assertEqual(3001, ws.protocol.close_rcvd.code)

    async def test_client_that_vanishes_ends_the_guests_connection(
        self,
    ) -> None:
        ws, ended = await self.watched()
        ws.transport.abort()
        await asyncio.wait_for(ended.wait(), harness.DEADLINE)

    async def test_keys_sent_right_before_the_close_arrive(self) -> None:
        got = asyncio.get_running_loop().create_future()

        async def note(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            got.set_result(await reader.read(-1))

        await self.with_backend(note, 'serial')
        async with self.connect() as ws:
            await ws.send(b'k' * 1_000_000)
        data = await asyncio.wait_for(got, harness.DEADLINE)
        self.assertEqual(1_000_000, len(data))

    async def test_stop_tells_the_clients(self) -> None:
        ws, ended = await self.watched()
        stopping = asyncio.ensure_future(self.stop_proxy())
        self.assertEqual(1001, await self.closing_of(ws))
        await stopping
        await asyncio.wait_for(ended.wait(), harness.DEADLINE)

    async def test_stop_does_not_wait_for_ever(self) -> None:
        ws, ended = await self.watched()
        ws.transport.pause_reading()
        await self.stop_proxy(grace=0.1)
        await asyncio.wait_for(ended.wait(), harness.DEADLINE)
        ws.transport.abort()


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSessionTest(SessionTest):
    """The same on the other event loop."""

    loop_factory = staticmethod(server.new_event_loop)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopEndTest(EndTest):
    """The same on the other event loop."""

    loop_factory = staticmethod(server.new_event_loop)
