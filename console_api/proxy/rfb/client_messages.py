# SPDX-License-Identifier: Apache-2.0
"""What a client tells an RFB server: what draws, and what is input.

A viewer may tell it the former only, and a console is used by the latter.

Read is what follows the security handshake. The messages of RFC 6143, 7.5,
are known, those of the community's RFB protocol document
(github.com/rfbproto/rfbproto) whose length a message itself tells, and
UltraVNC's transfer of files. Of these, what makes the server draw passes, and
what could change the guest is left out. Any other message ends the stream:
where the next one begins is unknown.

Whatever a client means by its bytes, the server gets whole messages of the
kinds that pass and nothing else: a length that was misread here only changes
what is left out.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import types

#: The most that a fence may carry, in bytes.
_FENCE_MAX = 64
#: The mark of the longer form of a pointer event.
_MORE_BUTTONS = 0x80
#: The mark of a message of the General Input Interface in big-endian order.
_BIG_ENDIAN = 0x80
#: UltraVNC's offer of a file, which has the upper half of its size behind it.
_OFFER = 8
#: RFC 6143, 7.3.1: anything but zero leaves the other clients connected.
_SHARED = b'\x01'


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A message: its first ``head`` bytes tell the length of the rest.

    ``rest`` gives None where they do not.
    """

    head: int
    passes: bool
    rest: Callable[[bytes], int | None] = lambda _head: 0


def _number(head: bytes, start: int, size: int) -> int:
    return int.from_bytes(head[start : start + size], 'big')


def _pointer(head: bytes) -> int:
    # Pseudo-encoding -316 adds a byte, and takes this bit for its mark.
    return 5 if head[1] & _MORE_BUTTONS else 4


def _cut_text(head: bytes) -> int:
    # The extended clipboard writes its lengths as negative numbers.
    return abs(int.from_bytes(head[4:8], 'big', signed=True))


def _file_transfer(head: bytes) -> int:
    return _number(head, 8, 4) + (4 if head[1] == _OFFER else 0)


def _fence(head: bytes) -> int | None:
    return head[8] if head[8] <= _FENCE_MAX else None


def _gii(head: bytes) -> int:
    if head[1] & _BIG_ENDIAN:
        return _number(head, 2, 2)
    return int.from_bytes(head[2:4], 'little')


def _qemu(head: bytes) -> int | None:
    # An extended key event, or audio: on, off, and its format.
    lengths = {(0, None): 8, (1, 0): 0, (1, 1): 0, (1, 2): 6}
    operation = _number(head, 2, 2) if head[1] else None
    return lengths.get((head[1], operation))


_KINDS: Mapping[int, _Kind] = types.MappingProxyType(
    {
        0: _Kind(20, passes=True),  # SetPixelFormat
        2: _Kind(
            4, True, lambda head: 4 * _number(head, 2, 2)
        ),  # SetEncodings
        3: _Kind(10, passes=True),  # FramebufferUpdateRequest
        4: _Kind(8, passes=False),  # KeyEvent
        5: _Kind(2, False, _pointer),  # PointerEvent
        6: _Kind(8, False, _cut_text),  # ClientCutText
        7: _Kind(12, False, _file_transfer),  # of UltraVNC
        150: _Kind(10, passes=True),  # EnableContinuousUpdates
        248: _Kind(9, True, _fence),  # ClientFence
        250: _Kind(4, passes=False),  # xvp: shut down, reboot, reset
        251: _Kind(8, False, lambda head: 16 * head[6]),  # SetDesktopSize
        253: _Kind(4, False, _gii),  # gii: other input devices
        255: _Kind(4, False, _qemu),  # QEMU: keys, audio
    }
)


class Sieve:
    """Lets pass what a viewer may tell the server.

    Feed it the stream from ClientInit on, in any pieces. At most 20 bytes are
    kept between two calls, however long a message is. Bad input never raises:
    ``fault`` says what it was, and nothing passes any more.
    """

    __slots__ = (
        '_head',
        '_kind',
        '_left',
        '_opened',
        'count',
        'fault',
        'left_out',
    )

    def __init__(self) -> None:
        self._opened = False
        self._head = b''
        self._left = 0  # bytes to come of a message whose head was read
        self._kind: _Kind | None = None
        self.fault = ''
        #: How many messages have begun.
        self.count = 0
        #: Whether anything was left out since it was set to False.
        self.left_out = False

    def feed(self, data: bytes) -> bytes:
        """What passes of these bytes, in order."""
        passed: list[bytes] = []
        pos = 0
        if data and not self._opened:
            # Otherwise one who may only look could put the others out.
            self._opened = True
            passed.append(_SHARED)
            pos = 1
        while pos < len(data) and not self.fault:
            step = self._body if self._left else self._begin
            pos = step(data, pos, passed)
        return b''.join(passed)

    def _body(self, data: bytes, pos: int, passed: list[bytes]) -> int:
        """Go on with a message; returns where it stops."""
        assert self._kind is not None
        stop = min(pos + self._left, len(data))
        if self._kind.passes:
            passed.append(data[pos:stop])
        else:
            self.left_out = True
        self._left -= stop - pos
        return stop

    def _begin(self, data: bytes, pos: int, passed: list[bytes]) -> int:
        """Read the head of a message; returns where it stops."""
        number = self._head[0] if self._head else data[pos]
        kind = _KINDS.get(number)
        if kind is None:
            self.fault = f'a message of the unknown type {number}'
            return len(data)
        stop = min(pos + kind.head - len(self._head), len(data))
        self._head += data[pos:stop]
        if len(self._head) < kind.head:
            return stop
        self.count += 1
        head, self._head = self._head, b''
        left = kind.rest(head)
        if left is None:
            self.fault = f'a message of type {number} of unknown length'
            return len(data)
        self._kind, self._left = kind, left
        if kind.passes:
            passed.append(head)
        else:
            self.left_out = True
        return stop


class Input:
    """Tells input, which is what a viewer may not send, from the rest.

    Feed it the stream as one feeds a sieve. From a message on that is not
    known anything counts as input.
    """

    __slots__ = ('_sieve',)

    def __init__(self) -> None:
        self._sieve = Sieve()

    @property
    def count(self) -> int:
        """How many messages have begun."""
        return self._sieve.count

    def feed(self, data: bytes) -> bool:
        """Whether there is input in these bytes."""
        sieve = self._sieve
        sieve.left_out = False
        sieve.feed(data)
        return sieve.left_out or bool(sieve.fault)
