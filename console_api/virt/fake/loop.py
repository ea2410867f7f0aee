# SPDX-License-Identifier: Apache-2.0
"""One thread that carries the bytes of every simulated console.

It sleeps while nothing is connected. A client that reads slowly holds at most
one message of its own; a client that misbehaves loses its own connection.
Clients take turns: none of them keeps the others waiting for long.
"""

from collections.abc import Callable
import dataclasses
import queue
import selectors
import socket
import time
from typing import Protocol

from oslo_log import log as logging

from console_api import threads

LOG = logging.getLogger(__name__)

_ADDRESS = '127.0.0.1'
_READ_BYTES = 64 * 1024
_BACKLOG = 64
#: What the system may take of a client's messages before it reads them.
_SEND_BUFFER = 256 * 1024
#: So often is sent to one client before the others have their turn.
_SENDS_A_TURN = 16


class Session(Protocol):
    """One client of a service, without its socket."""

    def receive(self, data: bytes) -> None:
        """Take what the client sent."""

    def wants_input(self) -> bool:
        """Whether the client may send more; it may while nothing waits."""

    def produce(self) -> bytes:
        """What to send next; called once the last of it is sent."""

    def is_started(self) -> bool:
        """Whether the client finished its handshake."""

    def why_closed(self) -> str | None:
        """Why the connection is over, or None while it is not."""

    def end(self) -> None:
        """The connection is gone; nothing is called after this."""


class Service(Protocol):
    """What listens on one port."""

    def open(self) -> Session:
        """A session for a client that just connected."""

    def tick(self) -> None:
        """A second has passed; called only while clients are connected."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """At most so many clients of a service; seconds for their handshake."""

    clients: int = 64
    handshake: float = 10.0


@dataclasses.dataclass
class _Connection:
    socket: socket.socket
    service: Service
    session: Session
    deadline: float
    events: int = selectors.EVENT_READ
    output: memoryview = dataclasses.field(
        default_factory=lambda: memoryview(b'')
    )


class Loop:
    """The thread, its listeners and their clients."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._selector = selectors.DefaultSelector()
        self._listeners: dict[socket.socket, Service] = {}
        self._clients: dict[socket.socket, _Connection] = {}
        self._calls: queue.SimpleQueue[Callable[[], None]] = (
            queue.SimpleQueue()
        )
        self._waker, self._wakened = socket.socketpair()
        self._wakened.setblocking(False)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threads.Supervised('simulated-consoles', self._run)
        self._thread.start()

    def listen(self, service: Service, address: str = _ADDRESS) -> int:
        """Serve it on a free port of this address and say which.

        :raises OSError: the address is not this host's, or there is no port
            or no descriptor left
        """
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        listener = socket.create_server(
            (address, 0), family=family, backlog=_BACKLOG
        )
        listener.setblocking(False)
        port: int = listener.getsockname()[1]
        self._call(lambda: self._add_listener(listener, service))
        return port

    def close(self) -> None:
        """Close every socket and end the thread."""
        self._call(self._stop)
        self._thread.join()
        self._waker.close()

    def _call(self, function: Callable[[], None]) -> None:
        self._calls.put(function)
        self._waker.send(b'\0')

    def _add_listener(self, listener: socket.socket, service: Service) -> None:
        self._listeners[listener] = service
        self._selector.register(listener, selectors.EVENT_READ)

    def _stop(self) -> None:
        self._stopping = True

    def _run(self) -> None:
        second = 0
        while not self._stopping:
            for key, mask in self._selector.select(self._timeout()):
                self._ready(key.fileobj, mask)
            if self._clients and int(time.time()) != second:
                second = int(time.time())
                self._tick()
            self._flush_all()
        for connection in list(self._clients.values()):
            self._drop(connection, 'the driver was closed')
        for listener in self._listeners:
            listener.close()
        self._wakened.close()
        self._selector.close()

    def _timeout(self) -> float | None:
        """Until the clock shows the next second; for ever without clients."""
        if not self._clients:
            return None
        now = time.time()
        return int(now) + 1 - now

    def _ready(self, ready: object, mask: int) -> None:
        if ready is self._wakened:
            self._wakened.recv(_READ_BYTES)
            while not self._calls.empty():
                self._calls.get()()
            return
        assert isinstance(ready, socket.socket)
        if ready in self._listeners:
            self._accept(ready)
        elif ready in self._clients and mask & selectors.EVENT_READ:
            self._read(self._clients[ready])

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _address = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as exc:
            # Out of descriptors: the client stays in the backlog, and
            # without a pause this would be tried again without end.
            LOG.warning('A simulated console cannot be opened: %s', exc)
            time.sleep(0.1)
            return
        service = self._listeners[listener]
        if self._clients_of(service) >= self._limits.clients:
            LOG.warning('A simulated console has too many clients')
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._clients[client] = _Connection(
            client,
            service,
            service.open(),
            time.monotonic() + self._limits.handshake,
        )
        self._selector.register(client, selectors.EVENT_READ)

    def _clients_of(self, service: Service) -> int:
        return sum(
            connection.service is service
            for connection in self._clients.values()
        )

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self._drop(connection, str(exc))
            return
        if not data:
            self._drop(connection, 'the client went away')
            return
        try:
            connection.session.receive(data)
        except Exception as exc:
            LOG.exception('A simulated console failed')
            self._drop(connection, str(exc))

    def _tick(self) -> None:
        now = time.monotonic()
        services: list[Service] = []
        for connection in list(self._clients.values()):
            late = connection.deadline < now
            if late and not connection.session.is_started():
                self._drop(connection, 'the handshake took too long')
            elif connection.service not in services:
                services.append(connection.service)
        for service in services:
            service.tick()

    def _flush_all(self) -> None:
        # What one client did may be news for the others of its service.
        for connection in list(self._clients.values()):
            try:
                self._flush(connection)
            except OSError as exc:
                self._drop(connection, str(exc))
            except Exception as exc:
                LOG.exception('A simulated console failed')
                self._drop(connection, str(exc))

    def _flush(self, connection: _Connection) -> None:
        waiting = self._send(connection)
        why = connection.session.why_closed()
        if why is not None:
            # What does not fit into the socket now is lost: the end of a
            # connection is short, and nobody waits for it.
            self._drop(connection, why)
            return
        events = selectors.EVENT_WRITE if waiting else 0
        if not waiting or connection.session.wants_input():
            events |= selectors.EVENT_READ
        if connection.events != events:
            connection.events = events
            self._selector.modify(connection.socket, events)

    def _send(self, connection: _Connection) -> bool:
        """Send what there is, for one turn; whether there may be more."""
        for _ in range(_SENDS_A_TURN):
            if not connection.output:
                connection.output = memoryview(connection.session.produce())
            if not connection.output:
                return False
            try:
                sent = connection.socket.send(connection.output)
            except BlockingIOError:
                break
            connection.output = connection.output[sent:]
        return True

    def _drop(self, connection: _Connection, why: str) -> None:
        LOG.debug('A client of a simulated console is gone: %s', why)
        del self._clients[connection.socket]
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.session.end()
