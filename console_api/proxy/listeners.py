# SPDX-License-Identifier: Apache-2.0
"""The sockets that the proxy listens on, and what they accept."""

import asyncio
from collections.abc import Callable
import errno
import logging
import socket
from typing import Any
from typing import TypeAlias

from console_api.proxy import wire

LOG = logging.getLogger(__name__)

_BACKLOG = 1024
#: Connections that are accepted before others get their turn.
_ACCEPT_BATCH = 64
#: How long to wait for descriptors or memory before accepting again.
_ACCEPT_PAUSE = 0.5
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

#: Given each connection, and who it is from as the socket says.
Taker: TypeAlias = Callable[[socket.socket, Any], None]


class Listeners:
    """Hands each new connection to ``take``, on the loop of ``start``."""

    def __init__(self, take: Taker) -> None:
        self._take = take
        self._sockets: list[socket.socket] = []
        self._pauses: set[asyncio.TimerHandle] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that it listens on."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    async def listen(self, host: str, port: int, reuse_port: bool) -> None:
        """Listen on all addresses of a host.

        :raises OSError: one of them cannot be listened on
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, _, _, _, address in found:
                self._sockets.append(_listen(family, address, reuse_port))
        except OSError:
            self._close()
            raise

    def start(self) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock, self._accept, sock)

    def stop(self) -> None:
        """Listen no more; may be called again."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
        self._close()
        for handle in self._pauses:
            handle.cancel()
        self._pauses.clear()

    def _close(self) -> None:
        while self._sockets:
            self._sockets.pop().close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPT_BATCH):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as exc:
                if exc.errno not in _EXHAUSTED:
                    raise
                self._pause(listener, exc)
                return
            self._take(sock, address)

    def _pause(self, listener: socket.socket, exc: OSError) -> None:
        """Leave new connections in the backlog until others have ended."""
        LOG.error('Accepting no connections for a moment: %s', exc.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)

        def resume() -> None:
            self._pauses.discard(handle)
            loop.add_reader(listener, self._accept, listener)

        handle = loop.call_later(_ACCEPT_PAUSE, resume)
        self._pauses.add(handle)


def _listen(
    family: int,
    address: tuple[str | int, ...] | tuple[int, bytes],
    reuse_port: bool,
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            # The kernel spreads the connections over all who listen.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _begin(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _begin(sock: socket.socket, address: Any) -> None:
    # Accepted sockets inherit it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wire.RECEIVE_BUFFER)
    sock.setblocking(False)
    sock.bind(address)
    sock.listen(_BACKLOG)
