# SPDX-License-Identifier: Apache-2.0
"""Carries bytes between a WebSocket client and a guest's console.

Here is what every byte goes through, so this is written for speed: a read of
the guest becomes one frame in the buffer it was read into, a client's frames
are unmasked piece by piece, and both are written straight to the socket. When
one side does not take what it is sent, the other one is not read. A client of
very many short frames is read a part at a time, with pauses, so that the other
sessions of the loop have their turn.
"""

import asyncio

from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import readbuffer
from console_api.proxy import wire
from console_api.proxy.ws import frames
from console_api.proxy.ws import receiver


class Relay:
    """Both directions of one session, until one side ends it."""

    __slots__ = ('client', 'finished', 'guest', 'outbox')

    def __init__(
        self,
        client: wire.Wire,
        guest: wire.Wire,
        reader: receiver.Receiver,
        buffer: readbuffer.ReadBuffer,
        outbox: wire.Outbox,
    ) -> None:
        #: Set to why the session ends.
        self.finished: asyncio.Future[closing.EndedError] = (
            asyncio.get_running_loop().create_future()
        )
        self.outbox = outbox
        self.client = ClientSide(self, client, guest, reader, buffer)
        self.guest = GuestSide(self, guest, client, buffer)

    def start(self, typed: bytes, raw: bytes, from_guest: bytes) -> None:
        """Take both transports over; first goes what was read too early.

        Of the client that is payload, ``typed``, and behind it frames,
        ``raw``.
        """
        client, guest = self.client.wire, self.guest.wire
        client.transport.set_protocol(self.client)
        guest.transport.set_protocol(self.guest)
        if from_guest:
            client.write(frames.encode(frames.Opcode.BINARY, from_guest))
        if typed:
            guest.write(typed)
        # Also without data: the handshake may have read a Close frame.
        self.client.take(memoryview(raw))
        if client.blocked:
            guest.pause()
        if guest.blocked:
            client.pause()
        if client.ended:
            self.finish(closing.CLIENT_GONE)
        if guest.ended:
            self.finish(closing.GUEST_GONE)

    def finish(self, ending: closing.Ending, detail: str = '') -> None:
        """End the session for this reason, unless there was one before."""
        if not self.finished.done():
            self.finished.set_result(closing.EndedError(ending, detail))


class GuestSide(asyncio.BufferedProtocol):
    """Reads from the guest and writes to the client."""

    __slots__ = ('_buffer', '_client', '_outbox', '_relay', 'count', 'wire')

    def __init__(
        self,
        relay: Relay,
        guest: wire.Wire,
        client: wire.Wire,
        buffer: readbuffer.ReadBuffer,
    ) -> None:
        self.wire = guest
        #: Bytes that the guest has sent.
        self.count = 0
        self._relay = relay
        self._outbox = relay.outbox
        self._client = client
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio."""
        del sizehint
        return self._buffer.payload

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        self.count += nbytes
        frame = self._buffer.frame
        start = frames.put_header(frame, nbytes)
        self._client.write_soon(
            frame[start : frames.HEADER_ROOM + nbytes], self._outbox
        )

    def eof_received(self) -> bool:
        """See asyncio; the session closes the transport."""
        self.wire.ended = True
        self._relay.finish(closing.GUEST_GONE)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.wire.ended = self.wire.lost = True
        self._relay.finish(closing.GUEST_GONE, str(exc or ''))

    def pause_writing(self) -> None:
        """See asyncio: the guest takes no more, so the client waits."""
        self.wire.blocked = True
        self._client.pause()

    def resume_writing(self) -> None:
        """See asyncio."""
        self.wire.blocked = False
        self._relay.client.resume()


class ClientSide(asyncio.BufferedProtocol):
    """Reads frames from the client and writes their payload to the guest."""

    __slots__ = (
        '_buffer',
        '_guest',
        '_held',
        '_outbox',
        '_reader',
        '_relay',
        'count',
        'wire',
    )

    def __init__(
        self,
        relay: Relay,
        client: wire.Wire,
        guest: wire.Wire,
        reader: receiver.Receiver,
        buffer: readbuffer.ReadBuffer,
    ) -> None:
        self.wire = client
        #: Bytes that the client has sent, with their frames.
        self.count = 0
        self._relay = relay
        self._outbox = relay.outbox
        self._guest = guest
        self._reader = reader
        self._buffer = buffer
        #: Whether it is not read for a moment, whatever the guest takes.
        self._held = False

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio."""
        del sizehint
        return self._buffer.payload

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        self.take(self._buffer.payload[:nbytes])

    def take(self, data: memoryview) -> None:
        """Act on what the client has sent."""
        self.count += len(data)
        reader = self._reader
        chunks = reader.receive(data)
        if len(chunks) == 1:
            self._guest.write_soon(chunks[0], self._outbox)
        elif chunks:
            self._guest.write_all(chunks)
        if reader.ping is not None:
            channel.answer_ping(self.wire, reader)
        if reader.rest or reader.crowd:
            self._hold()
        if reader.close is not None:
            self._relay.finish(closing.NORMAL)
        elif reader.violation is not None:
            error = closing.of_violation(reader.violation)
            self._relay.finish(error.ending, error.detail)

    def resume(self) -> None:
        """The guest takes more: read on."""
        if not self._held:
            self._read_on()

    def _hold(self) -> None:
        self._held = True
        self.wire.pause()
        # What is left counts when it is read.
        self.count -= len(self._reader.rest)
        asyncio.get_running_loop().call_later(
            channel.pause(self._reader), self._let_go
        )

    def _let_go(self) -> None:
        self._held = False
        if not self._relay.finished.done():
            self._read_on()

    def _read_on(self) -> None:
        """Take what was left, then read; the guest tells when to, if not."""
        reader = self._reader
        if reader.rest and not self._guest.blocked:
            rest, reader.rest = reader.rest, b''
            self.take(memoryview(rest))
        if not (self._held or self._guest.blocked):
            self.wire.resume()

    def eof_received(self) -> bool:
        """See asyncio; the session closes the transport."""
        self.wire.ended = True
        self._relay.finish(closing.CLIENT_GONE)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.wire.ended = self.wire.lost = True
        self._relay.finish(closing.CLIENT_GONE, str(exc or ''))

    def pause_writing(self) -> None:
        """See asyncio: the client takes no more, so the guest waits."""
        self.wire.blocked = True
        self._relay.guest.wire.pause()

    def resume_writing(self) -> None:
        """See asyncio."""
        self.wire.blocked = False
        self._relay.guest.wire.resume()
        channel.answer_ping(self.wire, self._reader)
