# SPDX-License-Identifier: Apache-2.0
"""Calls over the bus end in time, whatever it does."""

from collections.abc import Callable
import threading
import time
from typing import Any

import fixtures
import kombu.exceptions
import oslo_messaging

from console_api import rpc
from tests import base

_PATIENCE = 60


class OpeningTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self._set('_GRACE', 0.0)
        self.opening = rpc.Opening()
        self.away = threading.Event()
        self.addCleanup(self.away.set)

    def _set(self, name: str, value: float) -> None:
        self.useFixture(fixtures.MonkeyPatch(f'console_api.rpc.{name}', value))

    def _hang(self) -> str:
        self.away.wait(_PATIENCE)
        return 'late'

    def _run(
        self, call: Callable[[], object], timeout: float = _PATIENCE
    ) -> object:
        return self.opening.run(call, timeout)

    def test_call_has_its_answer(self) -> None:
        self.assertEqual('answer', self._run(lambda: 'answer'))

    def test_call_raises_what_it_raised(self) -> None:
        self.assertRaises(KeyError, self._run, lambda: {}['key'])

    def test_lost_connection_is_a_message_not_delivered(self) -> None:
        for error in (kombu.exceptions.OperationalError, ConnectionResetError):
            with self.subTest(error=error):

                def fail(error: type[Exception] = error) -> None:
                    raise error('lost')

                self.assertRaises(
                    oslo_messaging.MessageDeliveryFailure, self._run, fail
                )

    def test_every_call_that_hangs_ends_in_time(self) -> None:
        for number in range(3):
            with self.subTest(number=number):
                self.assertRaises(
                    oslo_messaging.MessagingTimeout, self._run, self._hang, 0
                )

    def test_call_does_not_wait_for_one_that_hangs(self) -> None:
        self.assertRaises(
            oslo_messaging.MessagingTimeout, self._run, self._hang, 0
        )
        self.assertEqual('answer', self._run(lambda: 'answer'))

    def test_no_call_is_made_while_too_many_hang(self) -> None:
        self._set('_MOST_HANGING', 2)
        ended = threading.Semaphore(0)

        def hang() -> None:
            self._hang()
            ended.release()

        made: list[str] = []
        for _ in range(2):
            self.assertRaises(
                oslo_messaging.MessagingTimeout, self._run, hang, 0
            )
        self.assertRaises(
            oslo_messaging.MessagingTimeout, self._run, lambda: made.append('')
        )
        self.assertEqual([], made)
        self.away.set()
        for _ in range(2):
            self.assertTrue(ended.acquire(timeout=_PATIENCE))
        self.assertEqual('answer', self._run_again(lambda: 'answer'))

    def _run_again(self, call: Callable[[], object]) -> object:
        # Those that hung have ended but for a few steps of their threads.
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._run(call)
            except oslo_messaging.MessagingTimeout:
                if time.monotonic() > end:
                    raise

    def test_calls_one_after_the_other_share_a_thread(self) -> None:
        threads = {self._run(threading.get_ident) for _ in range(3)}
        self.assertEqual(1, len(threads))

    def test_thread_without_work_ends(self) -> None:
        self._set('_IDLE', 0.01)
        thread = self._run(threading.current_thread)
        assert isinstance(thread, threading.Thread)
        thread.join(_PATIENCE)
        self.assertFalse(thread.is_alive())
        self.assertEqual('answer', self._run(lambda: 'answer'))


class RabbitTest(base.TestCase):
    def _settings(self) -> Any:
        transport = rpc.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        return self.conf.oslo_messaging_rabbit

    def test_lost_bus_is_looked_for_every_few_seconds(self) -> None:
        rabbit = self._settings()
        self.assertLess(
            rabbit.kombu_reconnect_delay + rabbit.rabbit_interval_max, 5
        )

    def test_two_missed_heartbeats_take_half_a_minute(self) -> None:
        self.assertEqual(30, 2 * self._settings().heartbeat_timeout_threshold)
