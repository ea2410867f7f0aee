# SPDX-License-Identifier: Apache-2.0
"""Writes to one peer with as few copies as the kernel allows."""

import asyncio
import contextlib
import fcntl
import os
import select
import socket
import struct
import termios

from console_api import keepalive

#: The kernel keeps at most this much that a stalled side does not take.
RECEIVE_BUFFER = 1024 * 1024
#: The most buffers that one writev() takes on Linux.
_IOV_MAX = 1024
#: Bytes that may wait for the end of a turn; more are not worth a copy.
_SMALL = 2048
#: For SO_LINGER (socket(7)): on, and for no second.
_AT_ONCE = struct.pack('ii', 1, 0)


def tune(sock: socket.socket, interval: float) -> None:
    """Set up a TCP socket: no delay, no blocking, dead peers are noticed.

    They are asked for a sign of life every ``interval`` seconds.
    """
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        # A key press must not wait for the acknowledgement of the last one.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keepalive.turn_on(sock, interval)


def peer_text(address: tuple[str, int]) -> str:
    """The address and port of the other side, for the log."""
    host, port = address
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


class Wire:
    """The sending side of a transport over plain TCP.

    While the transport's own queue is empty data goes straight to the socket
    and only what the kernel did not take is copied. ``blocked`` is kept by
    the protocol's ``pause_writing`` and ``resume_writing``: the water mark is
    zero, so it is true whenever anything is queued. ``ended`` says that the
    peer sends no more, ``lost`` that the connection is gone; the protocol
    keeps them too.
    """

    __slots__ = (
        '_fd',
        '_held',
        '_unanswered',
        'blocked',
        'ended',
        'lost',
        'transport',
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.blocked = False
        self.ended = False
        self.lost = False
        self._held = b''
        self._unanswered: float | None = None
        self._fd: int = transport.get_extra_info('socket').fileno()
        transport.set_write_buffer_limits(high=0)

    @property
    def descriptor(self) -> int:
        """The number of the socket."""
        return self._fd

    def write_soon(self, data: bytes | memoryview, outbox: 'Outbox') -> None:
        """Send a few bytes at the end of this turn of the event loop.

        What is written otherwise goes after them; more are sent at once.
        """
        if len(data) > _SMALL or self.blocked:
            self.write(data)
            return
        if not self._held:
            outbox.add(self)
        self._held += data

    def flush(self) -> None:
        """Send what waits for the end of this turn."""
        if self._held:
            data, self._held = self._held, b''
            self._send(data)

    def write(self, data: bytes | memoryview) -> None:
        """Send; what cannot go at once is copied and queued."""
        if self._held:
            data, self._held = self._held + data, b''
        self._send(data)

    def _send(self, data: bytes | memoryview) -> None:
        transport = self.transport
        # A closed transport's descriptor may be another session's by now.
        if transport.is_closing():
            return
        if not self.blocked:
            try:
                sent = os.write(self._fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                transport.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(bytes(data))

    def write_all(self, chunks: list[bytes]) -> None:
        """Send several pieces in order, in one system call if they fit."""
        if len(chunks) == 1:
            self.write(chunks[0])
        elif self.blocked or len(chunks) > _IOV_MAX:
            self.write(b''.join(chunks))
        elif chunks and not self.transport.is_closing():
            self.flush()
            self._write_vector(chunks)

    def _write_vector(self, chunks: list[bytes]) -> None:
        try:
            sent = os.writev(self._fd, chunks)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.transport.abort()
            return
        if sent != sum(map(len, chunks)):
            self.transport.write(b''.join(chunks)[sent:])

    def queued(self) -> int:
        """Bytes that the kernel still holds for the peer."""
        if self.transport.is_closing():
            return 0
        answer = fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack('i', answer)[0])

    def has_left(self) -> bool:
        """Whether the peer has ended the connection, or the kernel has.

        Nobody is told of it while the peer is not read.
        """
        if self.transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLRDHUP)
        return bool(poll.poll(0))

    def is_silent(self, now: float, limit: float) -> bool:
        """Whether the peer's host has acknowledged nothing for so long.

        In seconds, from the look at which that was first seen.
        """
        if self.transport.is_closing():
            return False
        sock = self.transport.get_extra_info('socket')
        since = keepalive.unanswered_since(sock, self._unanswered, now)
        self._unanswered = since
        return since is not None and now - since >= limit

    def reset(self) -> None:
        """End at once, and let the peer know at once.

        An end comes behind what the kernel still holds for the peer, which
        may never read it; a reset overtakes that.
        """
        if not self.transport.is_closing():
            sock = self.transport.get_extra_info('socket')
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def pause(self) -> None:
        """Read no more of this peer for now."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read of this peer again."""
        if not self.transport.is_closing():
            self.transport.resume_reading()


class Outbox:
    """What the sessions of one event loop send at the end of a turn of it.

    Writing to a peer that sleeps wakes it up, which takes longer than the
    write. A peer that many sessions lead to, such as one that serves many
    guests, would fall asleep again before the next session's turn. So what
    has come in one turn goes out together.
    """

    __slots__ = ('_wires',)

    def __init__(self) -> None:
        self._wires: list[Wire] = []

    def add(self, wire: Wire) -> None:
        """Flush this wire when all has been read that there is to read."""
        if not self._wires:
            asyncio.get_running_loop().call_soon(self._flush)
        self._wires.append(wire)

    def _flush(self) -> None:
        wires, self._wires = self._wires, []
        for wire in wires:
            wire.flush()
