# SPDX-License-Identifier: Apache-2.0
"""The answer to the challenge of VNC Authentication."""

from console_api.proxy import vncauth
from tests import base


class AnswerTest(base.TestCase):
    def test_is_plain_des_with_reversed_bits(self) -> None:
        # FIPS 81's key 0123456789abcdef and text "Now is t", with the bits
        # of each byte of the key in reverse.
        password = bytes.fromhex('80c4a2e691d5b3f7')
        self.assertEqual(
            bytes.fromhex('3fa40e8a984d4815'),
            vncauth.encrypt(password, b'Now is t'),
        )

    def test_only_eight_bytes_of_a_password_count(self) -> None:
        challenge = bytes(range(16))
        self.assertEqual(
            vncauth.answer('12345678', challenge),
            vncauth.answer('12345678 and more', challenge),
        )
        self.assertNotEqual(
            vncauth.answer('12345678', challenge),
            vncauth.answer('1234567', challenge),
        )

    def test_has_the_length_of_the_challenge(self) -> None:
        for password in ('', 'x', 'p\u00e4ss', '\U0001f511' * 9):
            self.assertEqual(16, len(vncauth.answer(password, bytes(16))))
