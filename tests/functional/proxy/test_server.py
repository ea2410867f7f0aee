# SPDX-License-Identifier: Apache-2.0
"""Listening, accepting and stopping."""

import asyncio
import contextlib
import json
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import textwrap
import unittest

from websockets.typing import Subprotocol

from console_api.proxy import inbox
from console_api.proxy import notices
from console_api.proxy import readbuffer
from console_api.proxy import server
from console_api.proxy import target
from tests import base
from tests.functional.proxy import harness

ROOT = pathlib.Path(__file__).parents[3]


class ServerTest(harness.ProxyTestCase):
    async def test_port_in_use_is_an_error(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as taken:
            self.set('proxy', port=taken.getsockname()[1])
            with self.assertRaises(OSError):
                await self.start_proxy()
            self.proxy = None

    async def test_ipv6(self) -> None:
        self.set('proxy', host='::1')
        await self.with_backend()
        host, port = self.address
        self.assertEqual('::1', host)
        self.assertEqual(f'http://[::1]:{port}', self.own_origin)
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_stop_may_be_called_twice(self) -> None:
        await self.start_proxy()
        await self.stop_proxy()
        await self.stop_proxy()

    async def test_stop_without_a_start(self) -> None:
        self.proxy = server.ProxyThread(self.conf, self.authority)
        await self.stop_proxy()
        self.proxy = None

    async def test_start_fails_where_there_is_no_event_loop(self) -> None:
        def no_loop() -> asyncio.AbstractEventLoop:
            raise OSError('too many open files')

        proxy = server.ProxyThread(
            self.conf, self.authority, loop_factory=no_loop
        )
        with self.assertRaises(OSError):
            await asyncio.to_thread(proxy.start)

    async def test_nothing_listens_after_the_stop(self) -> None:
        await self.start_proxy()
        address = self.address
        await self.stop_proxy()
        with self.assertRaises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    async def test_stop_ends_connections_without_a_request(self) -> None:
        await self.start_proxy()
        reader, writer = await self.open_raw()
        assert self.proxy is not None
        tasks = self.proxy.server._tasks
        await self.until(lambda: len(tasks) == 1, 'it is accepted')
        await self.stop_proxy(grace=30)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(b'', await reader.read())
        writer.close()

    async def test_connects_and_resets_leave_nothing(self) -> None:
        # bug 1816727
        await self.start_proxy()
        linger = struct.pack('ii', 1, 0)
        for _ in range(1000):
            sock = socket.create_connection(self.address)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()
        await self.nothing_left()
        self.assertEqual([], self.authority.asked)

    async def test_sockets_do_not_delay(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            assert self.proxy is not None
            (serving,) = self.proxy.server._tasks.values()
            assert serving is not None and serving._session is not None
            carried = serving._session._relay
            assert carried is not None
            for side in (carried.client, carried.guest):
                sock = side.wire.transport.get_extra_info('socket')
                self.assertTrue(
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                )


class DrainTest(harness.ProxyTestCase):
    async def draining(self, patience: float = 600) -> asyncio.Future[None]:
        """Begin to stop; returns once nothing listens any more."""
        assert self.proxy is not None
        listeners = self.proxy.server._listeners
        stopping = asyncio.ensure_future(
            asyncio.to_thread(self.proxy.stop, 5.0, patience)
        )
        await self.until(
            lambda: not listeners.addresses, 'nothing listens any more'
        )
        return stopping

    async def test_session_goes_on(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            stopping = await self.draining()
            await ws.send(b'still here')
            self.assertEqual(b'still here', await harness.receive(ws, 10))
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_page_that_wants_to_know_is_told_at_once(self) -> None:
        await self.with_backend()
        offered = [Subprotocol(notices.SUBPROTOCOL), Subprotocol('binary')]
        async with self.connect(subprotocols=offered) as ws:
            self.assertEqual(notices.SUBPROTOCOL, ws.subprotocol)
            await harness.rfb_open(ws)
            stopping = await self.draining()
            said = await asyncio.wait_for(ws.recv(), harness.DEADLINE)
            assert isinstance(said, str)
            self.assertEqual(
                {'notice': 'draining', 'seconds': 600}, json.loads(said)
            )
            await ws.send(b'still here')
            self.assertEqual(b'still here', await harness.receive(ws, 10))
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_others_are_not_told(self) -> None:
        await self.with_backend()
        for offered in ([Subprotocol('binary')], None):
            async with self.connect(subprotocols=offered) as ws:
                await harness.rfb_open(ws)
                assert self.proxy is not None
                (serving,) = self.proxy.server._tasks.values()
                assert serving is not None
                serving.note(notices.draining(1))
                await ws.send(b'still here')
                self.assertEqual(b'still here', await ws.recv())
            await self.nothing_left()

    async def test_page_that_is_not_read_is_told_between_two_frames(
        self,
    ) -> None:
        async def flood(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(bytes(32 * 1024 * 1024))
            await reader.read()

        await self.with_backend(flood, 'serial')
        offered = [Subprotocol(notices.SUBPROTOCOL)]
        async with self.connect(subprotocols=offered, max_queue=1) as ws:
            assert self.proxy is not None
            (serving,) = self.proxy.server._tasks.values()
            assert serving is not None and serving._session is not None
            client = serving._session._client
            await self.until(lambda: client.blocked, 'it is full')
            stopping = await self.draining()
            left, told = 32 * 1024 * 1024, 0
            while left or not told:
                said = await asyncio.wait_for(ws.recv(), harness.DEADLINE)
                if isinstance(said, str):
                    told += 1
                else:
                    self.assertFalse(any(said))
                    left -= len(said)
            self.assertEqual((0, 1), (left, told))
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_new_connections_are_refused(self) -> None:
        await self.with_backend()
        address = self.address
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            stopping = await self.draining()
            with self.assertRaises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_session_is_told_when_the_time_is_over(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            stopping = await self.draining(patience=0.5)
            self.assertEqual(1001, await self.closing_of(ws))
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_session_is_told_when_there_is_hurry(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            stopping = await self.draining()
            assert self.proxy is not None
            self.proxy.hurry()
            self.assertEqual(1001, await self.closing_of(ws))
        await asyncio.wait_for(stopping, harness.DEADLINE)

    async def test_hurry_and_news_may_come_after_the_end(self) -> None:
        await self.with_backend()
        stopping = await self.draining()
        await asyncio.wait_for(stopping, harness.DEADLINE)
        assert self.proxy is not None
        self.proxy.hurry()
        self.proxy.reload()

    async def test_connection_without_a_session_is_not_waited_for(
        self,
    ) -> None:
        await self.start_proxy()
        _, writer = await self.open_raw()
        assert self.proxy is not None
        tasks = self.proxy.server._tasks
        await self.until(lambda: len(tasks) == 1, 'it is accepted')
        stopping = await self.draining()
        await asyncio.wait_for(stopping, harness.DEADLINE)
        writer.close()


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopServerTest(ServerTest):
    """The same on the other event loop."""

    loop_factory = staticmethod(server.new_event_loop)


class ExhaustionTest(base.TestCase):
    """In a process of its own, whose limit can be lowered."""

    SCRIPT = textwrap.dedent(
        """
        import asyncio, resource, socket, sys, time
        from oslo_config import cfg
        from console_api import conf as console_conf
        from console_api.proxy import server
        conf = cfg.ConfigOpts()
        console_conf.register_opts(conf)
        conf([], project='console_api', default_config_files=[])
        conf.set_override('host', '127.0.0.1', 'proxy')
        conf.set_override('port', 0, 'proxy')
        factory = (
            server.new_event_loop if sys.argv[1] == 'uvloop'
            else asyncio.new_event_loop
        )
        proxy = server.ProxyThread(conf, None, loop_factory=factory)
        proxy.start()
        address = proxy.addresses[0]
        socks = [socket.socket() for _ in range(60)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (AT_MOST, AT_MOST))
        for sock in socks:
            sock.connect(address)
        time.sleep(0.1)  # not a wait: lets accept() run into the limit
        last = socks.pop()
        for sock in socks:
            sock.close()
        last.settimeout(30)
        last.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
        print(last.recv(12).decode(), flush=True)
        last.close()
        proxy.stop()
        """
    )

    def run_at_the_limit(self, loop: str) -> subprocess.CompletedProcess[str]:
        limit = min(110, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        return subprocess.run(
            [
                sys.executable,
                '-W',
                'ignore',
                '-c',
                self.SCRIPT.replace('AT_MOST', str(limit)),
                loop,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    def test_accepting_goes_on_when_descriptors_are_free_again(self) -> None:
        for loop in ('asyncio', 'uvloop'):
            done = self.run_at_the_limit(loop)
            self.assertEqual('HTTP/1.1 200\n', done.stdout)
            self.assertIn('Accepting no connections', done.stderr)
            self.assertLess(done.stderr.count('\n'), 30)


class LoopTest(unittest.TestCase):
    """The event loop ends by an error."""

    SCRIPT = textwrap.dedent(
        """
        import sys

        from oslo_config import cfg

        from console_api import conf as console_conf
        from console_api import service
        from console_api.proxy import server

        def fail():
            raise SystemExit('broken')

        def main():
            conf = cfg.ConfigOpts()
            console_conf.register_opts(conf)
            conf(['--config-file=/dev/null'], project='console_api')
            conf.set_override('host', '127.0.0.1', group='proxy')
            conf.set_override('port', 0, group='proxy')
            proxy = server.ProxyThread(conf, None)
            proxy.start()
            service.wait_for_signal(
                ready=lambda: proxy._loop.call_soon_threadsafe(fail)
            )
            proxy.stop()
            proxy.check()

        sys.exit(service.run(main))
        """
    )

    def test_its_process_ends_too_and_says_why(self) -> None:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', self.SCRIPT],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual('broken\n', done.stderr.splitlines(True)[-1])
        self.assertIn('The thread proxy failed', done.stderr)
        self.assertEqual(1, done.returncode)


class TargetTest(base.AsyncTestCase):
    """Which of a host's addresses is taken."""

    async def connect(
        self, addresses: list[tuple[socket.AddressFamily, tuple[str, int]]]
    ) -> inbox.Inbox:
        sock = await target._race(addresses)
        return await inbox.attach(sock, readbuffer.ReadBuffer())

    async def test_address_that_refuses_is_passed_over(self) -> None:
        dead = socket.create_server(('127.0.0.1', 0))
        refused = dead.getsockname()
        dead.close()
        with socket.create_server(('127.0.0.1', 0)) as listener:
            alive = listener.getsockname()
            guest = await self.connect(
                [(socket.AF_INET, refused), (socket.AF_INET, alive)]
            )
            peer = guest.wire.transport.get_extra_info('peername')
            self.assertEqual(alive, peer)
            guest.wire.transport.abort()
            await asyncio.sleep(0)

    async def test_address_that_hangs_does_not_hold_up_the_next(self) -> None:
        # A full backlog drops the connection request.
        with (
            socket.create_server(('127.0.0.1', 0), backlog=0) as full,
            socket.create_server(('127.0.0.1', 0)) as listener,
        ):
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            guest = await self.connect(
                [
                    (socket.AF_INET, full.getsockname()),
                    (socket.AF_INET, listener.getsockname()),
                ]
            )
            peer = guest.wire.transport.get_extra_info('peername')
            self.assertEqual(listener.getsockname(), peer)
            guest.wire.transport.abort()
            for filler in fillers:
                filler.close()
            for _ in range(5):
                await asyncio.sleep(0)
            self.assertEqual(1, len(asyncio.all_tasks()))

    async def test_error_of_the_last_address_is_raised(self) -> None:
        with self.assertRaises(ConnectionRefusedError):
            with socket.create_server(('127.0.0.1', 0)) as dead:
                refused = dead.getsockname()
            await self.connect([(socket.AF_INET, refused)] * 2)

    async def test_families_take_turns(self) -> None:
        loop = asyncio.get_running_loop()
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, '', ('::1', 1, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, '', ('127.0.0.1', 1))

        async def getaddrinfo(
            *args: object, **options: object
        ) -> list[object]:
            return [six, six, four, four]

        loop.getaddrinfo = getaddrinfo  # type: ignore[assignment]
        found = await target._resolve('a-name', 1)
        self.assertEqual(
            [
                socket.AF_INET6,
                socket.AF_INET,
                socket.AF_INET6,
                socket.AF_INET,
            ],
            [family for family, _ in found],
        )
