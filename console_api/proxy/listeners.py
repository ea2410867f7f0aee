# SPDX-License-Identifier: Apache-2.0
"""The sockets that the proxy listens on, and what they accept."""

import asyncio
from collections.abc import Callable
import contextlib
import dataclasses
import errno
import logging
import os
import socket
import stat
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


@dataclasses.dataclass(frozen=True)
class Place:
    """Where to listen: on a port, or on a socket that listens already.

    With ``reuse_port`` other processes may listen beside this one.
    """

    host: str = ''
    port: int = 0
    reuse_port: bool = False
    shared: socket.socket | None = None


class UnixSocket:
    """A Unix socket that listens; one process makes it, others may share it.

    What a process that was killed has left behind is replaced.

    :raises OSError: something else is in its place, or somebody listens there
    """

    def __init__(self, path: str, mode: int) -> None:
        self._path = path
        self._clear()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.bind(path)
            # Nobody can connect before it listens.
            os.chmod(path, mode)
            self.socket.setblocking(False)
            self.socket.listen(_BACKLOG)
            self._made = os.lstat(path)
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        """Listen no more and take it away; may be called again."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self._path), self._made):
                os.unlink(self._path)

    def _clear(self) -> None:
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise FileExistsError(
                errno.EEXIST, 'there is something that is no socket'
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            # A full backlog must not hold up the start.
            probe.setblocking(False)
            try:
                probe.connect(self._path)
            except ConnectionRefusedError:
                os.unlink(self._path)
                return
            except BlockingIOError:
                pass
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


class Listeners:
    """Hands each new connection to ``take``, on the loop of ``start``."""

    def __init__(self, take: Taker) -> None:
        self._take = take
        self._sockets: list[socket.socket] = []
        self._pauses: set[asyncio.TimerHandle] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that it listens on."""
        return [
            sock.getsockname()[:2]
            for sock in self._sockets
            if sock.family != socket.AF_UNIX
        ]

    async def listen(self, place: Place) -> None:
        """Listen there, on all addresses of the host.

        :raises OSError: one of them cannot be listened on
        """
        if place.shared is not None:
            self._sockets.append(place.shared)
            return
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            place.host,
            place.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        only = len({entry[0] for entry in found}) > 1
        try:
            for family, _, _, _, address in found:
                self._sockets.append(
                    listen(family, address, place.reuse_port, only)
                )
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


def listen(
    family: int, address: Any, reuse_port: bool, only_ipv6: bool
) -> socket.socket:
    """Listen on one address; ``::`` takes IPv4 too, unless told not to.

    :raises OSError: it cannot be listened on
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            # The kernel spreads the connections over all who listen.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_ipv6)
        # Accepted sockets inherit it.
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, wire.RECEIVE_BUFFER
        )
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
