# SPDX-License-Identifier: Apache-2.0
import os
import time

from console_api.proxy import usage
from tests import base

TOKEN = '5e' * 32
OTHER = 'a7' * 32


class UseTest(base.TestCase):
    def test_mark_is_on_the_clock_of_event_loops(self) -> None:
        use = usage.Use()
        before = time.monotonic()
        use.mark()
        self.assertLessEqual(before, use.since)
        self.assertLessEqual(use.since, time.monotonic())

    def test_sessions_by_themselves_share_nothing(self) -> None:
        use, other = usage.Use(), usage.Use()
        use.mark()
        self.assertEqual(0, other.since)

    def test_sessions_of_a_token_share_their_use(self) -> None:
        board = usage.Board()
        use = board.use(TOKEN)
        use.mark()
        self.assertEqual(use.since, board.use(TOKEN).since)
        self.assertEqual(0, board.use(OTHER).since)

    def test_workers_share_what_was_made_before_them(self) -> None:
        use = usage.Board().use(TOKEN)
        child = os.fork()
        if not child:
            use.mark()
            os._exit(0)
        os.waitpid(child, 0)
        self.assertGreater(use.since, 0)
