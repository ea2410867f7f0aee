# SPDX-License-Identifier: Apache-2.0
"""Tests of the text on simulated screens."""

import hypothesis
from hypothesis import strategies

from console_api.virt.fake import theme
from tests import base


class TestText(base.TestCase):
    def test_what_does_not_print_is_replaced(self):
        self.assertEqual(
            'a\ufffd\ufffd\ufffdb', theme.showable('a\0\x1b\u202eb')
        )

    def test_a_long_text_is_cut(self):
        self.assertEqual(203, len(theme.showable('x' * 10_000)))

    def test_what_fits_is_left_alone(self):
        self.assertEqual('demo-1', theme.fit('demo-1', 56, 500))

    def test_letters_lose_their_accents(self):
        self.assertEqual('uber', theme.fit('\xfcber', 20, 500))

    def test_other_letters_become_boxes(self):
        self.assertEqual('\ufffd\ufffd', theme.fit('\u05d0\u4e2d', 20, 500))

    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        strategies.text(max_size=300), strategies.integers(40, 600)
    )
    def test_any_text_fits(self, text, width):
        fitted = theme.fit(text, 20, width)

        self.assertLessEqual(theme.text_width(fitted, 20), width)
