# SPDX-License-Identifier: Apache-2.0
"""TCP ports for consoles that can be reached on this host only.

Each bridge is one port for one run of one device. Nothing is held back: a
side that is slow stops the other one, down to the guest where it can wait.
"""

from collections.abc import Callable
import contextlib
import socket
import threading
import time
from typing import Protocol

from oslo_log import log as logging

from console_api import keepalive
from console_api import threads

LOG = logging.getLogger(__name__)

_CHUNK = 64 * 1024
#: How often a bridge looks whether anybody still needs it, in seconds.
_TICK = 1.0
#: How long a client waits for its predecessor to be gone, in seconds.
_TURN = 1.0
#: A client that vanished is noticed within twice as many seconds.
_KEEPALIVE = 30.0


class Backend(Protocol):
    """The guest's side of one client's connection."""

    def read(self) -> bytes:
        """What came next; waits for it. Empty at the end."""
        ...

    def write(self, data: bytes) -> None:
        """Hand this on, however long that takes.

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

    def write(self, data: bytes) -> None:
        """See :class:`Backend`."""
        self._sock.sendall(data)

    def close(self) -> None:
        """See :class:`Backend`."""
        _end(self._sock)


#: Reaches the guest for one client.
#: :raises OSError: that is not possible
Opener = Callable[[], Backend]


class Bridge:
    """Listens on a free port of ``address`` from the start until the end.

    ``clients`` may be connected at once; another one is closed unless one of
    them leaves within a second. The bridge ends by itself when nobody was
    connected, and nobody called :meth:`touch`, for ``idle`` seconds.

    :raises OSError: the address is not this host's
    """

    def __init__(
        self, address: str, opener: Opener, clients: int, idle: float
    ) -> None:
        self._opener = opener
        self._idle = idle
        self._slots = threading.BoundedSemaphore(clients)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._used = time.monotonic()
        family = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0][0]
        self._listener = socket.create_server((address, 0), family=family)
        self._listener.settimeout(_TICK)
        self.port: int = self._listener.getsockname()[1]
        threads.Supervised('bridge', self._accept).start()

    def touch(self) -> bool:
        """Whether it still listens; if so, the idle time starts anew."""
        with self._lock:
            self._used = time.monotonic()
            return not self._closed

    def close(self) -> None:
        """Listen no more and end every connection; may be repeated."""
        with self._lock:
            self._closed = True
            clients = list(self._open)
        # Wakes the thread that accepts; it then closes the socket.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for client in clients:
            _shut(client)

    def _accept(self) -> None:
        while not self._over():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as exc:
                if not self._closed:
                    LOG.warning('A bridge ends: %s', exc)
                    self.close()
                break
            self._welcome(client)
        self._listener.close()

    def _over(self) -> bool:
        with self._lock:
            unused = time.monotonic() - self._used
            if not self._open and unused > self._idle:
                self._closed = True
            return self._closed

    def _welcome(self, client: socket.socket) -> None:
        if not self._slots.acquire(timeout=_TURN):
            LOG.info('Port %d is in use: a client is refused', self.port)
            client.close()
            return
        with self._lock:
            self._open.add(client)
            closed = self._closed
        if closed:
            self._leave(client)
            return
        serving = threading.Thread(
            target=self._serve,
            args=(client,),
            name='bridge-client',
            daemon=True,
        )
        try:
            serving.start()
        except RuntimeError:
            # There are no threads to be had; the next client may have one.
            self._leave(client)
            raise

    def _serve(self, client: socket.socket) -> None:
        try:
            _tune(client)
            self._carry(client, self._opener())
        except OSError as exc:
            LOG.warning('The guest behind port %d: %s', self.port, exc)
        except Exception:
            LOG.exception('A client of port %d failed', self.port)
        finally:
            self._leave(client)

    def _carry(self, client: socket.socket, backend: Backend) -> None:
        typing = threading.Thread(
            target=_type,
            args=(client, backend),
            name='bridge-input',
            daemon=True,
        )
        try:
            typing.start()
            while data := backend.read():
                client.sendall(data)
        except OSError as exc:
            LOG.debug('Port %d lost its client: %s', self.port, exc)
        finally:
            backend.close()
            _shut(client)
            if typing.ident is not None:
                typing.join()

    def _leave(self, client: socket.socket) -> None:
        _end(client)
        with self._lock:
            self._open.discard(client)
            self._used = time.monotonic()
        self._slots.release()


def _type(client: socket.socket, backend: Backend) -> None:
    """Carry what the client sends until one of them ends."""
    try:
        while data := client.recv(_CHUNK):
            backend.write(data)
    except OSError as exc:
        LOG.debug('A client or its guest ended: %s', exc)
    finally:
        backend.close()


def _tune(client: socket.socket) -> None:
    client.settimeout(None)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    keepalive.turn_on(client, _KEEPALIVE)


def _shut(sock: socket.socket) -> None:
    """End the calls of other threads that wait on this socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _end(sock: socket.socket) -> None:
    _shut(sock)
    sock.close()
