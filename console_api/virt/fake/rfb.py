# SPDX-License-Identifier: Apache-2.0
"""The server's side of RFB (RFC 6143), without a socket.

Bytes go in, events come out, and ``take_output`` has what to send. Whatever a
client sends, the worst that follows is that its own connection is over.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import enum
import re
import struct

from console_api.virt.fake import geometry
from console_api.virt.fake import pixels

_VERSION = b'RFB 003.008\n'
_NONE = 1
_MAX_NAME = 1024


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a client may ask for at most: encodings, bytes of its clipboard."""

    encodings: int = 1024
    cut_text: int = 256 * 1024


@dataclasses.dataclass(frozen=True)
class Started:
    """The client has come in; unless shared, it wants to be the only one."""

    shared: bool


@dataclasses.dataclass(frozen=True)
class UpdateRequest:
    """The client wants this part of the screen, or what changed in it."""

    incremental: bool
    region: geometry.Rect


@dataclasses.dataclass(frozen=True)
class KeyEvent:
    """A key went down or up; ``keysym`` is X11's number of it."""

    down: bool
    keysym: int


@dataclasses.dataclass(frozen=True)
class PointerEvent:
    """The pointer is there now, with these buttons down (bit 0: left)."""

    buttons: int
    x: int
    y: int


Event = Started | UpdateRequest | KeyEvent | PointerEvent


class _Version(enum.IntEnum):
    V3_3 = 3
    V3_7 = 7
    V3_8 = 8


class ServerProtocol:
    """One client's connection to a screen."""

    def __init__(
        self, width: int, height: int, name: str, limits: Limits | None = None
    ) -> None:
        """Greet a client of a screen of that size (pixels) and name."""
        self.screen = geometry.Rect(0, 0, width, height)
        self.pixel_format = pixels.PixelFormat()
        self.encoding = pixels.RAW
        #: Why the connection is over, for the log; None while it is not.
        self.closed: str | None = None
        self.started = False
        self._name = name
        self._limits = limits if limits is not None else Limits()
        self._version = _Version.V3_8
        self._input = bytearray()
        self._output = bytearray(_VERSION)
        self._events: list[Event] = []
        self._skip = 0
        self._needed = len(_VERSION)
        self._step: Callable[[bytes], None] = self._read_version

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes of the client mean, in order."""
        if self.closed is None:
            self._input += data
        while self.closed is None:
            if self._skip:
                skipped = min(self._skip, len(self._input))
                del self._input[:skipped]
                self._skip -= skipped
            if self._skip or len(self._input) < self._needed:
                break
            chunk = bytes(self._input[: self._needed])
            del self._input[: self._needed]
            self._step(chunk)
        if self.closed is not None:
            self._input.clear()
        events, self._events = self._events, []
        return events

    def take_output(self) -> bytes:
        """What the handshake has to send; the caller sends all of it."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def update(
        self, rects: Sequence[tuple[geometry.Rect, bytes]], encoding: int
    ) -> bytes:
        """The message that carries encoded rectangles (section 7.6.1)."""
        parts = [struct.pack('>BxH', 0, len(rects))]
        for rect, body in rects:
            parts.append(
                struct.pack(
                    '>HHHHi',
                    rect.x,
                    rect.y,
                    rect.width,
                    rect.height,
                    encoding,
                )
            )
            parts.append(body)
        return b''.join(parts)

    def _expect(self, size: int, step: Callable[[bytes], None]) -> None:
        self._needed = size
        self._step = step

    def _close(self, reason: str) -> None:
        self.closed = reason

    # Handshake, section 7.1

    def _read_version(self, data: bytes) -> None:
        match = re.fullmatch(rb'RFB ([0-9]{3})\.([0-9]{3})\n', data)
        if match is None:
            self._close('the client does not speak RFB')
            return
        major, minor = int(match[1]), int(match[2])
        if major != 3:
            self._close(f'the client speaks version {major}.{minor}')
        elif minor < 7:
            # Every other number below 3.7 means 3.3 (section 7.1.1).
            self._version = _Version.V3_3
            self._output += struct.pack('>I', _NONE)
            self._expect(1, self._read_client_init)
        else:
            self._version = _Version.V3_7 if minor == 7 else _Version.V3_8
            self._output += bytes((1, _NONE))
            self._expect(1, self._read_security_type)

    def _read_security_type(self, data: bytes) -> None:
        if data[0] != _NONE:
            self._output += struct.pack('>I', 1)
            if self._version is _Version.V3_8:
                reason = b'Only the security type None is offered.'
                self._output += struct.pack('>I', len(reason)) + reason
            self._close(f'the client chose security type {data[0]}')
            return
        if self._version is _Version.V3_8:
            self._output += struct.pack('>I', 0)
        self._expect(1, self._read_client_init)

    def _read_client_init(self, data: bytes) -> None:
        name = self._name.encode('utf-8', 'replace')[:_MAX_NAME]
        name = name.decode('utf-8', 'ignore').encode()
        self._output += struct.pack(
            '>HH16sI',
            self.screen.width,
            self.screen.height,
            self.pixel_format.pack(),
            len(name),
        )
        self._output += name
        self.started = True
        self._events.append(Started(shared=data[0] != 0))
        self._expect(1, self._read_type)

    # Messages, section 7.5

    def _read_type(self, data: bytes) -> None:
        steps = {
            0: (19, self._read_pixel_format),
            2: (3, self._read_encoding_count),
            3: (9, self._read_update_request),
            4: (7, self._read_key),
            5: (5, self._read_pointer),
            6: (7, self._read_cut_text),
        }
        step = steps.get(data[0])
        if step is None:
            self._close(f'unknown message type {data[0]}')
        else:
            self._expect(*step)

    def _next_message(self) -> None:
        self._expect(1, self._read_type)

    def _read_pixel_format(self, data: bytes) -> None:
        try:
            self.pixel_format = pixels.PixelFormat.parse(data[3:])
        except pixels.UnsupportedFormat as exc:
            self._close(f'unsupported pixel format: {exc}')
        self._next_message()

    def _read_encoding_count(self, data: bytes) -> None:
        (count,) = struct.unpack('>xH', data)
        if count > self._limits.encodings:
            self._close(f'{count} encodings are too many')
        self._expect(4 * count, self._read_encodings)

    def _read_encodings(self, data: bytes) -> None:
        self.encoding = next(
            (
                number
                for (number,) in struct.iter_unpack('>i', data)
                if number in (pixels.RAW, pixels.ZRLE)
            ),
            pixels.RAW,
        )
        self._next_message()

    def _read_update_request(self, data: bytes) -> None:
        incremental, *box = struct.unpack('>BHHHH', data)
        region = geometry.Rect(*box).intersection(self.screen)
        self._events.append(UpdateRequest(incremental != 0, region))
        self._next_message()

    def _read_key(self, data: bytes) -> None:
        down, keysym = struct.unpack('>BxxI', data)
        self._events.append(KeyEvent(down != 0, keysym))
        self._next_message()

    def _read_pointer(self, data: bytes) -> None:
        buttons, x, y = struct.unpack('>BHH', data)
        self._events.append(
            PointerEvent(
                buttons,
                min(x, self.screen.width - 1),
                min(y, self.screen.height - 1),
            )
        )
        self._next_message()

    def _read_cut_text(self, data: bytes) -> None:
        (length,) = struct.unpack('>xxxI', data)
        if length > self._limits.cut_text:
            self._close(f'{length} bytes of clipboard are too many')
        # A simulated server has no clipboard.
        self._skip = length
        self._next_message()
