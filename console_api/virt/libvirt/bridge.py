# SPDX-License-Identifier: Apache-2.0
"""TCP ports for consoles that can be reached on this host only.

Each bridge is one port for one run of one device. Nothing is held back: a
side that is slow stops the other one, down to the guest where it can wait.
"""

import select
import socket
import threading
import time

from oslo_log import log as logging

from console_api import keepalive
from console_api import threads
from console_api.virt.libvirt import bridge_client

LOG = logging.getLogger(__name__)

#: How often a bridge looks whether anybody still needs it, in seconds.
_TICK = 1.0
#: How long a client waits for its predecessor to be gone, in seconds.
_TURN = 2.0
#: How often it is looked for that meanwhile, in seconds.
_SLICE = 0.05
#: A client that vanished is noticed within twice as many seconds.
KEEPALIVE = 30.0


class Bridge:
    """Listens on a free port of ``address`` from the start until the end.

    ``clients`` may be connected at once; another one is closed unless one of
    them leaves within two seconds. The bridge ends by itself when nobody was
    connected, and nobody called :meth:`touch`, for ``idle`` seconds.

    :raises OSError: the address is not this host's
    """

    def __init__(
        self,
        address: str,
        opener: bridge_client.Opener,
        clients: int,
        idle: float,
    ) -> None:
        self._opener = opener
        self._idle = idle
        self._slots = threading.BoundedSemaphore(clients)
        self._lock = threading.Lock()
        self._open: set[bridge_client.Client] = set()
        self._closed = False
        self._used = time.monotonic()
        family = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0][0]
        self._listener = socket.create_server((address, 0), family=family)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        #: Of the thread that accepts. It has descriptors of its own, as those
        #: of the clients are closed by other threads.
        self._poll = select.poll()
        self._watched: dict[
            int, tuple[socket.socket, bridge_client.Client]
        ] = {}
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
        bridge_client.shut(self._listener)
        for client in clients:
            client.end()

    def _accept(self) -> None:
        self._poll.register(self._listener, select.POLLIN)
        while not self._over():
            if not self._attend(_TICK):
                continue
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                continue
            except OSError as exc:
                if not self._closed:
                    LOG.warning('A bridge ends: %s', exc)
                    self.close()
                break
            self._welcome(sock)
        # Not after another error: the thread then goes on from the start.
        self._listener.close()
        for own, _ in self._watched.values():
            own.close()

    def _attend(self, timeout: float) -> bool:
        """Notice what clients do; returns whether a new one has come."""
        somebody = False
        for descriptor, events in self._poll.poll(timeout * 1000):
            if descriptor not in self._watched:
                somebody = True
                continue
            own, client = self._watched[descriptor]
            if events & (select.POLLHUP | select.POLLERR):
                client.end()
                del self._watched[descriptor]
                self._poll.unregister(descriptor)
                own.close()
            else:
                # That it is lost is told in any case.
                self._poll.modify(descriptor, 0)
                client.leaves()
        for _, client in self._watched.values():
            client.look()
            if client.is_silent(KEEPALIVE):
                LOG.info('The host of a client of port %d is dead', self.port)
                client.end()
        return somebody

    def _over(self) -> bool:
        with self._lock:
            unused = time.monotonic() - self._used
            if not self._open and unused > self._idle:
                self._closed = True
            return self._closed

    def _welcome(self, sock: socket.socket) -> None:
        try:
            _tune(sock)
            own = sock.dup()
        except OSError as exc:
            LOG.debug('A client of port %d has gone: %s', self.port, exc)
            sock.close()
            return
        if not self._has_slot():
            LOG.info('Port %d is in use: a client is refused', self.port)
            own.close()
            sock.close()
            return
        client = bridge_client.Client(sock, self._opener)
        self._watched[own.fileno()] = (own, client)
        self._poll.register(own, select.POLLRDHUP)
        with self._lock:
            self._open.add(client)
            closed = self._closed
        if closed:
            client.end()
        serving = threading.Thread(
            target=self._serve,
            args=(sock, client),
            name='bridge-client',
            daemon=True,
        )
        try:
            serving.start()
        except RuntimeError:
            # There are no threads to be had; the next client may have one.
            self._leave(sock, client)
            raise

    def _has_slot(self) -> bool:
        """Whether there is one, or one gets free in time."""
        deadline = time.monotonic() + _TURN
        while not self._slots.acquire(timeout=_SLICE):
            if self._closed or time.monotonic() >= deadline:
                return False
            for _, client in self._watched.values():
                client.make_room()
            self._attend(0)
        return True

    def _serve(
        self, sock: socket.socket, client: bridge_client.Client
    ) -> None:
        try:
            client.run()
        except Exception:
            LOG.exception('A client of port %d failed', self.port)
        finally:
            self._leave(sock, client)

    def _leave(
        self, sock: socket.socket, client: bridge_client.Client
    ) -> None:
        client.end()
        sock.close()
        with self._lock:
            self._open.discard(client)
            self._used = time.monotonic()
        self._slots.release()


def _tune(client: socket.socket) -> None:
    client.settimeout(None)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    keepalive.turn_on(client, KEEPALIVE)
