# SPDX-License-Identifier: Apache-2.0
"""The receiving half of a WebSocket server: bytes in, payload out.

Nothing is assembled: a piece of a frame is passed on as it comes, and at most
a header or one control frame (131 bytes) is kept between two calls. Messages
have no meaning for what is carried here, so where one ends is checked and
forgotten.

The subprotocol is ``binary``: a text frame fails the connection with 1003.
"""

from console_api.proxy.ws import frames
from console_api.proxy.ws import masking

#: A frame that claims more than this, in bytes, is refused.
MAX_FRAME = 16 * 1024 * 1024
#: The most frames that one call reads. A read of 256 KiB with a message in
#: each KiB is below it; one full of empty frames has 43,690.
MAX_FRAMES = 512
#: So many frames in one call are no crowd yet, and neither are more whose
#: mean size, in bytes, is at least this.
FEW = 32
SHORT = 64

_KEY = 4
_CONTROL = 0x08
_MASKED = 0x80
#: The first byte of a whole binary message.
_WHOLE = frames.WHOLE
#: The header of a short frame, and the longest payload of one.
_SHORT = 6
_LONGEST_SHORT = 125
#: The least that the two longer forms of a length are for.
_SHORTEST = {126: 126, 127: 65536}


class Receiver:
    """Reads what a client sends and keeps the state of its half.

    After each call look at ``violation`` (the connection fails with that
    code), ``close`` (the client's Close frame) and ``ping``. Once one of the
    first two is set, whatever follows is ignored (RFC 6455, 5.5.1 and 7.1.7).

    Short frames make much work of few bytes, so one call does not read them
    all: ``rest`` is what it has left. The next call must begin with it.
    """

    __slots__ = (
        '_fragmented',
        '_kept',
        '_key',
        '_left',
        '_max_frame',
        '_max_frames',
        'close',
        'crowd',
        'ping',
        'pongs',
        'rest',
        'violation',
    )

    def __init__(
        self, max_frame: int = MAX_FRAME, max_frames: int = MAX_FRAMES
    ) -> None:
        self._max_frame = max_frame
        self._max_frames = max_frames
        self._fragmented = False
        self._kept = b''  # the beginning of a header or of a control frame
        self._left = 0  # bytes to come of the payload of a data frame
        self._key = b''  # its key, turned to where it goes on
        self.violation: frames.Violation | None = None
        self.close: frames.Close | None = None
        #: The last ping without an answer: RFC 6455, 5.5.3, lets a server
        #: answer only the last one. Set it to None with the answer.
        self.ping: bytes | None = None
        #: How many pongs have come.
        self.pongs = 0
        #: What the last call has left. Set it to nothing before the next.
        self.rest = b''
        #: How many short frames have come in crowds; more than others are
        #: worth a pause. Set it to 0 with that.
        self.crowd = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more is read of this client."""
        return self.violation is not None or self.close is not None

    def receive(self, data: memoryview) -> list[bytes]:
        """The payload in these bytes, unmasked and in order, in pieces.

        ``data`` is not kept and may be overwritten afterwards.
        """
        if self.violation is not None or self.close is not None:
            return []
        end = len(data)
        if (
            _SHORT < end <= _SHORT + _LONGEST_SHORT
            and data[0] == _WHOLE
            and data[1] == _MASKED + end - _SHORT
            and not (self._kept or self._left or self._fragmented)
        ):
            # A key or a move of the mouse: one short message and no more.
            return [masking.apply_mask(data[_SHORT:], data[2:_SHORT])]
        chunks: list[bytes] = []
        pos = 0
        if self._kept:
            pos = self._complete(data, chunks)
        if self._left:
            pos = self._stream(data, pos, chunks)
        self._frames(data, pos, chunks)
        return chunks

    def _frames(self, data: memoryview, pos: int, chunks: list[bytes]) -> None:
        """Read the frames from ``pos`` on, as many as one call may."""
        start = pos
        end = len(data)
        count = 0
        while pos < end:
            if count == self._max_frames:
                self.rest = bytes(data[pos:])
                break
            count += 1
            pos = self._frame(data, pos, chunks)
        if count > FEW and count * SHORT > pos - start:
            self.crowd += count

    def _complete(self, data: memoryview, chunks: list[bytes]) -> int:
        """Add to what was kept until it is whole; returns what is used."""
        kept = bytearray(self._kept)
        pos = 0
        while len(kept) < (need := _need(kept)):
            piece = data[pos : pos + need - len(kept)]
            if not piece:
                self._kept = bytes(kept)
                return pos
            kept += piece
            pos += len(piece)
            if len(kept) == 2 and not self._acceptable(kept[0], kept[1]):
                return len(data)
        self._kept = b''
        self._frame(memoryview(kept), 0, chunks)
        return len(data) if self.ended else pos

    def _stream(self, data: memoryview, pos: int, chunks: list[bytes]) -> int:
        """Go on with the payload of a data frame; returns where it stops."""
        piece = data[pos : pos + self._left]
        length = len(piece)
        if length:
            chunks.append(masking.apply_mask(piece, self._key))
            self._left -= length
            turn = length % _KEY
            self._key = self._key[turn:] + self._key[:turn]
        return pos + length

    def _frame(self, data: memoryview, pos: int, chunks: list[bytes]) -> int:
        """Read the frame that begins at ``pos``; returns where it stops."""
        end = len(data)
        if end - pos < 2:
            self._kept = bytes(data[pos:])
            return end
        first = data[pos]
        second = data[pos + 1]
        # The plain case, a whole binary message, skips the checks.
        if (
            first != _WHOLE or second < _MASKED or self._fragmented
        ) and not self._acceptable(first, second):
            return end
        start = pos + _head(second)
        control = first & _CONTROL
        if start + (second & 127 if control else 0) > end:
            self._kept = bytes(data[pos:])
            return end
        if control:
            return self._control(data, pos, start)
        length = _length(data, pos, second)
        stop = start + length
        if (
            length > self._max_frame
            or second & 127 == 127
            or length < 126 <= second & 127
        ) and not self._fits(length, second):
            stop = end
        elif length and stop <= end:
            self._fragmented = first < _MASKED
            key = data[start - _KEY : start]
            chunks.append(masking.apply_mask(data[start:stop], key))
        else:
            self._fragmented = first < _MASKED
            self._left = length
            self._key = bytes(data[start - _KEY : start])
            stop = self._stream(data, start, chunks)
        return stop

    def _control(self, data: memoryview, pos: int, start: int) -> int:
        """Take a whole control frame; returns where it stops."""
        stop = start + (data[pos + 1] & 127)
        payload = masking.apply_mask(
            data[start:stop], data[start - _KEY : start]
        )
        opcode = data[pos] & 0x0F
        if opcode == frames.Opcode.PING:
            self.ping = payload
        elif opcode == frames.Opcode.PONG:
            self.pongs += 1
        else:
            close = frames.parse_close(payload)
            if isinstance(close, frames.Close):
                self.close = close
            else:
                self.violation = close
            return len(data)
        return stop

    def _acceptable(self, first: int, second: int) -> bool:
        """Whether a frame may begin so; if not, ``violation`` says why."""
        opcode = first & 0x0F
        text = ''
        if first & 0x70:
            text = 'a reserved bit is set'
        elif second < _MASKED:
            text = 'a frame is not masked'
        elif opcode & _CONTROL:
            text = _control_fault(opcode, first, second)
        elif opcode == frames.Opcode.TEXT:
            self.violation = frames.Violation(
                frames.CloseCode.UNSUPPORTED_DATA, 'text is not taken'
            )
            return False
        elif opcode > frames.Opcode.BINARY:
            text = f'the opcode {opcode} is reserved'
        elif (opcode == frames.Opcode.CONTINUATION) != self._fragmented:
            text = 'a fragment is out of turn'
        return self._fail(text) if text else True

    def _fits(self, length: int, second: int) -> bool:
        """Whether a long frame is written and bounded as it must be."""
        if length >= 1 << 63:
            return self._fail('the highest bit of a length is set')
        if length > self._max_frame:
            self.violation = frames.Violation(
                frames.CloseCode.TOO_BIG, f'a frame of {length} bytes'
            )
            return False
        if length < _SHORTEST.get(second & 127, 0):
            return self._fail('a length is not written in its shortest form')
        return True

    def _fail(self, text: str) -> bool:
        self.violation = frames.Violation(
            frames.CloseCode.PROTOCOL_ERROR, text
        )
        return False


def _head(second: int) -> int:
    """The size of a masked frame's header, by its second byte."""
    short = second & 127
    if short < 126:
        return 6
    return 8 if short == 126 else 14


def _need(kept: bytearray) -> int:
    """How many bytes must be there before what was kept can be read."""
    if len(kept) < 2:
        return 2
    head = _head(kept[1])
    return head + (kept[1] & 127) if kept[0] & _CONTROL else head


def _length(data: memoryview, pos: int, second: int) -> int:
    short = second & 127
    if short < 126:
        return short
    if short == 126:
        return data[pos + 2] << 8 | data[pos + 3]
    return int.from_bytes(data[pos + 2 : pos + 10], 'big')


def _control_fault(opcode: int, first: int, second: int) -> str:
    if opcode > frames.Opcode.PONG:
        return f'the opcode {opcode} is reserved'
    if first < _MASKED:
        return 'a control frame is fragmented'
    if second & 127 > frames.MAX_CONTROL:
        return 'a control frame is too long'
    return ''
