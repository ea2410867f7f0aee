# SPDX-License-Identifier: Apache-2.0
"""Frames that the server writes, and the payload of Close frames."""

from console_api.proxy.ws import frames
from tests import base


class HeaderTest(base.TestCase):
    def _header(self, length: int) -> bytes:
        view = memoryview(bytearray(frames.HEADER_ROOM))
        return bytes(view[frames.put_header(view, length) :])

    def test_short_payload_has_two_bytes(self) -> None:
        self.assertEqual(b'\x82\x00', self._header(0))
        self.assertEqual(b'\x82\x7d', self._header(125))

    def test_middle_payload_has_four_bytes(self) -> None:
        self.assertEqual(b'\x82\x7e\x00\x7e', self._header(126))
        self.assertEqual(b'\x82\x7e\xff\xff', self._header(65535))

    def test_long_payload_has_ten_bytes(self) -> None:
        self.assertEqual(
            b'\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00', self._header(65536)
        )


class EncodeTest(base.TestCase):
    def test_header_is_the_shortest(self) -> None:
        for length in (0, 125, 126, 65535, 65536):
            view = memoryview(bytearray(frames.HEADER_ROOM))
            header = view[frames.put_header(view, length) :]
            frame = frames.encode(frames.Opcode.BINARY, bytes(length))
            self.assertEqual(bytes(header) + bytes(length), frame)

    def test_pong_carries_the_payload(self) -> None:
        self.assertEqual(
            b'\x8a\x02hi', frames.encode(frames.Opcode.PONG, b'hi')
        )

    def test_close_without_a_code_is_empty(self) -> None:
        self.assertEqual(b'\x88\x00', frames.encode_close(frames.Close()))

    def test_close_has_code_and_reason(self) -> None:
        self.assertEqual(
            b'\x88\x04\x03\xe8ok',
            frames.encode_close(frames.Close(1000, 'ok')),
        )

    def test_long_reason_is_cut_at_a_character(self) -> None:
        frame = frames.encode_close(frames.Close(1000, 'x' + '\u00e9' * 100))
        self.assertEqual(1 + 2 * 61, len(frame) - 4)
        self.assertEqual('x' + '\u00e9' * 61, frame[4:].decode())


class ParseCloseTest(base.TestCase):
    def test_empty_payload_has_no_code(self) -> None:
        self.assertEqual(frames.Close(), frames.parse_close(b''))

    def test_code_and_reason(self) -> None:
        self.assertEqual(
            frames.Close(3000, 'bye'), frames.parse_close(b'\x0b\xb8bye')
        )

    def test_one_byte_is_a_violation(self) -> None:
        fault = frames.parse_close(b'\x03')
        assert isinstance(fault, frames.Violation)
        self.assertEqual(frames.CloseCode.PROTOCOL_ERROR, fault.code)

    def test_reason_that_is_not_utf8_is_a_violation(self) -> None:
        fault = frames.parse_close(b'\x03\xe8\xff')
        assert isinstance(fault, frames.Violation)
        self.assertEqual(frames.CloseCode.INVALID_DATA, fault.code)

    def test_codes_that_never_travel_are_violations(self) -> None:
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            fault = frames.parse_close(code.to_bytes(2, 'big'))
            assert isinstance(fault, frames.Violation), code
            self.assertEqual(frames.CloseCode.PROTOCOL_ERROR, fault.code)

    def test_codes_in_use_are_taken(self) -> None:
        for code in (1000, 1003, 1007, 1011, 1014, 3000, 4001, 4999):
            self.assertEqual(
                frames.Close(code), frames.parse_close(code.to_bytes(2, 'big'))
            )
