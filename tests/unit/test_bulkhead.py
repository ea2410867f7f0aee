# SPDX-License-Identifier: Apache-2.0
"""Who does not answer is asked by few, and costs the others nothing."""

from collections.abc import Callable
import functools
import threading

from console_api import bulkhead
from tests import base
from tests.fixtures import processes

_PATIENCE = 60
_LIMITS = bulkhead.Limits(most=2, patience=1.0, memory=5.0)


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class BulkheadsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = _Clock()
        self.hosts = bulkhead.Bulkheads(_LIMITS, self.clock)

    def begin(self, host: str = 'a') -> bulkhead.Turn:
        turn = self.hosts.ask(host)
        assert turn is not None
        return turn

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    def fall_silent(self, host: str = 'a') -> None:
        turn = self.begin(host)
        self.pass_time(10)
        self.hosts.end(turn, bulkhead.Outcome.SILENT)

    def refused(self, host: str = 'a', waiting: int = 0) -> bool:
        """Whether it is for silence; fails where nothing is refused."""
        error = self.assertRaises(
            bulkhead.RefusedError, self.hosts.ask, host, waiting
        )
        return error.silent

    def test_few_calls_are_under_way(self) -> None:
        self.assertFalse(self.begin().probing)
        self.assertFalse(self.begin().probing)
        self.assertIsNone(self.hosts.ask('a'))

    def test_other_sides_have_turns_of_their_own(self) -> None:
        self.begin()
        self.begin()
        self.begin('b')

    def test_turn_is_free_after_an_answer(self) -> None:
        turn = self.begin()
        self.begin()
        self.hosts.end(turn, bulkhead.Outcome.ANSWERED)
        self.begin()

    def test_nobody_waits_for_one_that_says_nothing(self) -> None:
        self.begin()
        self.begin()
        self.pass_time(1)
        self.assertFalse(self.refused())

    def test_one_stuck_call_leaves_the_other_turn(self) -> None:
        self.begin()
        for _ in range(20):
            turn = self.begin()
            self.pass_time(0.9)
            self.assertIsNone(self.hosts.ask('a'))
            self.hosts.end(turn, bulkhead.Outcome.NEITHER)

    def test_nobody_joins_a_queue_that_is_too_long(self) -> None:
        turn = self.begin()
        self.pass_time(0.1)
        self.hosts.end(turn, bulkhead.Outcome.ANSWERED)
        self.begin()
        self.begin()
        self.assertIsNone(self.hosts.ask('a', waiting=18))
        self.assertFalse(self.refused(waiting=21))

    def test_line_has_an_end(self) -> None:
        self.hosts = bulkhead.Bulkheads(bulkhead.Limits(2, line=3), self.clock)
        self.begin()
        self.begin()
        self.assertIsNone(self.hosts.ask('a', waiting=2))
        self.assertFalse(self.refused(waiting=3))

    def test_crowd_waits_less_for_one_that_says_nothing(self) -> None:
        self.hosts = bulkhead.Bulkheads(
            bulkhead.Limits(2, patience=1.0, crowd=10), self.clock
        )
        self.begin()
        self.begin()
        self.pass_time(0.3)
        self.assertIsNone(self.hosts.ask('a', waiting=5))
        self.assertFalse(self.refused(waiting=10))

    def test_one_that_was_silent_is_left_alone(self) -> None:
        self.fall_silent()
        self.pass_time(4.9)
        self.assertTrue(self.refused())

    def test_silence_of_one_is_not_that_of_others(self) -> None:
        self.fall_silent()
        self.begin('b')

    def test_one_call_finds_out_whether_it_is_back(self) -> None:
        self.fall_silent()
        self.pass_time(5)
        self.assertTrue(self.begin().probing)
        self.assertFalse(self.refused())

    def test_one_that_is_back_is_asked_by_all(self) -> None:
        self.fall_silent()
        self.pass_time(5)
        self.hosts.end(self.begin(), bulkhead.Outcome.ANSWERED)
        self.assertFalse(self.begin().probing)
        self.assertFalse(self.begin().probing)

    def test_one_that_is_still_silent_is_left_alone_again(self) -> None:
        self.fall_silent()
        self.pass_time(5)
        self.hosts.end(self.begin(), bulkhead.Outcome.SILENT)
        self.assertTrue(self.refused())

    def test_late_answer_ends_the_silence(self) -> None:
        late = self.begin()
        self.fall_silent()
        self.hosts.end(late, bulkhead.Outcome.ANSWERED)
        self.begin()

    def test_one_that_answers_others_is_not_silent(self) -> None:
        turn = self.begin()
        self.pass_time(1)
        self.hosts.end(self.begin(), bulkhead.Outcome.ANSWERED)
        self.pass_time(9)
        self.hosts.end(turn, bulkhead.Outcome.SILENT)
        self.assertFalse(self.begin().probing)

    def test_time_without_an_answer_is_not_its_time(self) -> None:
        self.fall_silent()
        self.pass_time(5)
        self.hosts.end(self.begin(), bulkhead.Outcome.ANSWERED)
        self.begin()
        self.begin()
        self.assertIsNone(self.hosts.ask('a', waiting=50))

    def test_those_that_are_never_asked_again_are_forgotten(self) -> None:
        for number in range(100):
            self.fall_silent(f'gone-{number}')
            self.pass_time(100)
        self.assertLess(len(self.hosts._sides), 3)


class ThreadBulkheadsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.hosts = bulkhead.ThreadBulkheads(
            bulkhead.Limits(1, _PATIENCE, _PATIENCE, _PATIENCE),
            silence=(TimeoutError,),
            neither=(ConnectionError,),
        )

    def start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def fail(self, error: type[Exception]) -> None:
        def call() -> None:
            with self.hosts.turn('a'):
                raise error

        self.assertRaises(error, call)

    def test_one_waits_until_another_is_done(self) -> None:
        done = threading.Event()
        asked = threading.Event()

        def work() -> None:
            asked.set()
            with self.hosts.turn('a'):
                done.set()

        with self.hosts.turn('a'):
            self.start(work)
            asked.wait(_PATIENCE)
            self.assertFalse(done.is_set())
        self.assertTrue(done.wait(_PATIENCE))

    def test_turns_come_in_order(self) -> None:
        order: list[int] = []
        threads = []

        def work(number: int) -> None:
            with self.hosts.turn('a'):
                order.append(number)

        def wait_in_line(number: int) -> None:
            threads.append(self.start(functools.partial(work, number)))
            processes.wait_for(
                lambda: len(self.hosts._queues.get('a', ())) > number,
                'it does not wait',
            )

        with self.hosts.turn('a'):
            for number in range(5):
                wait_in_line(number)
        for thread in threads:
            thread.join(_PATIENCE)
        self.assertEqual(list(range(5)), order)

    def test_silence_is_remembered(self) -> None:
        self.fail(TimeoutError)
        error = self.assertRaises(bulkhead.RefusedError, self.hosts.begin, 'a')
        self.assertTrue(error.silent)

    def test_other_errors_are_answers(self) -> None:
        self.fail(KeyError)
        self.fail(ConnectionError)
        with self.hosts.turn('a') as turn:
            self.assertFalse(turn.probing)

    def test_those_who_wait_for_one_that_falls_silent_are_refused(
        self,
    ) -> None:
        refused: list[bool] = []

        def work() -> None:
            try:
                self.hosts.begin('a')
            except bulkhead.RefusedError as exc:
                refused.append(exc.silent)

        turn = self.hosts.begin('a')
        threads = [self.start(work) for _ in range(3)]
        self.hosts.end(turn, bulkhead.Outcome.SILENT)
        for thread in threads:
            thread.join(_PATIENCE)
        self.assertEqual([True] * 3, refused)

    def test_nobody_waits_for_ever(self) -> None:
        hosts = bulkhead.ThreadBulkheads(bulkhead.Limits(1, wait=0.01))
        hosts.begin('a')
        error = self.assertRaises(bulkhead.RefusedError, hosts.begin, 'a')
        self.assertFalse(error.silent)
