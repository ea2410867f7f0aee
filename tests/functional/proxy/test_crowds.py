# SPDX-License-Identifier: Apache-2.0
"""Many bad clients at once; afterwards nothing of them is left."""

import asyncio
import contextlib
import gc
import pathlib
import resource
import socket
import subprocess
import sys

from console_api.proxy import relay
from console_api.proxy import session
from console_api.proxy import wire
from tests.functional.proxy import harness

_UPGRADE = (
    b'GET /?token=' + harness.TOKEN.encode() + b' HTTP/1.1\r\nHost: x\r\n'
    b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
    b'Sec-WebSocket-Version: 13\r\n'
    b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
)

#: What a session must not leave behind.
_KEPT = (session.Session, relay.Relay, wire.Wire)
#: Clients that send a byte a second.
_SLOW = 2000
#: Sessions whose client never reads.
_STALLED = 1000
#: Sessions that come and go.
_SHORT = 2000
#: What nobody could leak a little of for each of them.
_SPARE_OBJECTS = _SHORT // 4
_SPARE_MEMORY = _SHORT * 2048
#: Of these clients every other one ends with a reset.
_BURST = f"""
import socket
import struct
import sys

upgrade = sys.stdin.buffer.read()
for number in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as client:
        client.settimeout({harness.DEADLINE})
        # A masked frame, which the guest sends back.
        client.sendall(upgrade + bytes([0x82, 0x83, 0, 0, 0, 0]) + b'abc')
        while not client.recv(4096).endswith(b'abc'):
            pass
        if number % 2:
            linger = struct.pack('ii', 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
"""
#: What each of their guests has to say: less than the kernel's buffers on
#: the way would take in all, more than a client's own.
_PUSHED = 256 * 1024


class CrowdTest(harness.ProxyTestCase):
    async def test_a_thousand_stalled_readers_leave_nothing(self) -> None:
        self.set('proxy', max_handshakes=0, max_sessions_per_server=0)
        self.set('proxy', max_sessions_per_client=0, max_sessions=0)
        self.set('proxy', max_handshakes_per_client=0)
        pushing = asyncio.Event()
        pushed = 0

        async def push(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            nonlocal pushed
            writer.write(bytes(_PUSHED))
            await writer.drain()
            pushed += 1
            if pushed == _STALLED:
                pushing.set()
            await reader.read()

        await self.with_backend(push, 'spice-html5')
        clients: list[socket.socket] = []
        try:
            while len(clients) < _STALLED:
                clients.append(await asyncio.to_thread(self.stalled))
            async with asyncio.timeout(2 * harness.DEADLINE):
                await pushing.wait()
            assert self.proxy is not None
            self.assertEqual(_STALLED, len(self.proxy.server._tasks))
        finally:
            for client in clients:
                client.close()
        await self.nothing_left()
        gc.collect()
        left = [thing for thing in gc.get_objects() if type(thing) in _KEPT]
        self.assertEqual([], left)

    def stalled(self) -> socket.socket:
        """A client with a session, which reads nothing but the answer."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(harness.DEADLINE)
        client.connect(self.address)
        client.sendall(_UPGRADE)
        self.assertEqual(b'HTTP/1.1 101', client.recv(12))
        return client

    async def test_slow_handshakes_are_ended_by_the_deadline(self) -> None:
        self.set('proxy', handshake_timeout=20, max_handshakes=0)
        self.set('proxy', max_handshakes_per_client=0)
        await self.with_backend()
        ended = 0

        async def drip() -> None:
            nonlocal ended
            reader, writer = await self.open_raw()
            answer = asyncio.ensure_future(reader.read())
            for byte in _UPGRADE:
                with contextlib.suppress(OSError):
                    writer.write(bytes([byte]))
                done, _ = await asyncio.wait([answer], timeout=1)
                if done:
                    break
            with contextlib.suppress(OSError):
                self.assertEqual(b'HTTP/1.1 408', (await answer)[:12])
            writer.close()
            ended += 1

        async with asyncio.timeout(2 * harness.DEADLINE):
            await asyncio.gather(*(drip() for _ in range(_SLOW)))
        self.assertEqual(_SLOW, ended)
        self.assertEqual([], self.authority.asked)

    async def test_a_burst_of_short_sessions_leaves_nothing(self) -> None:
        self.set('proxy', ping_interval=1)
        await self.with_backend(harness.echo, 'serial')
        # The first fills caches and what the allocators keep.
        await self.burst(_SHORT // 2)
        before = await self.weigh()
        await self.burst(_SHORT)
        after = await self.weigh()
        self.assertLess(after[0] - before[0], _SPARE_OBJECTS)
        self.assertLess(after[1] - before[1], _SPARE_MEMORY)

    async def burst(self, count: int) -> None:
        # Of a process of their own: threads of this one would wait for each
        # other.
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, '-c', _BURST, *map(str, (*self.address, count))],
            input=_UPGRADE,
            timeout=4 * harness.DEADLINE,
            check=False,
        )
        self.assertEqual(0, done.returncode)

    async def weigh(self) -> tuple[int, int]:
        """Objects and bytes of this process once all sessions are gone."""
        await self.nothing_left()
        await self.until(
            lambda: not self.backend_tasks, 'the backend has no task left'
        )
        self.authority.asked.clear()
        self.authority.keys.clear()
        gc.collect()
        return len(gc.get_objects()), _resident()


def _resident() -> int:
    """Bytes of memory that this process takes."""
    pages = pathlib.Path('/proc/self/statm').read_text('ascii').split()[1]
    return int(pages) * resource.getpagesize()
