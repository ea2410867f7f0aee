# SPDX-License-Identifier: Apache-2.0
"""One client of a bridge: carries between it and its guest, until one ends.

Two threads carry. While the guest takes nothing one of them waits for it, and
so nobody reads of the client that it has left; the bridge looks for that.
"""

from collections.abc import Callable
import contextlib
import socket
import threading
import time
from typing import Protocol

from oslo_log import log as logging

from console_api import keepalive

LOG = logging.getLogger(__name__)

_CHUNK = 64 * 1024
#: For how long a guest may take nothing of what a client has sent that has
#: left, in seconds; then that is given up. A slow line empties its buffers
#: with pauses of seconds.
STALLED = 10.0
#: The same while another client wants its place.
_WANTED = 1.0
#: The most that is read of a client before its guest takes it, to see whether
#: its end is behind, in bytes. More does not wait at its host: Linux lets a
#: socket send 4 MiB ahead.
_AHEAD = 4 * 1024 * 1024


class Backend(Protocol):
    """The guest's side of one client's connection."""

    def read(self) -> bytes:
        """What came next; waits for it. Empty at the end."""
        ...

    def write(self, data: memoryview) -> int:
        """Hand on some of this, however long that takes; returns how much.

        :raises OSError: the guest takes nothing any more
        """
        ...

    def close(self) -> None:
        """Release everything and end calls that wait; may be repeated."""
        ...


class SocketBackend:
    """A connection to a socket of the emulator."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self) -> bytes:
        """See :class:`Backend`."""
        try:
            return self._sock.recv(_CHUNK)
        except OSError:
            return b''

    def write(self, data: memoryview) -> int:
        """See :class:`Backend`."""
        return self._sock.send(data)

    def close(self) -> None:
        """See :class:`Backend`."""
        shut(self._sock)
        self._sock.close()


#: Reaches the guest for one client.
#: :raises OSError: that is not possible
Opener = Callable[[], Backend]


class Client:
    """A connection of a bridge; ``run`` it in a thread of its own."""

    def __init__(self, sock: socket.socket, opener: Opener) -> None:
        self._sock = sock
        self._opener = opener
        self._lock = threading.Lock()
        self._backend: Backend | None = None
        self._over = False
        #: Whether the client sends no more.
        self._left = False
        #: What was read of it before its turn.
        self._ahead = bytearray()
        #: Since when its host acknowledges nothing of what it was sent.
        self._silent: float | None = None
        #: Since when the guest has taken nothing that was offered to it; None
        #: while nothing is.
        self._stalled: float | None = None

    def run(self) -> None:
        """Carry until one of them ends, or somebody ends it."""
        try:
            backend = self._opener()
        except OSError as exc:
            LOG.warning('A guest cannot be reached: %s', exc)
            self.end()
            return
        with self._lock:
            self._backend = backend
            over = self._over
        if over:
            # It has ended meanwhile, and nobody knew of this one.
            backend.close()
            return
        typing = threading.Thread(
            target=self._type,
            args=(backend,),
            name='bridge-input',
            daemon=True,
        )
        typing.start()
        try:
            while data := backend.read():
                self._sock.sendall(data)
        except OSError as exc:
            LOG.debug('A client was lost: %s', exc)
        finally:
            self.end()
            typing.join()

    def end(self) -> None:
        """End both directions; may be repeated."""
        with self._lock:
            self._over = True
            backend = self._backend
        shut(self._sock)
        if backend is not None:
            backend.close()

    def leaves(self) -> None:
        """The client sends no more; what it has sent may still be taken."""
        self._left = True

    def look(self, *, wanted: bool = False) -> None:
        """End it if it has left and its guest takes nothing.

        It takes less where its place is ``wanted``.
        """
        stalled = self._stalled
        if not self._left or stalled is None:
            return
        limit = _WANTED if wanted else STALLED
        if time.monotonic() - stalled >= limit:
            LOG.info('A client has left whose guest takes nothing')
            self.end()

    def is_silent(self, limit: float) -> bool:
        """Whether its host has acknowledged nothing for so many seconds."""
        now = time.monotonic()
        try:
            self._silent = keepalive.unanswered_since(
                self._sock, self._silent, now
            )
        except OSError:
            # It has ended just now.
            return False
        return self._silent is not None and now - self._silent >= limit

    def make_room(self) -> None:
        """Another client wants its place: end it if it has left.

        Its end may be behind what waits, so that is read.
        """
        self._look_ahead()
        self.look(wanted=True)

    def _look_ahead(self) -> None:
        with self._lock:
            if self._stalled is None or self._left:
                return
            try:
                while len(self._ahead) < _AHEAD:
                    data = self._sock.recv(_CHUNK, socket.MSG_DONTWAIT)
                    self._ahead += data
                    if not data:
                        self._left = True
                        break
            except BlockingIOError:
                pass
            except OSError:
                self._left = True

    def _type(self, backend: Backend) -> None:
        """Carry what the client sends until one of them ends."""
        try:
            while data := self._next():
                self._offer(backend, data)
        except OSError as exc:
            LOG.debug('A client or its guest ended: %s', exc)
        finally:
            self.end()

    def _next(self) -> bytes:
        with self._lock:
            self._stalled = None
            if self._ahead:
                data = bytes(self._ahead)
                self._ahead.clear()
                return data
        return self._sock.recv(_CHUNK)

    def _offer(self, backend: Backend, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # From here on the bridge may read ahead.
            self._stalled = time.monotonic()
            rest = rest[backend.write(rest) :]


def shut(sock: socket.socket) -> None:
    """End the calls of other threads that wait on this socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
