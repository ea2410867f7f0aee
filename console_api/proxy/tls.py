# SPDX-License-Identifier: Apache-2.0
"""TLS with a hypervisor or a client, on a connection that is open already.

asyncio's own keeps 256 KiB for each session. This one has no buffer of its
own: what comes goes through the loop's shared one and OpenSSL's.
"""

import asyncio
import contextlib
import ssl
from typing import Any
from typing import cast

from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import tlsrecords
from console_api.proxy import wire

#: Bytes of one read. Four records: more would stay longer in OpenSSL.
READ_SIZE = 64 * 1024
#: OpenSSL's buffer keeps the memory of the most that it ever held.
_FLUSH_SIZE = 64 * 1024
_IDLE = 'too many records without data'


async def start(
    guest: inbox.Inbox,
    context: ssl.SSLContext,
    host: str,
    buffer: readbuffer.ReadBuffer,
) -> 'TlsTransport':
    """Go on within TLS; the caller sets the deadline.

    :raises SSLError: the handshake fails; its text says why
    :raises ConnectionError: the connection is gone
    """
    # The zone of a link-local address is not in a certificate.
    return await _within(guest, context, buffer, host.partition('%')[0])


async def accept(
    client: inbox.Inbox,
    context: ssl.SSLContext,
    buffer: readbuffer.ReadBuffer,
    early: bytes,
) -> 'TlsTransport':
    """Be the server of a client that has sent ``early``; else as ``start``.

    :raises SSLError: the handshake fails; its text says why
    :raises ConnectionError: the connection is gone
    """
    return await _within(client, context, buffer, early=early)


async def _within(
    peer: inbox.Inbox,
    context: ssl.SSLContext,
    buffer: readbuffer.ReadBuffer,
    host: str | None = None,
    early: bytes = b'',
) -> 'TlsTransport':
    plain = peer.wire
    if plain.ended:
        # Nobody would tell the new protocol.
        raise _gone()
    transport = TlsTransport(plain.transport, peer, buffer)
    await transport.handshake(context, host, early)
    peer.wire = TlsWire(transport, plain)
    return transport


class TlsWire(wire.Wire):
    """The sending side of a TLS transport: all goes through it."""

    __slots__ = ()

    def __init__(self, transport: 'TlsTransport', plain: wire.Wire) -> None:
        # Not the one of plain TCP, which writes to the descriptor.
        self.transport = cast('asyncio.Transport', transport)
        self.blocked = plain.blocked
        self.ended = plain.ended
        self.lost = plain.lost
        self._fd = plain.descriptor
        self._held = b''
        self._unanswered = None

    def _send(self, data: bytes | memoryview) -> None:
        self.transport.write(data)

    def write_all(self, chunks: list[bytes]) -> None:
        """Send several pieces in order."""
        self.write(b''.join(chunks))


class TlsTransport(asyncio.BufferedProtocol):
    """The protocol of the plain transport, and a transport to its own.

    It has of asyncio's transports what a session uses. ``error`` is set if
    the peer broke TLS, or refused us, after the handshake.
    """

    __slots__ = (
        '_app',
        '_blocked',
        '_buffer',
        '_closing',
        '_ended',
        '_farewell',
        '_held',
        '_incoming',
        '_object',
        '_outgoing',
        '_paused',
        '_raw',
        '_records',
        '_rest',
        '_shaken',
        'error',
    )

    def __init__(
        self,
        raw: asyncio.Transport,
        app: asyncio.BufferedProtocol,
        buffer: readbuffer.ReadBuffer,
    ) -> None:
        self._raw = raw
        self._app = app
        self._buffer = buffer.payload[:READ_SIZE]
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object: ssl.SSLObject
        self._shaken: asyncio.Future[None] = (
            asyncio.get_running_loop().create_future()
        )
        self._records = tlsrecords.Records()
        #: What has come and is to be decrypted next.
        self._rest = b''
        self._paused = self._closing = self._ended = False
        #: Whether something waits to be sent, and whether the peer is not
        #: read for as long, as it made us answer.
        self._blocked = self._held = False
        #: Whether the peer was told the end, and what it sends is dropped.
        self._farewell = False
        self.error: ssl.SSLError | None = None

    async def handshake(
        self,
        context: ssl.SSLContext,
        host: str | None,
        early: bytes = b'',
    ) -> None:
        """See ``start``, and without a host ``accept``."""
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=host is None,
            server_hostname=host,
        )
        self._raw.set_protocol(self)
        if early:
            self._feed(memoryview(early))
        else:
            self._go_on()
        await self._shaken

    def _shake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            self._shaken.set_exception(exc)
        else:
            self._records.forget()
            self._shaken.set_result(None)
        # An alert, too.
        self._flush()

    def _flush(self) -> bool:
        """Send what OpenSSL wants to be sent; whether that was anything."""
        data = self._outgoing.read()
        if data and not self._raw.is_closing():
            self._raw.write(data)
        return bool(data)

    # What the plain transport calls

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        if not self._farewell:
            self._feed(self._buffer[:nbytes])

    def _feed(self, data: memoryview) -> None:
        """Decrypt what has come, so many records at a time."""
        while data and not self._closing:
            size = self._records.take(data)
            if size == len(data):
                self._rest = b''
                self._incoming.write(data)
                self._go_on()
                break
            # What is decrypted goes to where this is now.
            self._rest = bytes(data[size:])
            self._incoming.write(data[:size])
            self._go_on()
            if self._paused or self._held:
                break
            data = memoryview(self._rest)

    def _go_on(self) -> None:
        if self._shaken.cancelled():
            return
        if not self._shaken.done():
            self._shake()
        if self._shaken.done() and not self._shaken.exception():
            self._deliver()

    def eof_received(self) -> bool:
        """See asyncio; an end that TLS does not tell of is one too."""
        if self._shaken.done():
            self._end()
        else:
            self._shaken.set_exception(_gone())
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._closing = self._ended = True
        if not self._shaken.done():
            self._shaken.set_exception(_gone())
        self._app.connection_lost(exc or self.error)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._blocked = True
        self._app.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._blocked = False
        if self._held:
            self._held = False
            self._read_on()
        self._app.resume_writing()

    def _deliver(self) -> None:
        """Hand on what has come, as much at a time as there is room for."""
        while not (
            self._paused or self._closing or self._ended or self._farewell
        ):
            room = cast('memoryview', self._app.get_buffer(-1))
            count = self._fill(room)
            if not count:
                if self._records.are_idle():
                    self._fail(ssl.SSLError(1, _IDLE))
                break
            self._app.buffer_updated(count)
        # Reading may have made an answer, to a new key for example. None
        # may pile up for a peer that takes nothing.
        if self._flush() and self._blocked:
            self._held = True
            self._raw.pause_reading()

    def _fill(self, room: memoryview) -> int:
        """Decrypt into that room; returns how many bytes there are."""
        count = records = 0
        try:
            while count < len(room):
                got = cast(
                    'int', self._object.read(len(room) - count, room[count:])
                )
                if not got:
                    self._end_soon()
                    break
                count += got
                records += 1
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end_soon()
        except ssl.SSLError as exc:
            self._fail(exc)
        self._records.read(records)
        return count

    def _fail(self, exc: ssl.SSLError) -> None:
        self.error = exc
        self._closing = True
        self._flush()
        self._raw.abort()

    def _end_soon(self) -> None:
        # What was read before it comes first.
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        # As asyncio's transports do it: the protocol says what follows.
        if not self._app.eof_received():
            self.close()

    # What a session calls

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See asyncio."""
        self._app = cast('asyncio.BufferedProtocol', protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio."""
        return self._raw.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        """See asyncio."""
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """See asyncio; what was decrypted already comes first."""
        self._paused = False
        self._read_on()

    def _read_on(self) -> None:
        asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if not self.is_closing():
            self._deliver()
        if self._rest and not (self._paused or self._held):
            self._feed(memoryview(self._rest))
        if not (self._paused or self._held or self.is_closing()):
            self._raw.resume_reading()

    def write(self, data: bytes | memoryview) -> None:
        """See asyncio."""
        if self.is_closing():
            return
        rest = memoryview(data)
        try:
            while rest:
                # One record at a time, as long as the buffer is short.
                rest = rest[self._object.write(rest) :]
                if self._outgoing.pending >= _FLUSH_SIZE:
                    self._flush()
        except ssl.SSLError as exc:
            self._fail(exc)
        self._flush()

    def write_eof(self) -> None:
        """Send what is queued and that it is the end; read on, in vain."""
        if self._farewell or self.is_closing():
            return
        self._say_end()
        self._raw.write_eof()

    def close(self) -> None:
        """Send what is queued and that it is the end, then close."""
        if self.is_closing():
            return
        self._closing = True
        if not self._farewell:
            self._say_end()
        self._raw.close()

    def _say_end(self) -> None:
        self._farewell = True
        # It would wait for the peer's end, which nobody else does.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._raw.abort()


def _gone() -> ConnectionError:
    return ConnectionResetError('the connection was closed')


def reason(error: Exception) -> str:
    """Why TLS failed, for the log."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f'the certificate was not accepted: {error.verify_message}'
    if isinstance(error, ssl.SSLError):
        # One that was made here has none.
        return f'TLS failed: {getattr(error, "reason", None) or error}'
    return f'TLS failed: {error}'
