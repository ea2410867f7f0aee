# SPDX-License-Identifier: Apache-2.0
"""RFC 6455 frames: the words of the protocol and what a server sends."""

import dataclasses
import enum
import struct

#: Bytes in front of a payload that the longest header of a server takes.
HEADER_ROOM = 10
#: The most that a control frame may carry (RFC 6455, 5.5).
MAX_CONTROL = 125
#: The first byte of a whole binary message.
WHOLE = 0x82


class Opcode(enum.IntEnum):
    """What a frame is (RFC 6455, 5.2); the other values are reserved."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(enum.IntEnum):
    """The close codes of RFC 6455, 7.4.1, that this server may send."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011


@dataclasses.dataclass(frozen=True)
class Close:
    """A Close frame; ``code`` is None where it carries none."""

    code: int | None = None
    reason: str = ''


@dataclasses.dataclass(frozen=True)
class Violation:
    """What the peer did wrong, and the code that the connection fails with."""

    code: int
    text: str


def put_header(view: memoryview, length: int) -> int:
    """Write the header of a whole binary frame that ends at HEADER_ROOM.

    The payload of ``length`` bytes is expected behind it. Returns the offset
    at which the frame begins.
    """
    if length < 126:
        view[8] = WHOLE
        view[9] = length
        return 8
    if length < 65536:
        struct.pack_into('!BBH', view, 6, WHOLE, 126, length)
        return 6
    struct.pack_into('!BBQ', view, 0, WHOLE, 127, length)
    return 0


def encode(opcode: Opcode, payload: bytes) -> bytes:
    """One whole frame, unmasked as a server sends it."""
    first = 0x80 | opcode
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return struct.pack('!BBH', first, 126, length) + payload
    return struct.pack('!BBQ', first, 127, length) + payload


def encode_close(close: Close) -> bytes:
    """A Close frame; a reason too long for it is cut at a character."""
    if close.code is None:
        return encode(Opcode.CLOSE, b'')
    reason = close.reason.encode()[: MAX_CONTROL - 2]
    reason = reason.decode(errors='ignore').encode()
    return encode(Opcode.CLOSE, struct.pack('!H', close.code) + reason)


def parse_close(payload: bytes) -> Close | Violation:
    """What the payload of a Close frame says (RFC 6455, 5.5.1 and 7.4)."""
    if not payload:
        return Close()
    # A code of one byte only is below all that are allowed.
    code = int.from_bytes(payload[:2], 'big')
    if not _may_be_received(code):
        return Violation(
            CloseCode.PROTOCOL_ERROR, f'the close code {code} is not allowed'
        )
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError:
        return Violation(
            CloseCode.INVALID_DATA, 'the close reason is not UTF-8'
        )


def _may_be_received(code: int) -> bool:
    # 1004 to 1006 and 1015 never travel; 1012 to 1014 are IANA's additions.
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code < 5000
