# SPDX-License-Identifier: Apache-2.0
"""Calls over the bus end in time, and ask servers for what they know."""

from collections.abc import Callable
import sys
import threading
import time
from typing import Any

import fixtures
import kombu.exceptions
import oslo_messaging
from oslo_messaging._drivers import common

from console_api import calls
from console_api import exception
from console_api import rpc
from tests import base

_PATIENCE = 60
_SILENT = oslo_messaging.MessagingTimeout('nothing')
_REFUSED = oslo_messaging.RemoteError('UnsupportedVersion', '1.4', [])


class OpeningTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self._set('_GRACE', 0.0)
        self.calls = calls.Calls()
        self.away = threading.Event()
        self.addCleanup(self.away.set)

    def _set(self, name: str, value: float) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(f'console_api.calls.{name}', value)
        )

    def _hang(self) -> str:
        self.away.wait(_PATIENCE)
        return 'late'

    def _run(
        self, call: Callable[[], object], timeout: float = _PATIENCE
    ) -> object:
        return self.calls.run(call, timeout)

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
            oslo_messaging.MessageDeliveryFailure,
            self._run,
            lambda: made.append(''),
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
            except oslo_messaging.MessageDeliveryFailure:
                if time.monotonic() > end:
                    raise

    def test_error_of_the_connections_is_a_message_not_delivered(self) -> None:
        # What a pool gives that holds a connection which was closed.
        nobody: Any = None
        self.assertRaises(
            oslo_messaging.MessageDeliveryFailure,
            self._run,
            lambda: nobody.autoretry,
        )

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


class _Watch:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[bool] = []
        self.answers = 0

    def suspect(self, failed: bool) -> None:
        self.told.append(failed)

    def answered(self) -> None:
        self.answers += 1


class WatchTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.watch = _Watch()
        self.calls = calls.Calls(self.watch)

    def _run(self, call: Callable[[], object]) -> object:
        return self.calls.run(call, _PATIENCE)

    def _fail(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        self.assertRaises(type(error), self._run, fail)

    def test_no_call_is_made_while_the_bus_is_away(self) -> None:
        self.watch.away = True
        made: list[str] = []
        self.assertRaises(
            oslo_messaging.MessageDeliveryFailure,
            self._run,
            lambda: made.append(''),
        )
        self.assertEqual([], made)
        # Whoever asks after the bus may have ended.
        self.assertEqual([False], self.watch.told)

    def test_call_ends_when_the_bus_is_found_to_be_away(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch('console_api.calls._SUSPICIOUS', 0.01)
        )
        ended = threading.Event()
        self.addCleanup(ended.set)
        watch = self.watch

        class Finds(_Watch):
            def suspect(self, failed: bool) -> None:
                watch.suspect(failed)
                self.away = True

        self.calls = calls.Calls(Finds())
        self.assertRaises(
            oslo_messaging.MessageDeliveryFailure,
            self._run,
            lambda: ended.wait(_PATIENCE),
        )
        self.assertEqual([False, True], watch.told)

    def test_message_that_was_not_delivered_is_told(self) -> None:
        self._fail(oslo_messaging.MessageDeliveryFailure('lost'))
        self.assertEqual([True], self.watch.told)

    def test_call_of_nobody_says_nothing_about_the_bus(self) -> None:
        def fail() -> None:
            raise oslo_messaging.MessageUndeliverable(None, None, '', None)

        self.assertRaises(
            oslo_messaging.MessageDeliveryFailure, self._run, fail
        )
        self.assertEqual([], self.watch.told)

    def test_silence_of_a_server_says_nothing_about_the_bus(self) -> None:
        self._fail(oslo_messaging.MessagingTimeout('nothing'))
        self.assertEqual([], self.watch.told)

    def test_answer_is_told(self) -> None:
        self._run(lambda: 'answer')
        self.assertEqual(1, self.watch.answers)


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


class PatienceTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patience = calls.Patience(6, 60)

    def test_nothing_is_watched_before_an_answer(self) -> None:
        self.assertIsNone(self.patience.seconds('report', '1.0'))

    def test_older_versions_than_that_of_an_answer_are_watched(self) -> None:
        self.patience.answered('report', '1.10')
        self.patience.answered('report', '1.2')
        for version in ('1.0', '1.9', '1.10'):
            self.assertEqual(6, self.patience.seconds('report', version))
        self.assertIsNone(self.patience.seconds('report', '1.11'))

    def test_nothing_is_watched_after_a_refusal(self) -> None:
        self.patience.answered('report', '1.4')
        self.patience.failed('report', _REFUSED)
        self.assertIsNone(self.patience.seconds('report', '1.2'))

    def test_silence_doubles_the_time_up_to_the_longest(self) -> None:
        self.patience.answered('report', '1.0')
        times = []
        for _ in range(6):
            times.append(self.patience.seconds('report', '1.0'))
            self.patience.failed('report', _SILENT)
        self.assertEqual([6, 12, 24, 48, 60, 60], times)

    def test_answer_sets_the_time_back(self) -> None:
        self.patience.answered('report', '1.0')
        self.patience.failed('report', _SILENT)
        self.patience.answered('report', '1.0')
        self.assertEqual(6, self.patience.seconds('report', '1.0'))

    def test_answer_to_a_smaller_call_does_not(self) -> None:
        self.patience.answered('report', '1.0')
        self.patience.failed('report', _SILENT)
        self.patience.answered('greet', '1.0')
        self.assertEqual(12, self.patience.seconds('report', '1.0'))
        self.assertEqual(6, self.patience.seconds('greet', '1.0'))

    def test_other_errors_change_nothing(self) -> None:
        self.patience.answered('report', '1.0')
        self.patience.failed(
            'report', oslo_messaging.MessageDeliveryFailure('away')
        )
        self.assertEqual(6, self.patience.seconds('report', '1.0'))


class RefusalsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.refusals = calls.Refusals(lambda: self.now)

    def test_refusal_is_known_for_a_minute(self) -> None:
        self.refusals.add('here')
        self.now = 59.0
        self.assertIn('here', self.refusals)
        self.assertNotIn('there', self.refusals)
        self.now = 60.0
        self.assertNotIn('here', self.refusals)

    def test_what_is_forgotten_takes_no_room(self) -> None:
        for _ in range(100):
            self.refusals.add(f'host {self.now}')
            self.now += 30.0
        self.assertLess(len(self.refusals._until), 4)


class IsRefusalTest(base.TestCase):
    def test_refusals_of_either_bus(self) -> None:
        self.assertTrue(calls.is_refusal(_REFUSED))
        self.assertTrue(
            calls.is_refusal(oslo_messaging.UnsupportedVersion('1.4'))
        )

    def test_other_errors(self) -> None:
        for exc in (
            _SILENT,
            oslo_messaging.RemoteError('RemoteError', 'UnsupportedVersion'),
            oslo_messaging.RemoteError('NoSuchMethod', 'x', []),
        ):
            self.assertFalse(calls.is_refusal(exc))


class ReasonTest(base.TestCase):
    def test_error_of_this_service_is_its_sentence_alone(self) -> None:
        try:
            raise exception.HostNotEnrolled('here', 'its agent has no word')
        except exception.HostNotEnrolled as exc:
            sent, said = sys.exc_info(), str(exc)
        arrived = common.deserialize_remote_exception(
            common.serialize_remote_exception(sent), ['console_api.exception']
        )
        self.assertIn('Traceback', str(arrived))
        self.assertEqual(said, calls.reason(arrived))

    def test_error_of_another_module_is_its_value(self) -> None:
        self.assertEqual('1.4', calls.reason(_REFUSED))
