# SPDX-License-Identifier: Apache-2.0
import struct

from console_api.proxy.rfb import client_messages
from tests import base

SHARED = b'\x01'
PIXEL_FORMAT = b'\x00' + bytes(19)
ENCODINGS = struct.pack('!BxHiii', 2, 3, 7, 0, -308)
REQUEST = struct.pack('!BBHHHH', 3, 1, 0, 0, 640, 480)
UPDATES = struct.pack('!BBHHHH', 150, 1, 0, 0, 640, 480)
FENCE = struct.pack('!B3xIB', 248, 1, 3) + b'abc'
PASSED = (PIXEL_FORMAT, ENCODINGS, REQUEST, UPDATES, FENCE)

KEY = struct.pack('!BBxxI', 4, 1, 0x6B)
POINTER = struct.pack('!BBHH', 5, 1, 3, 4)
LONG_POINTER = struct.pack('!BBHHB', 5, 0x81, 3, 4, 1)
CUT_TEXT = struct.pack('!B3xi', 6, 7) + b'secrets'
CLIPBOARD = struct.pack('!B3xi', 6, -8) + bytes(8)
FILE_PART = struct.pack('!BBHII', 7, 5, 0, 0, 8) + bytes(8)
FILE_OFFER = struct.pack('!BBHII', 7, 8, 0, 99, 6) + b'C:\\new' + bytes(4)
XVP = bytes((250, 0, 1, 2))
SIZE = struct.pack('!BxHHBx', 251, 1024, 768, 2) + bytes(32)
GII_BIG = struct.pack('!BBH', 253, 0x80, 3) + b'abc'
GII_LITTLE = struct.pack('<BBH', 253, 0, 3) + b'abc'
QEMU_KEY = struct.pack('!BBHII', 255, 0, 1, 0x6B, 37)
AUDIO_ON = struct.pack('!BBH', 255, 1, 0)
AUDIO_FORMAT = struct.pack('!BBHBBI', 255, 1, 2, 0, 2, 44100)
DROPPED = (
    KEY,
    POINTER,
    LONG_POINTER,
    CUT_TEXT,
    CLIPBOARD,
    FILE_PART,
    FILE_OFFER,
    XVP,
    SIZE,
    GII_BIG,
    GII_LITTLE,
    QEMU_KEY,
    AUDIO_ON,
    AUDIO_FORMAT,
)


class InputTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.input = client_messages.Input()
        self.assertFalse(self.input.feed(SHARED))

    def test_what_makes_the_server_draw_is_none(self) -> None:
        for message in PASSED:
            with self.subTest(message=message):
                self.assertFalse(self.input.feed(message))

    def test_what_a_viewer_may_not_send_is_some(self) -> None:
        for message in DROPPED:
            with self.subTest(message=message):
                self.assertTrue(self.input.feed(REQUEST + message + REQUEST))
                self.assertFalse(self.input.feed(REQUEST))

    def test_message_in_pieces_is_seen(self) -> None:
        for message in DROPPED:
            with self.subTest(message=message):
                pieces = [bytes((value,)) for value in message]
                self.assertIn(True, [*map(self.input.feed, pieces)])

    def test_long_text_is_input_to_its_end(self) -> None:
        self.input.feed(struct.pack('!B3xi', 6, 100_000))
        self.assertTrue(self.input.feed(bytes(99_999)))
        self.assertTrue(self.input.feed(bytes(1)))
        self.assertFalse(self.input.feed(REQUEST))

    def test_anything_counts_behind_what_is_not_known(self) -> None:
        self.assertTrue(self.input.feed(b'\xfc'))
        self.assertTrue(self.input.feed(REQUEST))


class SieveTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sieve = client_messages.Sieve()
        self.sieve.feed(SHARED)

    def test_viewer_never_asks_to_be_alone(self) -> None:
        self.assertEqual(SHARED, client_messages.Sieve().feed(b'\x00'))

    def test_what_makes_the_server_draw_passes(self) -> None:
        for message in PASSED:
            self.assertEqual(message, self.sieve.feed(message))
        self.assertEqual('', self.sieve.fault)

    def test_what_changes_the_guest_is_left_out(self) -> None:
        for message in DROPPED:
            with self.subTest(message=message):
                self.assertEqual(REQUEST, self.sieve.feed(message + REQUEST))
        self.assertEqual('', self.sieve.fault)

    def test_byte_by_byte(self) -> None:
        stream = b''.join(DROPPED) + b''.join(PASSED)
        passed = [self.sieve.feed(bytes((value,))) for value in stream]
        self.assertEqual(b''.join(PASSED), b''.join(passed))

    def test_no_encodings_at_all(self) -> None:
        message = struct.pack('!BxH', 2, 0)
        self.assertEqual(message + KEY[:0], self.sieve.feed(message + KEY))

    def test_text_that_never_ends_is_not_kept(self) -> None:
        self.sieve.feed(struct.pack('!B3xi', 6, -(2**31)))
        for _ in range(100):
            self.assertEqual(b'', self.sieve.feed(bytes(65536)))
        self.assertEqual(2**31 - 100 * 65536, self.sieve._left)
        self.assertEqual(b'', self.sieve._head)

    def test_unknown_message_ends_the_stream(self) -> None:
        for number in (1, 8, 127, 249, 252, 254):
            sieve = client_messages.Sieve()
            self.assertEqual(
                SHARED + REQUEST,
                sieve.feed(b'\x00' + REQUEST + bytes((number,)) + REQUEST),
            )
            self.assertIn(str(number), sieve.fault)
            self.assertEqual(b'', sieve.feed(REQUEST))

    def test_message_of_unknown_length_ends_the_stream(self) -> None:
        for message in (
            struct.pack('!B3xIB', 248, 1, 65) + bytes(65),
            struct.pack('!BBH', 255, 2, 0),
            struct.pack('!BBH', 255, 1, 3),
        ):
            sieve = client_messages.Sieve()
            self.assertEqual(SHARED, sieve.feed(SHARED + message))
            self.assertIn('unknown length', sieve.fault)
