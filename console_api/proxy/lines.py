# SPDX-License-Identifier: Apache-2.0
"""One session at a time on each serial line.

Who has a line listens on an abstract Unix socket of its name, so that all
processes of a host see it and the kernel gives it free when one dies. Whoever
wants the line connects there: a holder that keeps it says so, one that gives
it up closes the socket.
"""

import asyncio
from collections.abc import Callable
import contextlib
import hashlib
import os
import socket
import struct

from console_api.proxy import closing

#: What a holder says that keeps its line.
_KEPT = b'k'
_BACKLOG = 16
_CREDENTIALS = struct.Struct('3i')


class Line:
    """A serial line that one session has; ``release`` is for all to see."""

    def __init__(
        self, sock: socket.socket, wanted: Callable[[], bool]
    ) -> None:
        self._sock = sock
        self._wanted = wanted
        self._waiting: list[socket.socket] = []
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, self._asked)

    def release(self) -> None:
        """Let the next one have it; may be called again."""
        if self._sock.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        while self._waiting:
            self._waiting.pop().close()

    def _asked(self) -> None:
        try:
            peer, _ = self._sock.accept()
        except OSError:
            return
        peer.setblocking(False)
        # Another user of this host must not end our users' sessions.
        if _user_of(peer) == os.getuid() and self._wanted():
            self._waiting.append(peer)
            return
        with contextlib.suppress(OSError):
            peer.send(_KEPT)
        peer.close()


async def take(
    name: str, wanted: Callable[[], bool], *, insists: bool = True
) -> Line:
    """The line of this name, once it is free; the caller sets the deadline.

    ``wanted`` is called whenever another session wants the line, and returns
    whether this one gives it up, which it then does soon. Who does not
    ``insist`` asks nobody to.

    :raises EndedError: another session has it and keeps it
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    address = f'\0console-api-line-{digest}'
    while True:
        line = _bind(address, wanted)
        if line is not None:
            return line
        if not insists:
            raise closing.EndedError(closing.IN_USE)
        await _ask(address)


def _bind(address: str, wanted: Callable[[], bool]) -> Line | None:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(_BACKLOG)
        return Line(sock, wanted)
    except OSError:
        sock.close()
        return None


async def _ask(address: str) -> None:
    """Ask whoever has the line for it; return when it is free.

    :raises EndedError: it is kept
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        answer = b''
        try:
            sock.connect(address)
            loop = asyncio.get_running_loop()
            answer = await loop.sock_recv(sock, 1)
        except BlockingIOError:
            # So many wait for it already.
            answer = _KEPT
        except OSError:
            # It was given free just now; another turn of the loop, so that
            # a name that can never be had does not stop everything.
            await asyncio.sleep(0.01)
    if answer:
        raise closing.EndedError(closing.IN_USE)


def _user_of(peer: socket.socket) -> int:
    """The user who connected (SO_PEERCRED of unix(7))."""
    packed = peer.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    return int(_CREDENTIALS.unpack(packed)[1])
