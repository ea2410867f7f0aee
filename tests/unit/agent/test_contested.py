# SPDX-License-Identifier: Apache-2.0
"""How often a server is reported that another host has."""

import math

import fixtures

from console_api.agent import contested
from tests import base

_LONGEST = 60.0


class ContestedServersTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.useFixture(
            fixtures.MonkeyPatch('random.uniform', lambda low, high: 1.0)
        )
        self.now = 0.0
        self.servers = self.make(_LONGEST)

    def make(self, longest: float) -> contested.ContestedServers:
        return contested.ContestedServers('here', longest, lambda: self.now)

    def refuse(self, server_id: str = 'one') -> float:
        """Report it, in vain, as soon as it is due; how long that took."""
        before = self.now
        if self.servers.next_due != math.inf:
            self.now = self.servers.next_due
        self.servers.settle([server_id], [server_id])
        return self.now - before

    def test_waits_double_up_to_the_longest(self) -> None:
        self.refuse()
        self.assertEqual(
            [1, 2, 4, 8, 16, 32, 60, 60], [self.refuse() for _ in range(8)]
        )

    def test_longest_is_never_passed(self) -> None:
        self.servers = self.make(0.5)
        self.refuse()
        self.assertEqual([0.5, 0.5], [self.refuse(), self.refuse()])

    def test_nothing_is_due_before_its_time(self) -> None:
        self.refuse()
        self.assertEqual(set(), self.servers.due())
        self.now = 1.0
        self.assertEqual({'one'}, self.servers.due())

    def test_waits_of_several_hosts_spread(self) -> None:
        asked: list[tuple[float, float]] = []

        def spread(low: float, high: float) -> float:
            asked.append((low, high))
            return high

        self.useFixture(fixtures.MonkeyPatch('random.uniform', spread))
        self.refuse()
        self.assertEqual(1.5, self.servers.next_due)
        self.assertEqual([(0.5, 1.5)], asked)

    def test_server_that_was_taken_is_forgotten(self) -> None:
        self.refuse()
        self.servers.settle(['one'], [])
        self.assertEqual(math.inf, self.servers.next_due)
        self.refuse()
        self.assertEqual(1, self.refuse())

    def test_answer_to_another_question_settles_nothing(self) -> None:
        self.refuse()
        self.servers.settle(['two'], ['three'])
        self.assertEqual(1.0, self.servers.next_due)

    def test_change_begins_the_waits_anew(self) -> None:
        for _ in range(7):
            self.refuse()
        self.servers.hasten(['one', 'two'])
        self.servers.settle(['one'], ['one'])
        self.assertEqual([1, 2], [self.refuse(), self.refuse()])

    def test_each_server_waits_for_itself(self) -> None:
        self.refuse('one')
        self.refuse('one')
        self.servers.settle(['two'], ['two'])
        self.now += 1
        self.assertEqual({'two'}, self.servers.due())

    def test_two_hosts_that_keep_a_server_are_named_once(self) -> None:
        for _ in range(3):
            self.refuse()
        self.assertEqual('', self.log.output)
        for _ in range(20):
            self.refuse()
        self.servers.hasten(['one'])
        self.refuse()
        self.assertEqual(1, self.log.output.count('Server one is on here'))
