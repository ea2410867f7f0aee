# SPDX-License-Identifier: Apache-2.0
"""Serial ports on ptys, through libvirt's console stream.

libvirt gives one client a port, so the agent takes it once and shares it:
between the console that is open and the log that is kept. libvirt goes on
to send while nobody reads, so what waits for a slow reader is bounded here,
and what is too much is lost from its beginning, as on a real serial line.
"""

import collections
from collections.abc import Callable
import contextlib
import threading
from typing import Any
from typing import Protocol

from oslo_log import log as logging

from console_api.virt.libvirt import connection

LOG = logging.getLogger(__name__)

_CHUNK = 64 * 1024
#: How much may wait for a slow client, in bytes.
_WAITING = 1024 * 1024
#: How long to wait before libvirt is offered input again, in seconds.
_RETRY = 0.02
#: What a stream answers that has nothing to give or no room.
_WOULD_BLOCK = -2


class Sink(Protocol):
    """Somebody who reads a port; called in libvirt's thread: never waits."""

    def put(self, data: bytes) -> None:
        """The guest wrote this."""
        ...

    def end(self) -> None:
        """Nothing follows."""
        ...


class Output:
    """What waits for one reader; the oldest is lost above ``limit`` bytes."""

    def __init__(self, limit: int = _WAITING) -> None:
        self._limit = limit
        self._chunks: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, data: bytes) -> None:
        """See :class:`Sink`."""
        with self._changed:
            self._chunks.append(data)
            self._size += len(data)
            while self._size > self._limit and len(self._chunks) > 1:
                self._size -= len(self._chunks.popleft())
            self._changed.notify()

    def end(self) -> None:
        """See :class:`Sink`."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> bytes:
        """The next piece; waits for it. Empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended)
            if not self._chunks:
                return b''
            data = self._chunks.popleft()
            self._size -= len(data)
            return data


class Pty:
    """One port, open from the start until somebody or the guest ends it.

    ``stream`` is a virStream that does not block, with a console open on it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._sinks: list[Sink] = []
        self._ended = threading.Event()
        virt = connection.libvirt
        stream.eventAddCallback(
            virt.VIR_STREAM_EVENT_READABLE
            | virt.VIR_STREAM_EVENT_HANGUP
            | virt.VIR_STREAM_EVENT_ERROR,
            self._ready,
            None,
        )

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._ended.is_set()

    def attach(self, sink: Sink) -> None:
        """Give this reader what comes from now on."""
        with self._lock:
            self._sinks.append(sink)
            over = self.ended
        if over:
            sink.end()

    def detach(self, sink: Sink) -> int:
        """Give it no more; returns how many readers are left."""
        with self._lock:
            with contextlib.suppress(ValueError):
                self._sinks.remove(sink)
            return len(self._sinks)

    def write(self, data: memoryview, over: threading.Event) -> int:
        """Type some of this; returns how much.

        Waits while the guest takes nothing, until ``over`` is set.

        :raises OSError: the port is closed, or it is over
        """
        while not (self.ended or over.is_set()):
            try:
                with self._writing:
                    sent = int(self._stream.send(bytes(data)))
            except connection.libvirt.libvirtError as exc:
                raise OSError(connection.message(exc)) from exc
            if sent != _WOULD_BLOCK:
                return sent
            over.wait(_RETRY)
        raise OSError('the port is closed')

    def close(self) -> None:
        """Release the port; every reader gets its end. May be repeated."""
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
            sinks = list(self._sinks)
        for call in (self._stream.eventRemoveCallback, self._stream.abort):
            # It is gone already if the guest or the daemon is.
            with contextlib.suppress(connection.libvirt.libvirtError):
                call()
        for sink in sinks:
            sink.end()

    def _ready(self, stream: Any, events: int, opaque: object) -> None:
        del events, opaque
        try:
            data = stream.recv(_CHUNK)
        except connection.libvirt.libvirtError as exc:
            LOG.debug('A console stream broke: %s', exc)
            data = b''
        if data == _WOULD_BLOCK:
            return
        if not data:
            self.close()
            return
        with self._lock:
            sinks = list(self._sinks)
        for sink in sinks:
            sink.put(data)


class PtyBackend:
    """One client of a port, for a bridge."""

    def __init__(self, pty: Pty, leave: Callable[[Sink], None]) -> None:
        self._pty = pty
        self._leave = leave
        self._output = Output()
        #: The port may stay open, for its log.
        self._over = threading.Event()
        pty.attach(self._output)

    def read(self) -> bytes:
        """See ``bridge_client.Backend``."""
        return self._output.take()

    def write(self, data: memoryview) -> int:
        """See ``bridge_client.Backend``."""
        return self._pty.write(data, self._over)

    def close(self) -> None:
        """See ``bridge_client.Backend``."""
        self._over.set()
        self._leave(self._output)
        self._output.end()


class Ptys:
    """The ports of one libvirt that somebody reads, each open once."""

    def __init__(self, libvirt: connection.Connection) -> None:
        self._libvirt = libvirt
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Pty] = {}

    def backend(self, server_id: str, alias: str) -> PtyBackend:
        """A client of this port.

        :raises OSError: it cannot be opened; somebody else may have it
        """
        key = (server_id, alias)
        with self._lock:
            pty = self._opened(key)
            return PtyBackend(pty, lambda sink: self._leave(key, pty, sink))

    def attach(self, server_id: str, alias: str, sink: Sink) -> None:
        """Give a reader what the guest writes there, until its end.

        :raises OSError: see :meth:`backend`
        """
        with self._lock:
            self._opened((server_id, alias)).attach(sink)

    def end(self, server_id: str | None = None) -> None:
        """Close the ports of a server, or of every server."""
        with self._lock:
            keys = [k for k in self._open if server_id in (None, k[0])]
            ended = [self._open.pop(key) for key in keys]
        for pty in ended:
            pty.close()

    def _opened(self, key: tuple[str, str]) -> Pty:
        pty = self._open.get(key)
        if pty is None or pty.ended:
            pty = self._open[key] = Pty(self._stream(*key))
        return pty

    def _stream(self, server_id: str, alias: str) -> Any:
        def open_console(conn: Any) -> Any:
            stream = conn.newStream(connection.libvirt.VIR_STREAM_NONBLOCK)
            handle = conn.lookupByUUIDString(server_id)
            handle.openConsole(alias, stream, 0)
            return stream

        try:
            return self._libvirt.run(open_console, server_id)
        except (
            connection.libvirt.libvirtError,
            connection.Unavailable,
        ) as exc:
            raise OSError(connection.message(exc)) from exc

    def _leave(self, key: tuple[str, str], pty: Pty, sink: Sink) -> None:
        with self._lock:
            if pty.detach(sink):
                return
            if self._open.get(key) is pty:
                del self._open[key]
        pty.close()
