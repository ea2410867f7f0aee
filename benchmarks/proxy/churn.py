# SPDX-License-Identifier: Apache-2.0
"""Clients and guests of every kind, which come and go at random."""

import asyncio
import collections
from collections.abc import AsyncIterator
from collections.abc import Sequence
import contextlib
import dataclasses
import random
import socket
import ssl
import struct
import time

from websockets import exceptions
from websockets.asyncio import client as ws_client

from benchmarks.proxy import served

V38 = b'RFB 003.008\n'
#: The count of sessions whose bytes came back changed.
WRONG = 'echoes that were wrong'
#: The kinds of sessions whose bytes are compared.
WORK = ('talk', 'look on')
_TOKEN = 'ab' * 32
#: Seconds; nothing here waits longer for the proxy.
_DEADLINE = 20.0
#: What an end in the middle may look like from here.
_ENDS = (OSError, EOFError, TimeoutError, exceptions.WebSocketException)
#: With this, closing a socket resets its connection.
_RESET = struct.pack('ii', 1, 0)
#: Messages of RFC 6143, 7.5.3 to 7.5.6: a viewer may send the first only.
_ASK = b'\x03' + b'\x11' * 9
_INPUT = (
    b'\x04\x01\x00\x00\x00\x00\x00a',
    b'\x05\x01\x00\x10\x00\x10',
    b'\x06\x00\x00\x00\x00\x00\x00\x04text',
)


class Guests:
    """An RFB server whose every connection behaves in another way."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Serve; the port."""
        server = await asyncio.start_server(self._serve, '127.0.0.1', 0)
        async with server:
            port: int = server.sockets[0].getsockname()[1]
            yield port
            await self.leave()

    async def leave(self) -> None:
        """End the guests that are still there."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # Most guests work, or no client could tell whether bytes are right.
        kinds = (_echo, _flood, _deaf, _break_off, _babble)
        (kind,) = self._chance.choices(kinds, (12, 2, 2, 2, 1))
        try:
            await kind(reader, writer)
        except (*_ENDS, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


async def _greet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(V38)
    await reader.readexactly(12)
    writer.write(b'\x01\x01')
    await reader.readexactly(1)
    writer.write(bytes(4))


async def _echo(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await _greet(reader, writer)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _flood(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await _greet(reader, writer)
    for _ in range(64):
        writer.write(bytes(1 << 18))
        await writer.drain()


async def _deaf(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await _greet(reader, writer)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(5)


async def _break_off(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await _greet(reader, writer)
    await reader.read(1)
    sock = writer.get_extra_info('socket')
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


async def _babble(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A length of 4 GiB where the reason of a failure should be."""
    writer.write(V38)
    await reader.readexactly(12)
    writer.write(b'\x00' + b'\xff' * 4 + b'no')
    await reader.read()


@dataclasses.dataclass(frozen=True)
class Door:
    """Where a proxy listens, with TLS or without."""

    port: int
    tls: ssl.SSLContext | None = None


class Clients:
    """Clients one after the other, some at once, until ``stop``.

    Each comes through one of the doors, by chance.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        chance: random.Random,
        stop: float,
        done: collections.Counter[str],
    ) -> None:
        self._doors = doors
        self._chance = chance
        self._stop = stop
        self._done = done

    async def run(self, count: int) -> None:
        """Return when the last of ``count`` clients has gone."""
        await asyncio.gather(*(self._one_by_one() for _ in range(count)))

    async def _one_by_one(self) -> None:
        kinds = (
            self._talk,
            self._look_on,
            self._leave_at_once,
            self._vanish,
            self._stall,
            self._half_a_request,
            self._nonsense,
        )
        while time.monotonic() < self._stop:
            (kind,) = self._chance.choices(kinds, (10, 4, 3, 3, 2, 2, 2))
            name = kind.__name__.strip('_').replace('_', ' ')
            try:
                async with asyncio.timeout(_DEADLINE):
                    await kind()
            except _ENDS as exc:
                name += f': {type(exc).__name__}'
            self._done[name] += 1

    def _connect(self, token: str = _TOKEN) -> ws_client.connect:
        door = self._chance.choice(self._doors)
        scheme = 'wss' if door.tls else 'ws'
        return ws_client.connect(
            f'{scheme}://127.0.0.1:{door.port}/?token={token}',
            ssl=door.tls,
            compression=None,
            max_queue=1,
            max_size=None,
            ping_interval=None,
            close_timeout=2,
            proxy=None,
        )

    async def _open(self, ws: ws_client.ClientConnection) -> None:
        await ws.recv()
        await ws.send(V38)
        await ws.recv()
        await ws.send(b'\x01')
        await ws.recv()

    async def _talk(self) -> None:
        """Echoes of every size; a guest that only floods is let go."""
        async with self._connect() as ws:
            await self._open(ws)
            for _ in range(self._chance.randrange(1, 20)):
                size = self._chance.choice((1, 16, 125, 126, 65535, 65536))
                sent = self._chance.randbytes(size)
                if not await self._comes_back(ws, sent, sent):
                    return

    async def _look_on(self) -> None:
        """A viewer: what it asks for comes through, its input does not."""
        async with self._connect(served.VIEW_ONLY) as ws:
            await self._open(ws)
            if not await self._comes_back(ws, b'\x01', b'\x01'):
                return
            for _ in range(self._chance.randrange(1, 20)):
                said = self._chance.choices((_ASK, *_INPUT), k=30)
                passed = _ASK * (said.count(_ASK) + 1)
                sent = b''.join((*said, _ASK))
                if not await self._comes_back(ws, sent, passed):
                    return

    async def _comes_back(
        self, ws: ws_client.ClientConnection, sent: bytes, expected: bytes
    ) -> bool:
        await ws.send(sent)
        got = bytearray()
        while len(got) < len(expected):
            piece = await ws.recv()
            assert isinstance(piece, bytes)
            got += piece
        if got != expected:
            # Zeros are what the guest that floods has to say.
            self._done[WRONG] += bool(any(got))
        return got == expected

    async def _leave_at_once(self) -> None:
        async with self._connect() as ws:
            await ws.recv()

    async def _vanish(self) -> None:
        ws = await self._connect()
        try:
            await self._open(ws)
            sock = ws.transport.get_extra_info('socket')
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        finally:
            ws.transport.abort()

    async def _stall(self) -> None:
        async with self._connect() as ws:
            await self._open(ws)
            ws.transport.pause_reading()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    while True:
                        await ws.send(bytes(65536))
                        # Once the connection is lost, sending waits for
                        # nothing, and nobody else would have a turn.
                        await asyncio.sleep(0)
            ws.transport.abort()

    async def _half_a_request(self) -> None:
        _, writer = await self._raw(b'GET /?token=ab HTTP/1.1\r\nHost: ')
        await asyncio.sleep(self._chance.random())
        writer.transport.abort()

    async def _nonsense(self) -> None:
        reader, writer = await self._raw(self._chance.randbytes(500))
        try:
            await reader.read()
        finally:
            writer.transport.abort()

    async def _raw(
        self, data: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        door = self._chance.choice(self._doors)
        # Half of it without the TLS that the door expects.
        tls = door.tls if self._chance.random() < 0.5 else None
        reader, writer = await asyncio.open_connection(
            '127.0.0.1', door.port, ssl=tls
        )
        writer.write(data)
        return reader, writer
