# SPDX-License-Identifier: Apache-2.0
"""Tests of the console log of a simulated server."""

from console_api.virt.fake import consolelog
from tests import base


class TestConsoleLog(base.TestCase):
    def test_what_is_written_follows_what_was_there(self):
        log = consolelog.ConsoleLog(b'boot\n')
        log.write(b'more\n')

        self.assertEqual(b'boot\nmore\n', log.tail(100))

    def test_the_tail_is_as_long_as_it_is_wanted(self):
        log = consolelog.ConsoleLog(b'0123456789')

        self.assertEqual(b'789', log.tail(3))
        self.assertEqual(b'0123456789', log.tail(10))

    def test_nothing_is_wanted(self):
        log = consolelog.ConsoleLog(b'0123456789')

        self.assertEqual(b'', log.tail(0))
        self.assertEqual(b'', log.tail(-1))

    def test_the_start_is_lost_first(self):
        log = consolelog.ConsoleLog(b'0123', capacity=8)
        log.write(b'456789')

        self.assertEqual(b'23456789', log.tail(100))

    def test_one_long_write_leaves_its_end(self):
        log = consolelog.ConsoleLog(b'', capacity=4)
        log.write(b'0123456789')

        self.assertEqual(b'6789', log.tail(100))

    def test_a_long_start_is_kept(self):
        log = consolelog.ConsoleLog(b'x' * 100, capacity=8)
        log.write(b'y')

        self.assertEqual(b'x' * 99 + b'y', log.tail(1000))

    def test_more_is_kept_than_anybody_may_ask_for(self):
        log = consolelog.ConsoleLog(b'')
        log.write(bytes(1024 * 1024))

        kept = len(log.tail(1024 * 1024))
        self.assertGreaterEqual(kept, 100 * 1024)
        self.assertLess(kept, 1024 * 1024)
