# SPDX-License-Identifier: Apache-2.0
"""Tests of pixel formats and encodings."""

import struct
import zlib

from PIL import Image

from console_api.virt.fake import pixels
from tests import base

ONE = Image.new('RGB', (1, 1), (0x11, 0x22, 0x33))


def packed(bits=32, depth=24, true=1, maxima=(255,) * 3, shifts=(16, 8, 0)):
    return struct.pack(
        '>BBBBHHHBBBxxx', bits, depth, 0, true, *maxima, *shifts
    )


class TestPixelFormat(base.TestCase):
    def test_it_survives_the_wire(self):
        for form in (
            pixels.PixelFormat(),
            pixels.PixelFormat(32, True, 0, 12, 24),
        ):
            self.assertEqual(form, pixels.PixelFormat.parse(form.pack()))

    def test_the_order_of_bytes_follows_the_format(self):
        for form, expected in (
            (pixels.PixelFormat(), '33221100'),
            (pixels.PixelFormat(big_endian=True), '00112233'),
            (pixels.PixelFormat(24, False, 0, 8, 16), '11223300'),
            (pixels.PixelFormat(24, False, 8, 16, 24), '00112233'),
            (pixels.PixelFormat(24, True, 20, 12, 4), '01122330'),
        ):
            self.assertEqual(expected, form.pixels(ONE).hex())

    def test_compact_pixels_lose_the_byte_without_a_colour(self):
        for form, expected in (
            (pixels.PixelFormat(), '332211'),
            (pixels.PixelFormat(big_endian=True), '112233'),
            (pixels.PixelFormat(24, False, 8, 16, 24), '112233'),
            (pixels.PixelFormat(24, True, 8, 16, 24), '332211'),
            (pixels.PixelFormat(32), '33221100'),
            (pixels.PixelFormat(24, False, 0, 8, 24), '11220033'),
        ):
            self.assertEqual(expected, form.compact(form.pixels(ONE)).hex())

    def test_other_formats_are_refused_with_a_reason(self):
        for data, reason in (
            (packed(bits=16), '16 bits'),
            (packed(true=0), 'true colour 0'),
            (packed(maxima=(255, 127, 255)), '127'),
            (packed(shifts=(0, 7, 16)), 'overlap'),
            (packed(shifts=(0, 8, 25)), 'overlap'),
            (packed(shifts=(0, 8, 255)), 'overlap'),
            (packed(depth=23), 'depth 23'),
            (packed(depth=33), 'depth 33'),
        ):
            with self.assertRaisesRegex(pixels.UnsupportedFormat, reason):
                pixels.PixelFormat.parse(data)


class TestEncoder(base.TestCase):
    def test_raw_is_the_pixels(self):
        form = pixels.PixelFormat()

        self.assertEqual(
            form.pixels(ONE), pixels.Encoder().encode(pixels.RAW, ONE, form)
        )

    def test_a_flat_tile_is_one_pixel(self):
        image = Image.new('RGB', (64, 64), (1, 2, 3))
        data = pixels.Encoder().encode(
            pixels.ZRLE, image, pixels.PixelFormat()
        )

        self.assertEqual(
            b'\x01\x03\x02\x01', zlib.decompressobj().decompress(data[4:])
        )

    def test_tiles_at_the_edge_are_smaller(self):
        image = Image.new('RGB', (66, 65))
        image.putpixel((65, 64), (255, 255, 255))
        data = pixels.Encoder().encode(
            pixels.ZRLE, image, pixels.PixelFormat()
        )

        self.assertEqual(
            b'\x01\0\0\0' * 3 + b'\0' + b'\0' * 3 + b'\xff' * 3,
            zlib.decompressobj().decompress(data[4:]),
        )

    def test_one_stream_goes_on_for_the_whole_connection(self):
        encoder = pixels.Encoder()
        reader = zlib.decompressobj()
        for _number in range(3):
            data = encoder.encode(pixels.ZRLE, ONE, pixels.PixelFormat())

            self.assertEqual(len(data) - 4, struct.unpack('>I', data[:4])[0])
            self.assertEqual(b'\x01\x33\x22\x11', reader.decompress(data[4:]))
