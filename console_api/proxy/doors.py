# SPDX-License-Identifier: Apache-2.0
"""Short answers to short requests, one a connection, in little time."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
import contextlib
import socket

from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import request
from console_api.proxy import wire

#: Connections that are served at once; more are closed.
MOST = 32
#: Seconds for a whole connection: request, answer, and its way out.
_PATIENCE = 10.0
#: Seconds that another worker has to answer in.
_SIBLING_PATIENCE = 3.0
#: Seconds without new connections when descriptors or memory are short.
_PAUSE = 1.0
#: More than all figures of a worker.
_LONGEST = 4 * 1024 * 1024
_END = b'\r\n\r\n'

#: The answer to a GET of this path; None where there is nothing.
Answer = Callable[[str], Awaitable[request.Response | None]]


class Door:
    """Serves a listening socket, which belongs to somebody else."""

    def __init__(
        self,
        listener: socket.socket,
        buffer: readbuffer.ReadBuffer,
        answer: Answer,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._buffer = buffer
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Serve until ``close``."""
        self._loop.add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Serve no more; what is under way is cut off."""
        self._loop.remove_reader(self._listener)
        if self._pause is not None:
            self._pause.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            # Another worker took it, or the client has gone.
            return
        except OSError:
            self._loop.remove_reader(self._listener)
            self._pause = self._loop.call_later(_PAUSE, self.open)
            return
        if len(self._tasks) >= MOST:
            sock.close()
            return
        task = asyncio.ensure_future(self._serve(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                try:
                    wire.tune(sock, _PATIENCE)
                    client = await inbox.attach(sock, self._buffer)
                except OSError:
                    sock.close()
                    return
                try:
                    await self._respond(client)
                finally:
                    if not client.wire.lost:
                        client.wire.transport.abort()

    async def _respond(self, client: inbox.Inbox) -> None:
        http = request.HttpConnection(client)
        head = None
        try:
            head = await http.request()
            if head is None:
                return
            response = await self._response(head)
        except request.RequestError as exc:
            response = request.Response(exc.status, exc.headers)
        head_only = head is not None and head.method == 'HEAD'
        http.respond(response, head_only=head_only)
        await client.flush()
        await closing.part(client.wire, None, self._buffer)

    async def _response(self, head: request.Request) -> request.Response:
        close = ('Connection', 'close')
        allow = ('Allow', 'GET, HEAD, OPTIONS')
        if head.method == 'OPTIONS':
            return request.Response(204, (close, allow))
        if head.method not in ('GET', 'HEAD'):
            return request.Response(405, (close, allow))
        answer = await self._answer(head.path)
        return answer or request.Response(404, (close,))


async def ask(door: socket.socket, path: str) -> bytes | None:
    """What another worker answers at its door; None if nothing in time."""
    loop = asyncio.get_running_loop()
    question = f'GET {path} HTTP/1.1\r\nHost: worker\r\n\r\n'
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with sock, contextlib.suppress(OSError, TimeoutError):
        sock.setblocking(False)
        async with asyncio.timeout(_SIBLING_PATIENCE):
            await loop.sock_connect(sock, door.getsockname())
            await loop.sock_sendall(sock, question.encode())
            return await _body(loop, sock)
    return None


async def _body(
    loop: asyncio.AbstractEventLoop, sock: socket.socket
) -> bytes | None:
    data = bytearray()
    while chunk := await loop.sock_recv(sock, 65536):
        data += chunk
        if len(data) > _LONGEST:
            return None
    _, end, body = bytes(data).partition(_END)
    return body if end and data.startswith(b'HTTP/1.1 200') else None
