# SPDX-License-Identifier: Apache-2.0
"""Pixel formats and encodings of RFB (RFC 6143, sections 7.4 and 7.7)."""

import dataclasses
import struct
from typing import Literal
import zlib

from PIL import Image

RAW = 0
ZRLE = 16

_FORMAT = struct.Struct('>BBBBHHHBBB3x')
_TILE = 64
_SUBENCODING_RAW = b'\x00'
_SUBENCODING_SOLID = b'\x01'
#: A screen of text and flat areas gains little from more than this.
_ZLIB_LEVEL = 3


class UnsupportedFormat(Exception):
    """The client wants pixels that are not offered; the message says why."""


@dataclasses.dataclass(frozen=True)
class PixelFormat:
    """True colour of 32 bits a pixel, 8 bits a colour, in any places."""

    depth: int = 24
    big_endian: bool = False
    red_shift: int = 16
    green_shift: int = 8
    blue_shift: int = 0

    @classmethod
    def parse(cls, data: bytes) -> 'PixelFormat':
        """The format in the 16 bytes that a client sent.

        :raises UnsupportedFormat: another kind of format, or nonsense
        """
        bits, depth, big, true_colour, *rest = _FORMAT.unpack(data)
        maxima, shifts = rest[:3], sorted(rest[3:])
        if bits != 32 or not true_colour:
            raise UnsupportedFormat(
                f'{bits} bits a pixel, true colour {true_colour}: only true '
                'colour of 32 bits is offered'
            )
        if maxima != [255, 255, 255]:
            raise UnsupportedFormat(f'colours up to {maxima}, not 255')
        low, middle, high = shifts
        if middle - low < 8 or high - middle < 8 or high > 24:
            raise UnsupportedFormat(f'colours overlap: shifts {shifts}')
        if not 24 <= depth <= 32:
            raise UnsupportedFormat(f'depth {depth}, not 24 to 32')
        return cls(depth, bool(big), *rest[3:])

    def pack(self) -> bytes:
        """The 16 bytes that stand for it on the wire."""
        return _FORMAT.pack(
            32,
            self.depth,
            self.big_endian,
            True,
            255,
            255,
            255,
            self.red_shift,
            self.green_shift,
            self.blue_shift,
        )

    @property
    def _shifts(self) -> tuple[int, int, int]:
        return self.red_shift, self.green_shift, self.blue_shift

    def pixels(self, image: Image.Image) -> bytes:
        """The pixels of an RGB image, row by row, of 4 bytes each."""
        colours = image.tobytes()
        length = len(colours) // 3 * 4
        order: Literal['big', 'little'] = (
            'big' if self.big_endian else 'little'
        )
        lowest = 3 if self.big_endian else 0
        total = 0
        # All pixels at once, as one long number: shifts need not be whole
        # bytes, and no colour is moved out of its own pixel.
        for band, shift in enumerate(self._shifts):
            spread = bytearray(length)
            spread[lowest::4] = colours[band::3]
            total |= int.from_bytes(spread, order) << shift
        return total.to_bytes(length, order)

    def compact(self, pixels: bytes) -> bytes:
        """The same pixels as CPIXELs (section 7.7.5): 3 bytes where it can."""
        low = max(self._shifts) <= 16
        high = min(self._shifts) >= 8
        if self.depth > 24 or not (low or high):
            return pixels
        # The byte that no colour uses goes: the highest one if they are low.
        first = 1 if low == self.big_endian else 0
        result = bytearray(len(pixels) // 4 * 3)
        for index in range(3):
            result[index::3] = pixels[first + index :: 4]
        return bytes(result)


class Encoder:
    """Turns parts of the screen into the body of a rectangle, for one client.

    ZRLE goes through one zlib stream for the whole connection, so every
    result has to be sent, in order.
    """

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_ZLIB_LEVEL)

    def encode(
        self, encoding: int, image: Image.Image, pixel_format: PixelFormat
    ) -> bytes:
        """The bytes that follow a rectangle's header."""
        if encoding == RAW:
            return pixel_format.pixels(image)
        parts = bytearray()
        for y in range(0, image.height, _TILE):
            for x in range(0, image.width, _TILE):
                tile = image.crop(
                    (
                        x,
                        y,
                        min(x + _TILE, image.width),
                        min(y + _TILE, image.height),
                    )
                )
                parts += _tile(tile, pixel_format)
        data = self._stream.compress(parts)
        data += self._stream.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack('>I', len(data)) + data


def _tile(tile: Image.Image, pixel_format: PixelFormat) -> bytes:
    if tile.getcolors(1) is not None:
        one = tile.crop((0, 0, 1, 1))
        return _SUBENCODING_SOLID + pixel_format.compact(
            pixel_format.pixels(one)
        )
    return _SUBENCODING_RAW + pixel_format.compact(pixel_format.pixels(tile))
