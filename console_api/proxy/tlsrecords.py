# SPDX-License-Identifier: Apache-2.0
"""Counts the records of a TLS stream, and those that carry no data.

A new key takes OpenSSL as long as thirty short records of data, and a peer
may send one in each 27 bytes (RFC 8446, 4.6.3): 64 KiB of them keep an event
loop busy for 140 ms. OpenSSL bounds empty records and warnings by itself, but
neither new keys nor requests to negotiate anew, which it refuses one by one.
The headers of records are not encrypted, so they can be counted here.
"""

#: Records that are handed to OpenSSL in one go. A read of 64 KiB with bulk
#: data in it has five.
AT_ONCE = 64
#: More records without data than this end a connection, unless ...
_MOST = 32
#: ... so many with data came for each of them. Peers that keep to the limits
#: of their ciphers take a new key after millions (RFC 8446, 5.5).
_EACH = 32

_HEADER = 5


class Records:
    """What a peer has sent, from the end of the handshake on."""

    __slots__ = ('_head', '_left', '_score')

    def __init__(self) -> None:
        #: The beginning of a header that has not come as a whole.
        self._head = b''
        #: Bytes to come of the record that has begun last.
        self._left = 0
        self._score = 0

    def take(self, data: memoryview) -> int:
        """How many of these bytes to decrypt now; the others come next."""
        end = len(data)
        pos = self._left
        if (
            not (pos or self._head)
            and end >= _HEADER
            and end == _HEADER + (data[3] << 8 | data[4])
        ):
            # A key or a move of the mouse: one record and no more.
            self._score += _EACH
            return end
        count = 0
        head = bool(self._head)
        while pos < end and count < AT_ONCE:
            if head or end - pos < _HEADER:
                pos = self._complete(data, pos)
                head = bool(self._head)
                if head:
                    break
            else:
                pos += _HEADER + (data[pos + 3] << 8 | data[pos + 4])
            count += 1
        self._score += count * _EACH
        if pos > end:
            self._left = pos - end
            return end
        self._left = 0
        return pos

    def _complete(self, data: memoryview, pos: int) -> int:
        """Go on with a header that came in pieces; returns what is behind."""
        piece = data[pos : pos + _HEADER - len(self._head)]
        head = self._head + bytes(piece)
        pos += len(piece)
        if len(head) < _HEADER:
            self._head = head
            return pos
        self._head = b''
        return pos + int.from_bytes(head[3:], 'big')

    def read(self, count: int) -> None:
        """There was data in so many records, or in parts of them."""
        self._score -= count * (_EACH + 1)

    def are_idle(self) -> bool:
        """Whether too many had none; to be asked when all has been read."""
        # Data is no credit for later.
        if self._score <= 0:
            self._score = 0
            return False
        # One that has not come as a whole may have some.
        spared = _EACH if self._left else 0
        return self._score - spared > _MOST * _EACH

    def forget(self) -> None:
        """Count no record that has begun by now."""
        self._score = 0
