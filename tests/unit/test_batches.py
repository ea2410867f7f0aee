# SPDX-License-Identifier: Apache-2.0
"""Those who ask the same share a call, and none has an older answer."""

from concurrent import futures
import threading

from console_api import batches
from console_api import bulkhead
from tests import base
from tests.fixtures import processes

_PATIENCE = 60


class BatchesTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.batches: batches.Batches[int] = batches.Batches(
            _PATIENCE, lambda: self.now
        )
        self.pool = futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.calls: list[int] = []

    def call(self) -> int:
        number = len(self.calls)
        self.calls.append(number)
        self.begun.release()
        self.go_on.wait(_PATIENCE)
        return number

    def ask(self, key: str = 'a') -> 'futures.Future[int]':
        return self.pool.submit(self.batches.run, key, self.call)

    def wait_for_begin(self) -> None:
        self.assertTrue(self.begun.acquire(timeout=_PATIENCE))

    def test_those_who_come_during_a_call_share_the_next(self) -> None:
        first = self.ask()
        self.wait_for_begin()
        others = [self.ask() for _ in range(5)]
        # One of them waits for the first call, and four for that one.
        processes.wait_for(lambda: self.waiting() == 4, 'they do not wait')
        self.go_on.set()
        self.assertEqual(0, first.result(_PATIENCE))
        answers = [one.result(_PATIENCE) for one in others]
        self.assertEqual([1] * 5, answers)
        self.assertEqual(2, len(self.calls))

    def waiting(self) -> int:
        following = self.batches._lines['a'].following
        return len(following._condition._waiters) if following else 0

    def test_other_things_are_not_waited_for(self) -> None:
        self.ask('a')
        self.wait_for_begin()
        self.ask('b')
        self.wait_for_begin()

    def test_each_has_the_error_of_the_call(self) -> None:
        def fail() -> int:
            raise KeyError

        for _ in range(2):
            self.assertRaises(KeyError, self.batches.run, 'a', fail)

    def test_error_is_not_that_of_the_next_call(self) -> None:
        def fail() -> int:
            self.begun.release()
            self.go_on.wait(_PATIENCE)
            raise KeyError

        first = self.pool.submit(self.batches.run, 'a', fail)
        self.wait_for_begin()
        second = self.ask()
        self.go_on.set()
        self.assertIsInstance(first.exception(_PATIENCE), KeyError)
        self.assertEqual(0, second.result(_PATIENCE))

    def test_nobody_waits_behind_a_call_without_an_answer(self) -> None:
        first = self.ask()
        self.wait_for_begin()
        self.now = _PATIENCE
        for _ in range(2):
            self.assertRaises(
                bulkhead.RefusedError, self.batches.run, 'a', self.call
            )
        self.assertEqual(1, len(self.calls))
        self.go_on.set()
        self.assertEqual(0, first.result(_PATIENCE))
        self.assertEqual(1, self.batches.run('a', self.call))

    def test_nothing_is_kept_once_all_have_their_answers(self) -> None:
        self.go_on.set()
        for one in [self.ask(str(number)) for number in range(20)]:
            one.result(_PATIENCE)
        self.assertEqual({}, self.batches._lines)
