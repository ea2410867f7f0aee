# SPDX-License-Identifier: Apache-2.0
"""The two ways to undo the masking."""

from console_api.proxy.ws import masking
from tests import base

KEY = b'\x01\x02\x03\x04'


class MaskingTest(base.TestCase):
    def test_key_is_repeated(self) -> None:
        self.assertEqual(
            b'\x01\x02\x03\x04\x01\x02',
            masking.apply_mask_slowly(bytes(6), KEY),
        )

    def test_both_ways_agree_at_every_length(self) -> None:
        for length in range(40):
            data = bytes(range(100, 100 + length))
            self.assertEqual(
                masking.apply_mask_slowly(data, KEY),
                masking.apply_mask(memoryview(data), memoryview(KEY)),
            )

    def test_twice_is_nothing(self) -> None:
        once = masking.apply_mask(b'console', KEY)
        self.assertEqual(b'console', masking.apply_mask(once, KEY))
