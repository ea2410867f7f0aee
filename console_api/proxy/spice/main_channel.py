# SPDX-License-Identifier: Apache-2.0
"""How a SPICE server says on its main channel which guest it is of.

The layout is that of the SPICE protocol document and its ``protocol.h``: each
side sends a link message, the client a ticket, the server a result and then
messages of a type and a size. Among the first ones is the guest's UUID, for a
client that says it can take it. Whoever has no main channel is not told the
number that the other channels need.
"""

import dataclasses
import uuid

LINK_HEADER = 16
#: Bytes of a ticket (RSA, 1024 bits) and of the choice of it before.
TICKET = 128
MECHANISM = 4
RESULT = 4

_MAGIC = b'REDQ'
_LINK_FIXED = 18
_REPLY_FIXED = 178
_LINK_MOST = 4096
_MAIN = 1
_SPICE_AUTH = 1
#: Bits of the common capabilities, and one of the main channel's.
_AUTH_SELECTION = 1 << 0
_MINI_HEADER = 1 << 3
_NAME_AND_UUID = 1 << 1
_UUID = 114
#: The most that comes before the UUID: of one message, and of messages.
_MESSAGE_MOST = 65536
MESSAGES_MOST = 64


class LinkError(Exception):
    """It is no SPICE, or not so that it could be read; see its text."""


def _number(data: bytes, start: int, size: int = 4) -> int:
    return int.from_bytes(data[start : start + size], 'little')


def link_size(header: bytes, reply: bool = False) -> int:
    """How many bytes follow the header of a link message.

    :raises LinkError: none that could be right
    """
    size = _number(header, 12)
    least = _REPLY_FIXED if reply else _LINK_FIXED
    if header[:4] != _MAGIC or not least <= size <= _LINK_MOST:
        raise LinkError('no link message of SPICE')
    return size


def is_error(reply: bytes) -> bool:
    """Whether a server that replies so goes no further."""
    return _number(reply, 0) != 0


@dataclasses.dataclass(frozen=True)
class Link:
    """The link message of a client, ``header`` and ``body``."""

    header: bytes
    body: bytes

    @property
    def is_main(self) -> bool:
        """Whether it is for the main channel.

        :raises LinkError: it is, and is to join a session, which a main
            channel begins; QEMU may end over it
        """
        if self.body[4] != _MAIN:
            return False
        if _number(self.body, 0):
            raise LinkError('a main channel that joins a session')
        return True

    @property
    def _common(self) -> int:
        """The first word of the common capabilities."""
        start, common, _ = self._capabilities()
        return _number(self.body, start) if common else 0

    def _capabilities(self) -> tuple[int, int, int]:
        """Where they begin, and how many words there are of each kind.

        :raises LinkError: they are not within the message
        """
        common, own = _number(self.body, 6), _number(self.body, 10)
        if not common + own:
            return len(self.body), 0, 0
        start = _number(self.body, 14)
        if start < _LINK_FIXED or start + 4 * (common + own) > len(self.body):
            raise LinkError('capabilities beyond the link message')
        return start, common, own

    @property
    def ticket_size(self) -> int:
        """How much the client sends once it has the server's reply."""
        chosen = self._common & _AUTH_SELECTION
        return TICKET + (MECHANISM if chosen else 0)

    def check_ticket(self, ticket: bytes) -> None:
        """See that what follows can be read.

        :raises LinkError: the client chose another mechanism
        """
        if len(ticket) > TICKET and _number(ticket, 0) != _SPICE_AUTH:
            raise LinkError('the mechanism is not that of a SPICE ticket')

    @property
    def message_header(self) -> int:
        """The size of the headers of the messages that follow."""
        return 6 if self._common & _MINI_HEADER else 18

    def asking(self) -> bytes:
        """The whole message, of a client that wants to know the UUID.

        :raises LinkError: there is no way to say so
        """
        start, common, own = self._capabilities()
        place = start + 4 * common
        word = _number(self.body, place) if own else 0
        asked = (word | _NAME_AND_UUID).to_bytes(4, 'little')
        after = place + (4 if own else 0)
        body = self.body[:place] + asked + self.body[after:]
        counts = (common, max(own, 1), start)
        fields = b''.join(value.to_bytes(4, 'little') for value in counts)
        body = body[:6] + fields + body[18:]
        return self.header[:12] + len(body).to_bytes(4, 'little') + body


def message(header: bytes) -> tuple[int, int]:
    """Type and size of a message by its header.

    :raises LinkError: it is too long for one before the UUID
    """
    place = 0 if len(header) == 6 else 8
    kind, size = _number(header, place, 2), _number(header, place + 2)
    if size > _MESSAGE_MOST:
        raise LinkError(f'a message of {size} bytes before the UUID')
    return kind, size


def told(kind: int, body: bytes) -> str | None:
    """The UUID of the guest, if this is the message that tells it."""
    if kind != _UUID or len(body) != 16:
        return None
    return str(uuid.UUID(bytes=body))
