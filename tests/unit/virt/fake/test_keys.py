# SPDX-License-Identifier: Apache-2.0
"""Tests of the names of keys."""

from console_api.virt.fake import keys
from tests import base


class TestKeys(base.TestCase):
    def test_a_letter_is_its_name_and_what_it_types(self):
        for keysym, letter in (
            (0x41, 'A'),
            (0x7E, '~'),
            (0xE9, '\xe9'),
            (0x010005D0, '\u05d0'),
            (0x0101F600, '\U0001f600'),
            (0xFFB5, '5'),
        ):
            self.assertEqual(letter, keys.character(keysym))
            self.assertEqual(letter, keys.name(keysym))

    def test_a_special_key_has_a_name_and_types_nothing(self):
        for keysym, name in (
            (0xFF0D, 'Enter'),
            (0xFFE3, 'Ctrl'),
            (0xFFBE, 'F1'),
            (0xFFC9, 'F12'),
            (0xFFFF, 'Delete'),
        ):
            self.assertIsNone(keys.character(keysym))
            self.assertEqual(name, keys.name(keysym))

    def test_the_space_types_a_space(self):
        self.assertEqual(' ', keys.character(0x20))
        self.assertEqual('Space', keys.name(0x20))

    def test_an_unknown_key_is_its_number(self):
        for keysym in (
            0,
            0x7F,
            0x1A1,
            0x0100D800,
            0x0111FFFF,
            0xFFFFFFFF,
        ):
            self.assertEqual(f'0x{keysym:x}', keys.name(keysym))
