# SPDX-License-Identifier: Apache-2.0
"""A SPICE port that greets its clients and lets nobody in.

It speaks the link stage of the protocol, which is all that is needed to see
that a SPICE server is there; then it denies permission, whatever the ticket.
Section numbers are those of "SPICE Remote Computing Protocol Definition v1.0".
"""

from collections.abc import Callable
import enum
import secrets
import struct

_MAGIC = b'REDQ'
_MAJOR, _MINOR = 2, 2
_HEADER = struct.Struct('<4sIII')
_MESSAGE = struct.Struct('<IBBIII')
_REPLY = struct.Struct('<I162sIII')
_WORD = struct.Struct('<I')
_NUMBERS = struct.Struct('<III')

#: The longest link message that is read.
_MAX_MESSAGE = 4096
_MAX_CAPABILITIES = 1024
_TICKET_BYTES = 128

#: Common capabilities, as bits: the client chooses how to authenticate, and
#: a ticket is a way; small headers.
_AUTH_SELECTION = 1 << 0
_AUTH_TICKET = 1 << 1
_MINI_HEADER = 1 << 3
_MECHANISM_TICKET = 1

#: A SubjectPublicKeyInfo for 1024 bits of RSA and the exponent 65537 (RFC
#: 3279, section 2.3.1): what stands before and after the number.
_KEY_START = bytes.fromhex(
    '30819f300d06092a864886f70d010101050003818d0030818902818100'
)
_KEY_END = bytes.fromhex('0203010001')
_KEY_BITS = 1024

#: RFC 8446, section 6: the fatal alert handshake_failure, as a record.
_TLS_ALERT = bytes((21, 3, 1, 0, 2, 2, 40))


class LinkError(enum.IntEnum):
    """How a link ends (section 11.2)."""

    OK = 0
    INVALID_MAGIC = 2
    INVALID_DATA = 3
    VERSION_MISMATCH = 4
    PERMISSION_DENIED = 7


class SpicePort:
    """A server's SPICE port; called from one thread."""

    def open(self) -> 'SpiceSession':
        """A session for a client that just connected."""
        return SpiceSession()

    def tick(self) -> None:
        """Nothing changes by itself."""


class SecureSpicePort:
    """A server's SPICE port for TLS, which has no certificate to show."""

    def open(self) -> 'NoTlsSession':
        """A session for a client that just connected."""
        return NoTlsSession()

    def tick(self) -> None:
        """Nothing changes by itself."""


class _Session:
    """What ends in the handshake, one way or another."""

    def __init__(self) -> None:
        self._output = b''
        self._closed: str | None = None

    def wants_input(self) -> bool:
        """At most one message is kept, so always."""
        return True

    def produce(self) -> bytes:
        """What to send next."""
        output, self._output = self._output, b''
        return output

    def is_started(self) -> bool:
        """Nobody ever gets through the handshake."""
        return False

    def why_closed(self) -> str | None:
        """Why the connection is over, or None while it is not."""
        return self._closed

    def end(self) -> None:
        """The connection is gone; nothing is called after this."""


class NoTlsSession(_Session):
    """A client that wants TLS."""

    def receive(self, data: bytes) -> None:
        """Refuse it in the words of TLS."""
        del data
        self._output = _TLS_ALERT
        self._closed = 'there is no certificate'


class SpiceSession(_Session):
    """One client of a SPICE port, and the stage that it has reached."""

    def __init__(self) -> None:
        super().__init__()
        self._input = bytearray()
        self._needed = len(_MAGIC)
        self._step: Callable[[bytes], None] = self._read_magic

    def receive(self, data: bytes) -> None:
        """Take what the client sent; after the end it is ignored."""
        self._input += data
        while self._closed is None and len(self._input) >= self._needed:
            chunk = bytes(self._input[: self._needed])
            del self._input[: self._needed]
            self._step(chunk)

    def _expect(self, size: int, step: Callable[[bytes], None]) -> None:
        self._needed = size
        self._step = step

    def _read_magic(self, data: bytes) -> None:
        if data != _MAGIC:
            self._refuse(LinkError.INVALID_MAGIC)
        else:
            self._expect(_NUMBERS.size, self._read_header)

    def _read_header(self, data: bytes) -> None:
        major, _minor, size = _NUMBERS.unpack(data)
        if major != _MAJOR:
            self._refuse(LinkError.VERSION_MISMATCH)
        elif not _MESSAGE.size <= size <= _MAX_MESSAGE:
            self._refuse(LinkError.INVALID_DATA)
        else:
            self._expect(size, self._read_message)

    def _read_message(self, data: bytes) -> None:
        *_ids, common, channel, offset = _MESSAGE.unpack_from(data)
        words = common + channel
        if max(common, channel) > _MAX_CAPABILITIES or (
            words
            and not _MESSAGE.size <= offset <= len(data) - words * _WORD.size
        ):
            self._refuse(LinkError.INVALID_DATA)
            return
        self._output += _reply(
            LinkError.OK, _AUTH_SELECTION | _AUTH_TICKET | _MINI_HEADER
        )
        first = _WORD.unpack_from(data, offset)[0] if common else 0
        if first & _AUTH_SELECTION:
            self._expect(_WORD.size, self._read_mechanism)
        else:
            self._expect(_TICKET_BYTES, self._read_ticket)

    def _read_mechanism(self, data: bytes) -> None:
        if _WORD.unpack(data)[0] != _MECHANISM_TICKET:
            self._refuse(LinkError.INVALID_DATA)
        else:
            self._expect(_TICKET_BYTES, self._read_ticket)

    def _read_ticket(self, data: bytes) -> None:
        del data
        self._output += _WORD.pack(LinkError.PERMISSION_DENIED)
        self._closed = 'nobody is let in'

    def _refuse(self, error: LinkError) -> None:
        self._output += _reply(error)
        self._closed = f'the link failed: {error.name}'


def _reply(error: LinkError, capabilities: int | None = None) -> bytes:
    """The answer to a link message, with a key if all is well."""
    words = b'' if capabilities is None else _WORD.pack(capabilities)
    key = b'' if error else _public_key()
    body = _REPLY.pack(error, key, len(words) // _WORD.size, 0, _REPLY.size)
    size = len(body) + len(words)
    return _HEADER.pack(_MAGIC, _MAJOR, _MINOR, size) + body + words


def _public_key() -> bytes:
    # Nobody has the private key, and nobody needs it: whatever is in the
    # ticket, the answer is no.
    number = secrets.randbits(_KEY_BITS) | 1 << (_KEY_BITS - 1) | 1
    return _KEY_START + number.to_bytes(_KEY_BITS // 8, 'big') + _KEY_END
