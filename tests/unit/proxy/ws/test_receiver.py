# SPDX-License-Identifier: Apache-2.0
"""The receiving half of the WebSocket, frame by frame."""

from console_api.proxy.ws import frames
from console_api.proxy.ws import masking
from console_api.proxy.ws import receiver
from tests import base

KEY = b'\x11\x22\x33\x44'


def masked(first: int, payload: bytes = b'', form: int = 0) -> bytes:
    """A client's frame; ``form`` forces the 126 or 127 way of a length."""
    length = len(payload)
    if form == 127 or (not form and length > 65535):
        head = bytes((first, 0xFF)) + length.to_bytes(8, 'big')
    elif form == 126 or (not form and length > 125):
        head = bytes((first, 0xFE)) + length.to_bytes(2, 'big')
    else:
        head = bytes((first, 0x80 | length))
    return head + KEY + masking.apply_mask_slowly(payload, KEY)


class ReceiverTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.receiver = receiver.Receiver()

    def feed(self, data: bytes) -> bytes:
        return b''.join(self.receiver.receive(memoryview(data)))

    def feed_bytewise(self, data: bytes) -> bytes:
        return b''.join(self.feed(data[i : i + 1]) for i in range(len(data)))

    def assertFails(self, code: int, data: bytes) -> None:
        """Whole, byte by byte, and silent ever after."""
        for feed in (self.feed, self.feed_bytewise):
            self.receiver = receiver.Receiver()
            feed(data)
            violation = self.receiver.violation
            assert violation is not None, data
            self.assertEqual(code, violation.code)
            self.assertTrue(violation.text)
            self.assertTrue(self.receiver.ended)
            self.assertEqual(b'', self.feed(masked(0x82, b'more')))


class DataTest(ReceiverTest):
    def test_message_is_unmasked(self) -> None:
        self.assertEqual(b'hello', self.feed(masked(0x82, b'hello')))
        self.assertFalse(self.receiver.ended)

    def test_every_length_form(self) -> None:
        for length in (0, 1, 125, 126, 65535, 65536):
            payload = bytes(i & 255 for i in range(length))
            self.assertEqual(payload, self.feed(masked(0x82, payload)))

    def test_empty_message_is_no_payload(self) -> None:
        self.assertEqual([], self.receiver.receive(memoryview(masked(0x82))))

    def test_every_split_in_two(self) -> None:
        for length in (0, 5, 130):
            payload = bytes(range(length))
            stream = masked(0x82, payload) + masked(0x82, b'next')
            for cut in range(len(stream) + 1):
                got = self.feed(stream[:cut]) + self.feed(stream[cut:])
                self.assertEqual(payload + b'next', got, cut)

    def test_byte_by_byte(self) -> None:
        payload = bytes(i & 255 for i in range(66000))
        self.assertEqual(payload, self.feed_bytewise(masked(0x82, payload)))

    def test_payload_is_passed_on_before_the_frame_ends(self) -> None:
        self.assertEqual(b'hel', self.feed(masked(0x82, b'hello')[:-2]))

    def test_input_may_be_overwritten(self) -> None:
        stream = bytearray(masked(0x82, b'hello')[:-2])
        chunks = self.receiver.receive(memoryview(stream))
        stream[:] = bytes(len(stream))
        self.assertEqual([b'hel'], chunks)
        rest = masked(0x82, b'hello')[-2:]
        self.assertEqual(b'lo', self.feed(rest))

    def test_fragments_are_one_stream(self) -> None:
        stream = masked(0x02, b'a') + masked(0x00, b'b') + masked(0x80, b'c')
        self.assertEqual(b'abc', self.feed(stream))
        self.assertEqual(b'd', self.feed(masked(0x82, b'd')))

    def test_control_frames_between_fragments(self) -> None:
        stream = masked(0x02, b'a') + masked(0x89, b'p') + masked(0x80, b'c')
        self.assertEqual(b'ac', self.feed_bytewise(stream))
        self.assertEqual(b'p', self.receiver.ping)

    def test_largest_frame_is_taken(self) -> None:
        self.receiver = receiver.Receiver(max_frame=8)
        self.assertEqual(b'12345678', self.feed(masked(0x82, b'12345678')))

    def test_larger_frame_fails_at_its_header(self) -> None:
        self.receiver = receiver.Receiver(max_frame=8)
        self.feed(masked(0x82, b'123456789')[:6])
        violation = self.receiver.violation
        assert violation is not None
        self.assertEqual(frames.CloseCode.TOO_BIG, violation.code)


class LookalikeTest(ReceiverTest):
    """Pieces that look like a whole short message, and are none."""

    piece = masked(0x82, b'key')

    def test_rest_of_a_payload(self) -> None:
        frame = bytes((0x82, 0x80 | len(self.piece))) + KEY
        self.assertEqual(b'', self.feed(frame))
        self.assertEqual(
            masking.apply_mask_slowly(self.piece, KEY), self.feed(self.piece)
        )

    def test_rest_of_a_header(self) -> None:
        self.assertEqual(b'', self.feed(bytes((0x82, 0x80 | 100))))
        # Four bytes of it are the key.
        self.assertEqual(
            masking.apply_mask_slowly(self.piece[4:], self.piece[:4]),
            self.feed(self.piece),
        )

    def test_message_within_a_message(self) -> None:
        self.feed(masked(0x02, b'begin'))
        self.assertEqual(b'', self.feed(self.piece))
        self.assertTrue(self.receiver.ended)


class ControlTest(ReceiverTest):
    def test_ping_waits_for_an_answer(self) -> None:
        self.feed(masked(0x89, b'hi'))
        self.assertEqual(b'hi', self.receiver.ping)

    def test_only_the_last_ping_is_kept(self) -> None:
        self.feed(masked(0x89, b'1') + masked(0x89, b'2'))
        self.assertEqual(b'2', self.receiver.ping)

    def test_longest_control_frame_is_taken(self) -> None:
        self.feed_bytewise(masked(0x89, b'x' * 125))
        self.assertEqual(b'x' * 125, self.receiver.ping)

    def test_pongs_are_counted(self) -> None:
        self.feed(masked(0x8A, b'a') + masked(0x8A))
        self.assertEqual(2, self.receiver.pongs)

    def test_close_ends_the_input(self) -> None:
        stream = masked(0x82, b'a') + masked(0x88, b'\x03\xe8ok')
        self.assertEqual(b'a', self.feed(stream + masked(0x82, b'b')))
        self.assertEqual(frames.Close(1000, 'ok'), self.receiver.close)
        self.assertTrue(self.receiver.ended)
        self.assertEqual(b'', self.feed(masked(0x82, b'c')))

    def test_close_in_pieces_ends_the_input(self) -> None:
        self.feed(masked(0x88)[:3])
        self.assertEqual(b'', self.feed(masked(0x88)[3:] + masked(0x82, b'b')))
        self.assertEqual(frames.Close(), self.receiver.close)


class ViolationTest(ReceiverTest):
    def test_unmasked_frame(self) -> None:
        self.assertFails(1002, b'\x82\x01a')

    def test_reserved_bits(self) -> None:
        for bit in (0x40, 0x20, 0x10):
            self.assertFails(1002, masked(0x82 | bit, b'a'))

    def test_reserved_opcodes(self) -> None:
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            self.assertFails(1002, masked(0x80 | opcode, b'a'))

    def test_text(self) -> None:
        self.assertFails(1003, masked(0x81, b'a'))

    def test_continuation_of_nothing(self) -> None:
        self.assertFails(1002, masked(0x80, b'a'))

    def test_message_within_a_message(self) -> None:
        self.assertFails(1002, masked(0x02, b'a') + masked(0x82, b'b'))

    def test_fragmented_control_frame(self) -> None:
        self.assertFails(1002, masked(0x09, b'a'))

    def test_long_control_frame_fails_at_its_header(self) -> None:
        self.assertFails(1002, masked(0x89, b'a' * 126)[:2])

    def test_length_in_a_longer_form_than_needed(self) -> None:
        self.assertFails(1002, masked(0x82, b'a' * 125, form=126))
        self.assertFails(1002, masked(0x82, b'a' * 65535, form=127)[:20])

    def test_length_with_the_highest_bit(self) -> None:
        self.assertFails(1002, b'\x82\xff' + b'\xff' * 8 + KEY)

    def test_huge_frame(self) -> None:
        self.assertFails(
            1009, b'\x82\xff' + (1 << 62).to_bytes(8, 'big') + KEY
        )

    def test_close_code_that_is_not_allowed(self) -> None:
        self.assertFails(1002, masked(0x88, b'\x03\xed'))

    def test_data_before_a_violation_is_passed_on(self) -> None:
        self.assertEqual(b'a', self.feed(masked(0x82, b'a') + b'\x82\x01b'))


class CrowdTest(ReceiverTest):
    MOST = receiver.MAX_FRAMES

    def all_of(self, data: bytes) -> list[bytes]:
        """What comes of it, call by call."""
        got = []
        while data:
            got.append(self.feed(data))
            data, self.receiver.rest = self.receiver.rest, b''
        return got

    def test_one_call_reads_so_many_frames(self) -> None:
        frame = masked(0x82, b'a')
        self.assertEqual(b'a' * self.MOST, self.feed(frame * 3 * self.MOST))
        self.assertEqual(frame * 2 * self.MOST, self.receiver.rest)

    def test_what_is_left_follows(self) -> None:
        stream = b''.join(
            masked(0x82, bytes((i & 255,))) for i in range(2 * self.MOST + 1)
        )
        got = self.all_of(stream + masked(0x8A) + masked(0x82, b'end')[:-1])
        self.assertEqual([self.MOST, self.MOST, 3], [*map(len, got)])
        self.assertEqual(
            bytes(i & 255 for i in range(2 * self.MOST + 1)) + b'en',
            b''.join(got),
        )
        self.assertEqual(1, self.receiver.pongs)
        self.assertEqual(b'd', self.feed(masked(0x82, b'end')[-1:]))

    def test_nothing_is_left_behind_the_last_frame_that_is_read(self) -> None:
        self.feed(masked(0x8A) * self.MOST)
        self.assertEqual(b'', self.receiver.rest)

    def test_nothing_is_left_behind_the_end(self) -> None:
        for end in (masked(0x88), masked(0x81, b'a')):
            self.receiver = receiver.Receiver()
            self.feed(masked(0x8A) * 5 + end + masked(0x8A) * self.MOST)
            self.assertTrue(self.receiver.ended)
            self.assertEqual(b'', self.receiver.rest)

    def test_short_frames_are_a_crowd(self) -> None:
        for frame in (masked(0x8A), masked(0x82), masked(0x82, bytes(50))):
            self.receiver = receiver.Receiver()
            self.feed(frame * (receiver.FEW + 1))
            self.assertEqual(receiver.FEW + 1, self.receiver.crowd)

    def test_few_frames_are_none(self) -> None:
        self.feed(masked(0x8A) * receiver.FEW)
        self.assertEqual(0, self.receiver.crowd)

    def test_longer_frames_are_none(self) -> None:
        for size in (58, 250, 1024):
            self.all_of(masked(0x82, bytes(size)) * 2 * self.MOST)
            self.assertEqual(0, self.receiver.crowd)

    def test_read_with_a_frame_in_each_kibibyte_is_taken_whole(self) -> None:
        frame = masked(0x82, bytes(1024))
        count = 256 * 1024 // len(frame)
        self.assertEqual(count * 1024, len(self.feed(frame * count)))
        self.assertEqual(b'', self.receiver.rest)
