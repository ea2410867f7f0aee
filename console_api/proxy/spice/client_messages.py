# SPDX-License-Identifier: Apache-2.0
"""Finds input of the user in what a SPICE client sends on one channel.

The layout is that of the SPICE protocol document and its ``protocol.h``: a
link message that names the channel, a ticket, then messages of a type and a
size. The user's keys and pointer go through the inputs channel alone; what
the others carry, a client sends by itself.
"""

from collections.abc import Callable

_MAGIC = b'REDQ'
_LINK_HEADER = 16
#: The fixed part of a link message, and the most that is taken for one.
_LINK_LEAST = 18
_LINK_MOST = 4096
_INPUTS = 3
#: Bits of the common capabilities.
_AUTH_SELECTION = 1 << 0
_MINI_HEADER = 1 << 3
#: The mechanism of a plain ticket, and the bytes of one (RSA, 1024 bits).
_SPICE_AUTH = 1
_TICKET = 128
#: Sizes of a message's header, and where in it the type is.
_MINI = (6, 0)
_FULL = (18, 8)
#: What any channel may send: acknowledgements, pongs, migration, the end.
_COMMON = range(1, 7)
#: Keys and their modifiers; the pointer's moves and buttons.
_INPUT = frozenset((*range(101, 105), *range(111, 115)))

_Step = Callable[[bytes], bool]


def _number(data: bytes, start: int, size: int = 4) -> int:
    return int.from_bytes(data[start : start + size], 'little')


class Input:
    """Tells input of the user from the rest; feed it the stream in pieces.

    What cannot be read is no reason to end a session: from there on anything
    counts as input. At most a link message is kept between two calls.
    """

    __slots__ = ('_header', '_kept', '_need', '_skip', '_step', 'count')

    def __init__(self) -> None:
        #: How many messages have begun.
        self.count = 0
        self._header = _FULL
        self._kept = b''
        self._skip = 0
        self._need = _LINK_HEADER
        #: Takes the next ``_need`` bytes; without them, any byte.
        self._step: _Step = self._link_header

    def feed(self, data: bytes) -> bool:
        """Whether there is input in these bytes."""
        found = False
        pos = 0
        while pos < len(data):
            if not self._need:
                return self._step(b'') or found
            if self._skip:
                step = min(self._skip, len(data) - pos)
                self._skip -= step
                pos += step
                continue
            step = self._need - len(self._kept)
            self._kept += data[pos : pos + step]
            pos += step
            if len(self._kept) == self._need:
                whole, self._kept = self._kept, b''
                found = self._step(whole) or found
        return found

    def _link_header(self, data: bytes) -> bool:
        size = _number(data, 12)
        if data[:4] != _MAGIC or not _LINK_LEAST <= size <= _LINK_MOST:
            return self._go_on(0, _anything)
        return self._go_on(size, self._link)

    def _link(self, data: bytes) -> bool:
        if data[4] != _INPUTS:
            return self._go_on(0, _nothing)
        # Without capabilities this is zero: a word of nothing.
        start = _number(data, 14) if _number(data, 6) else len(data)
        can = _number(data, start)
        if can & _MINI_HEADER:
            self._header = _MINI
        if can & _AUTH_SELECTION:
            return self._go_on(4, self._mechanism)
        return self._ticket()

    def _mechanism(self, data: bytes) -> bool:
        if _number(data, 0) != _SPICE_AUTH:
            return self._go_on(0, _anything)
        return self._ticket()

    def _ticket(self) -> bool:
        self._skip = _TICKET
        return self._go_on(self._header[0], self._message)

    def _message(self, data: bytes) -> bool:
        self.count += 1
        place = self._header[1]
        kind = _number(data, place, 2)
        if kind not in _COMMON and kind not in _INPUT:
            return self._go_on(0, _anything)
        self._skip = _number(data, place + 2)
        return kind in _INPUT

    def _go_on(self, need: int, step: _Step) -> bool:
        self._need, self._step = need, step
        return False


def _anything(_data: bytes) -> bool:
    return True


def _nothing(_data: bytes) -> bool:
    return False
