# SPDX-License-Identifier: Apache-2.0
"""Reads from a peer step by step, until a session carries data."""

import asyncio
from collections.abc import Callable
import socket
from typing import cast

from console_api.proxy import readbuffer
from console_api.proxy import wire


class Inbox(asyncio.BufferedProtocol):
    """Keeps what a peer has sent until a step asks for it.

    At about ``limit`` bytes it stops reading. ``on_gone`` is called once,
    when the peer has ended the connection or its sending half.
    """

    def __init__(
        self,
        buffer: readbuffer.ReadBuffer,
        limit: int = readbuffer.SMALL_READ,
    ) -> None:
        self.wire: wire.Wire
        self.on_gone: Callable[[], None] | None = None
        self._buffer = buffer
        self._limit = limit
        self._data = bytearray()
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has come, at least a byte; nothing when the peer has ended."""
        while not self._data and not self.wire.ended:
            await self._wait()
        return self.take()

    async def flush(self) -> None:
        """Wait until all that was written is with the kernel, or lost."""
        while self.wire.blocked and not self.wire.transport.is_closing():
            await self._wait()

    def take(self) -> bytes:
        """What has come, perhaps nothing, without waiting."""
        data = bytes(self._data)
        self._data.clear()
        if self._paused:
            self._paused = False
            self.wire.resume()
        return data

    def put_back(self, data: bytes) -> None:
        """Let the next read begin with this."""
        self._data[:0] = data

    async def _wait(self) -> None:
        assert self._waiter is None
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _gone(self) -> None:
        self.wire.ended = True
        self._wake()
        notify, self.on_gone = self.on_gone, None
        if notify is not None:
            notify()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.wire = wire.Wire(cast('asyncio.Transport', transport))

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio."""
        del sizehint
        return self._buffer.small

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        self._data += self._buffer.small[:nbytes]
        if len(self._data) >= self._limit:
            self._paused = True
            self.wire.pause()
        self._wake()

    def eof_received(self) -> bool:
        """See asyncio; the sending half stays open for the answer."""
        self._gone()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        del exc
        self.wire.blocked = False
        self.wire.lost = True
        self._gone()

    def pause_writing(self) -> None:
        """See asyncio."""
        self.wire.blocked = True

    def resume_writing(self) -> None:
        """See asyncio."""
        self.wire.blocked = False
        self._wake()


async def attach(sock: socket.socket, buffer: readbuffer.ReadBuffer) -> Inbox:
    """Read from a connected socket, which belongs to the result from here.

    :raises OSError: the connection is gone already
    """
    client = Inbox(buffer)
    loop = asyncio.get_running_loop()
    # Cancelled half-way, uvloop and the socket object would both close the
    # descriptor, and the second one could hit another session's.
    making = asyncio.ensure_future(
        loop.connect_accepted_socket(lambda: client, sock)
    )
    try:
        await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_discard)
        raise
    return client


def _discard(
    making: 'asyncio.Future[tuple[asyncio.Transport, Inbox]]',
) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result()[0].abort()
