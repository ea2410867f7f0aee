# SPDX-License-Identifier: Apache-2.0
"""Peers that have gone without a word."""

import asyncio
from collections.abc import Callable
import contextlib
import fcntl
import socket
import struct
import termios
import unittest

from websockets import exceptions
from websockets.asyncio import client as ws_client

from console_api.proxy import server
from console_api.proxy import session
from tests.fixtures import dead_peer
from tests.functional.proxy import harness


class KeepaliveCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.guest: asyncio.StreamWriter | None = None

    async def serial(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.guest = writer
        await harness.echo(reader, writer)

    def session(self) -> session.Session:
        """The only one."""
        assert self.proxy is not None
        (serving,) = self.proxy.server._tasks.values()
        assert serving is not None
        assert serving._session is not None
        return serving._session


class OptionsTest(KeepaliveCase):
    async def times(self) -> list[tuple[int, int, int, int]]:
        """Options of the sockets to the client and to the guest."""
        await self.with_backend(self.serial, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            carried = self.session()._relay
            assert carried is not None
            socks = [
                side.wire.transport.get_extra_info('socket')
                for side in (carried.client, carried.guest)
            ]
            return [
                (
                    sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                )
                for sock in socks
            ]

    async def test_both_sides_are_probed_as_often_as_pinged(self) -> None:
        self.set('proxy', ping_interval=12)
        self.assertEqual([(1, 12, 4, 3)] * 2, await self.times())

    async def test_both_sides_are_probed_by_default(self) -> None:
        self.assertEqual([(1, 30, 10, 3)] * 2, await self.times())


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopOptionsTest(OptionsTest):
    loop_factory = staticmethod(server.new_event_loop)


class DeadPeerTest(KeepaliveCase):
    async def test_dead_hypervisor_is_noticed_while_nobody_types(self) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(self.serial, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            assert self.guest is not None
            dead_peer.cut_off(self.guest.get_extra_info('socket'))
            self.assertEqual(4005, await self.closing_of(ws))
            self.guest.transport.abort()

    async def test_dead_hypervisor_is_noticed_while_the_user_types(
        self,
    ) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(self.serial, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            assert self.guest is not None
            dead_peer.cut_off(self.guest.get_extra_info('socket'))
            typing = asyncio.ensure_future(self.type(ws))
            self.assertEqual(4005, await self.closing_of(ws))
            await typing
            self.guest.transport.abort()

    @staticmethod
    async def type(ws: ws_client.ClientConnection) -> None:
        """A key now and then, until the console is closed."""
        with contextlib.suppress(exceptions.ConnectionClosed):
            while True:
                await ws.send(b'x')
                await asyncio.sleep(0.05)

    async def test_guest_that_takes_nothing_is_kept(self) -> None:
        async def stalled(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.transport.pause_reading()
            await gone.wait()
            writer.transport.resume_reading()
            del reader

        gone = asyncio.Event()
        self.set('proxy', ping_interval=1)
        await self.with_backend(stalled, 'serial')
        async with self.connect() as ws:
            await self.block_guest(ws, ws.transport.get_extra_info('socket'))
            # Pings are not answered while it lasts; looks go on.
            looks = self.session()._services.rounds
            turn = looks._turn
            await self.until(lambda: looks._turn > turn + 5, 'some looks')
            self.assertFalse(self.session()._relay.finished.done())
            gone.set()

    async def test_dead_client_is_noticed_while_the_guest_is_blocked(
        self,
    ) -> None:
        await self.assert_noticed(dead_peer.cut_off)

    async def test_end_of_a_client_is_noticed_while_the_guest_is_blocked(
        self,
    ) -> None:
        def end(sock: socket.socket) -> None:
            with socket.socket(fileno=socket.dup(sock.fileno())) as own:
                own.shutdown(socket.SHUT_WR)

        await self.assert_noticed(end)

    async def assert_noticed(
        self, leave: Callable[[socket.socket], None]
    ) -> None:
        async def stalled(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            del reader, writer
            await asyncio.Event().wait()

        self.set('proxy', ping_interval=1)
        await self.with_backend(stalled, 'serial')
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            async with self.connect(close_timeout=0) as ws:
                sock = ws.transport.get_extra_info('socket')
                await self.block_guest(ws, sock)
                leave(sock)
                await self.nothing_left()
                ws.transport.abort()
        self.assertIn('reason=client_gone', logs.output[-1])

    async def block_guest(self, ws: object, sock: socket.socket) -> None:
        """Send until the guest takes no more, and all has arrived."""
        relay = None
        while relay is None or not relay.guest.wire.blocked:
            await ws.send(bytes(65536))  # type: ignore[attr-defined]
            relay = self.session()._relay
            await asyncio.sleep(0.01)
        await self.until(lambda: _queued(sock) == 0, 'all is sent')


def _queued(sock: socket.socket) -> int:
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    return int(struct.unpack('i', answer)[0])


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopDeadPeerTest(DeadPeerTest):
    loop_factory = staticmethod(server.new_event_loop)
