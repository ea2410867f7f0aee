# SPDX-License-Identifier: Apache-2.0
"""The client of a session, before data flows: messages over a WebSocket."""

import asyncio

from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import wire
from console_api.proxy.ws import frames
from console_api.proxy.ws import receiver

#: Seconds that a client is not read for, for each short frame in a crowd of
#: them: about ten times as long as reading it takes, so that one client keeps
#: no worker busy with them. 50,000 a second are more than anyone types.
PAUSE = 20e-6


class Channel:
    """Payload in and messages out; pings are answered on the way."""

    def __init__(
        self,
        client: inbox.Inbox,
        early: bytes,
        reader: receiver.Receiver | None = None,
    ) -> None:
        self.inbox = client
        self.reader = reader or receiver.Receiver()
        self._early = early

    async def read(self) -> bytes:
        """The next payload, at least a byte.

        :raises EndedError: the client closes, is gone or breaks the protocol
        """
        while True:
            check(self.reader)
            data, self._early = self._early or await self.inbox.read(), b''
            if not data:
                raise closing.EndedError(closing.CLIENT_GONE)
            payload = b''.join(self.reader.receive(memoryview(data)))
            self._early, self.reader.rest = self.reader.rest, b''
            answer_ping(self.inbox.wire, self.reader)
            if self._early or self.reader.crowd:
                # The others have their turn.
                await asyncio.sleep(pause(self.reader))
            if payload:
                return payload

    def send(self, message: bytes) -> None:
        """Send one message as one frame."""
        self.inbox.wire.write(frames.encode(frames.Opcode.BINARY, message))

    def take(self) -> bytes:
        """Raw bytes of the client that nobody has read yet."""
        data, self._early = self._early + self.inbox.take(), b''
        return data


def pause(reader: receiver.Receiver) -> float:
    """How long not to read a client who has sent crowds of frames, in s."""
    crowd, reader.crowd = reader.crowd, 0
    return crowd * PAUSE


def check(reader: receiver.Receiver) -> None:
    """Raise what ends the session, if the client has ended it.

    :raises EndedError: it has sent a Close frame or broken the protocol
    """
    if reader.violation is not None:
        raise closing.of_violation(reader.violation)
    if reader.close is not None:
        raise closing.EndedError(closing.NORMAL)


def answer_ping(client: wire.Wire, reader: receiver.Receiver) -> None:
    """Answer the last ping, unless something is still queued.

    So a client that sends pings and reads nothing makes no pongs pile up
    (RFC 6455, 5.5.3, asks for an answer to the last ping only).
    """
    if reader.ping is not None and not client.blocked:
        client.write(frames.encode(frames.Opcode.PONG, reader.ping))
        reader.ping = None
