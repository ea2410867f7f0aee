# SPDX-License-Identifier: Apache-2.0
"""Tests of the server's side of RFB, without a socket."""

import struct

import hypothesis
from hypothesis import strategies

from console_api.virt.fake import geometry
from console_api.virt.fake import pixels
from console_api.virt.fake import rfb
from tests import base

IN = b'RFB 003.008\n\x01\x01'


class RfbTestCase(base.TestCase):
    def protocol(self, name='guest', **limits):
        return rfb.ServerProtocol(640, 480, name, rfb.Limits(**limits))

    def started(self, **limits):
        protocol = self.protocol(**limits)
        protocol.receive(IN)
        protocol.take_output()
        return protocol


class TestHandshake(RfbTestCase):
    def talk(self, *sent):
        """What the server says after each thing that is sent."""
        protocol = self.protocol()
        said = [protocol.take_output()]
        for data in sent:
            protocol.receive(data)
            said.append(protocol.take_output())
        return protocol, said

    def test_3_8_has_a_result(self):
        _protocol, said = self.talk(b'RFB 003.008\n', b'\x01')

        self.assertEqual([b'RFB 003.008\n', b'\x01\x01', b'\0' * 4], said)

    def test_3_7_has_none(self):
        _protocol, said = self.talk(b'RFB 003.007\n', b'\x01')

        self.assertEqual([b'RFB 003.008\n', b'\x01\x01', b''], said)

    def test_3_3_has_no_choice(self):
        for version in (b'003.003', b'003.000', b'003.006'):
            protocol, said = self.talk(b'RFB ' + version + b'\n', b'\x01')

            self.assertEqual(b'\0\0\0\x01', said[1])
            self.assertTrue(protocol.started)

    def test_another_choice_is_refused_with_a_reason_in_3_8(self):
        protocol, said = self.talk(b'RFB 003.008\n', b'\x02\x01')

        self.assertEqual(b'\0\0\0\x01', said[2][:4])
        self.assertEqual(len(said[2]) - 8, said[2][7])
        self.assertEqual('the client chose security type 2', protocol.closed)
        self.assertFalse(protocol.started)

    def test_another_choice_is_refused_without_one_in_3_7(self):
        protocol, said = self.talk(b'RFB 003.007\n', b'\x02')

        self.assertEqual(b'\0\0\0\x01', said[2])
        self.assertIsNotNone(protocol.closed)

    def test_what_is_no_version_ends_it(self):
        for data in (b'RFB 003.008\r', b'rfb 003.008\n', b'\0' * 12):
            protocol, said = self.talk(data)

            self.assertIn('does not speak RFB', protocol.closed)
            self.assertEqual(b'', said[1])

    def test_another_major_version_ends_it(self):
        for version in (b'004.001', b'002.008'):
            protocol, said = self.talk(b'RFB ' + version + b'\n')

            self.assertIn('the client speaks version', protocol.closed)
            self.assertEqual(b'', said[1])

    def test_the_server_introduces_itself(self):
        _protocol, said = self.talk(b'RFB 003.003\n', b'\x01')

        self.assertEqual(
            struct.pack('>HH', 640, 480)
            + pixels.PixelFormat().pack()
            + b'\0\0\0\x05guest',
            said[2],
        )

    def test_a_name_is_cut_between_characters(self):
        protocol = self.protocol(name='x' + '\xe9' * 1024)
        protocol.receive(IN)
        said = protocol.take_output()

        self.assertEqual(('x' + '\xe9' * 511).encode(), said[-1023:])
        self.assertEqual(b'\0\0\x03\xff', said[-1027:-1023])

    def test_the_client_says_whether_it_shares(self):
        for byte, shared in ((0, False), (1, True), (255, True)):
            events = self.protocol().receive(IN[:-1] + bytes((byte,)))

            self.assertEqual([rfb.Started(shared)], events)


class TestMessages(RfbTestCase):
    def test_a_key(self):
        self.assertEqual(
            [rfb.KeyEvent(True, 0xFFE3), rfb.KeyEvent(False, 65)],
            self.started().receive(
                b'\x04\x01\0\0\0\0\xff\xe3\x04\0\0\0\0\0\0A'
            ),
        )

    def test_a_pointer_stays_on_the_screen(self):
        self.assertEqual(
            [rfb.PointerEvent(5, 1, 2), rfb.PointerEvent(0, 639, 479)],
            self.started().receive(
                b'\x05\x05\0\x01\0\x02\x05\0\xff\xff\xff\xff'
            ),
        )

    def test_a_request_is_clipped_to_the_screen(self):
        self.assertEqual(
            [rfb.UpdateRequest(True, geometry.Rect(600, 400, 40, 80))],
            self.started().receive(
                struct.pack('>BBHHHH', 3, 1, 600, 400, 65535, 65535)
            ),
        )

    def test_a_format_is_taken(self):
        protocol = self.started()
        form = pixels.PixelFormat(24, True, 0, 8, 16)
        protocol.receive(b'\0\0\0\0' + form.pack())

        self.assertEqual(form, protocol.pixel_format)
        self.assertIsNone(protocol.closed)

    def test_a_format_that_is_not_offered_ends_it(self):
        protocol = self.started()
        protocol.receive(b'\0' * 20)

        self.assertIn('pixel format: 0 bits', protocol.closed)

    def test_the_first_encoding_that_is_known_is_taken(self):
        for encodings, taken in (
            ((7, -223, 16, 0), 16),
            ((0, 16), 0),
            ((7,), 0),
            ((), 0),
        ):
            protocol = self.started()
            protocol.receive(
                struct.pack(
                    f'>BxH{len(encodings)}i', 2, len(encodings), *encodings
                )
            )
            self.assertEqual(taken, protocol.encoding)

    def test_as_many_encodings_as_allowed_and_no_more(self):
        protocol = self.started(encodings=2)
        protocol.receive(b'\x02\0\0\x02' + b'\0\0\0\x10' * 2)
        self.assertIsNone(protocol.closed)

        protocol.receive(b'\x02\0\0\x03')
        self.assertEqual('3 encodings are too many', protocol.closed)

    def test_as_much_clipboard_as_allowed_and_no_more(self):
        protocol = self.started(cut_text=3)
        events = protocol.receive(
            b'\x06\0\0\0\0\0\0\x03abc\x04\x01\0\0\0\0\0A'
        )
        self.assertEqual([rfb.KeyEvent(True, 65)], events)

        protocol.receive(b'\x06\0\0\0\0\0\0\x04')
        self.assertEqual('4 bytes of clipboard are too many', protocol.closed)

    def test_nothing_is_kept_of_a_clipboard(self):
        protocol = self.started(cut_text=10**6)
        protocol.receive(b'\x06\0\0\0' + struct.pack('>I', 10**6))
        protocol.receive(b'x' * 60_000)

        self.assertEqual(0, len(protocol._input))

    def test_other_messages_end_it(self):
        for kind in (1, 7, 248, 255):
            protocol = self.started()

            self.assertEqual([], protocol.receive(bytes((kind,))))
            self.assertEqual(f'unknown message type {kind}', protocol.closed)

    def test_nothing_counts_after_the_end(self):
        protocol = self.started()
        events = protocol.receive(b'\xff' + b'\x04\x01\0\0\0\0\0A' * 9)
        events += protocol.receive(b'\x04\x01\0\0\0\0\0A')

        self.assertEqual([], events)
        self.assertEqual(0, len(protocol._input))

    def test_bytes_mean_the_same_in_any_pieces(self):
        stream = (
            IN
            + b'\x02\0\0\x01\0\0\0\x10'
            + b'\x06\0\0\0\0\0\0\x05hello'
            + b'\x04\x01\0\0\0\0\0A'
            + b'\x05\x01\0\x05\0\x06'
            + b'\x03\0\0\0\0\0\0\x10\0\x10'
        )
        whole = self.protocol().receive(stream)
        protocol = self.protocol()
        pieces = []
        for byte in stream:
            pieces += protocol.receive(bytes((byte,)))

        self.assertEqual(4, len(whole))
        self.assertEqual(whole, pieces)
        self.assertEqual(pixels.ZRLE, protocol.encoding)

    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        strategies.lists(strategies.binary(max_size=60), max_size=6)
    )
    def test_random_bytes_raise_nothing(self, parts):
        protocol = self.started()
        for part in parts:
            protocol.receive(part)
            protocol.take_output()


class TestUpdate(RfbTestCase):
    def test_it_carries_the_rectangles(self):
        self.assertEqual(
            b'\0\0\0\x02'
            b'\0\x01\0\x02\0\x03\0\x04\0\0\0\x10body'
            b'\0\x05\0\x06\0\x07\0\x08\0\0\0\x10more',
            self.started().update(
                [
                    (geometry.Rect(1, 2, 3, 4), b'body'),
                    (geometry.Rect(5, 6, 7, 8), b'more'),
                ],
                pixels.ZRLE,
            ),
        )
