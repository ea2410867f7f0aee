# SPDX-License-Identifier: Apache-2.0
"""Who is not let in does not fill the log."""

import logging

import fixtures

from console_api.conductor import refusals
from tests import base


class RefusalLogTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.now = 0.0
        self.refused = refusals.RefusalLog(lambda: self.now)

    def lines(self) -> list[str]:
        return self.log.output.splitlines()

    def test_each_reason_is_told_once(self) -> None:
        for _ in range(1000):
            self.refused.tell('a is not enrolled')
            self.refused.tell('b is not enrolled')
        self.assertEqual(2, len(self.lines()))

    def test_it_is_told_again_later(self) -> None:
        self.refused.tell('a is not enrolled')
        self.now = 600.0
        self.refused.tell('a is not enrolled')
        self.assertEqual(2, len(self.lines()))

    def test_names_that_are_made_up_are_counted(self) -> None:
        for number in range(10_000):
            self.refused.tell(f'{number} is not enrolled')
        self.assertEqual(50, len(self.lines()))
        self.now = 600.0
        self.refused.tell('a is not enrolled')
        *_, count, last = self.lines()
        self.assertIn('9950 more calls for hosts were refused', count)
        self.assertIn('a is not enrolled', last)
