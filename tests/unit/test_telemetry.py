# SPDX-License-Identifier: Apache-2.0
"""Figures and health of a process."""

import threading

import fixtures
import oslo_messaging

from console_api import exception
from console_api import statusserver
from console_api import telemetry
from tests import base


class _Endpoint:
    target = oslo_messaging.Target(version='1.0')

    def well(self, ctxt: object, word: str) -> str:
        del ctxt
        return word

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def refused(self, ctxt: object) -> None:
        raise exception.TokenNotFound()

    def broken(self, ctxt: object) -> None:
        raise RuntimeError('a fault')

    def _private(self, ctxt: object) -> None:
        pass


class CountedTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.told = telemetry.Telemetry('test')
        self.dispatcher = oslo_messaging.RPCDispatcher(
            [self.told.counted(_Endpoint())],
            oslo_messaging.NoOpSerializer(),
            oslo_messaging.DefaultRPCAccessPolicy,
        )

    def call(self, method: str, **arguments: object) -> object:
        incoming = type(
            'Incoming',
            (),
            {
                'ctxt': {},
                'message': {
                    'method': method,
                    'args': arguments,
                    'version': '1.0',
                },
                'client_timeout': None,
            },
        )()
        return self.dispatcher.dispatch(incoming)

    def counts(self) -> dict[tuple[str, str], float]:
        return {
            (sample.labels['method'], sample.labels['outcome']): sample.value
            for metric in self.told.registry.collect()
            for sample in metric.samples
            if sample.name == 'test_calls_answered_total'
        }

    def test_calls_are_counted_by_method_and_outcome(self) -> None:
        self.assertEqual('x', self.call('well', word='x'))
        self.call('well', word='x')
        self.assertRaises(
            oslo_messaging.ExpectedException, self.call, 'refused'
        )
        self.assertRaises(RuntimeError, self.call, 'broken')
        self.assertEqual(
            {
                ('well', 'answered'): 2,
                ('refused', 'refused'): 1,
                ('broken', 'error'): 1,
            },
            self.counts(),
        )

    def test_caller_makes_no_series_of_names_of_its_own(self) -> None:
        for method in ('nothing', '_private', '__class__'):
            self.assertRaises(
                oslo_messaging.RPCDispatcherError, self.call, method
            )
        self.assertEqual({}, self.counts())

    def test_whatever_registers_is_shown(self) -> None:
        place = statusserver.Place()
        status = telemetry.Status(place, self.told, list, list)
        self.call('well', word='x')
        answer = status._for_all('/metrics')
        assert answer is not None
        self.assertIn(
            b'test_calls_answered_total{method="well",outcome="answered",'
            b'worker="0"} 1.0',
            answer.body,
        )


class QuestionTest(base.TestCase):
    def test_answer_is_kept_and_asked_for_once(self) -> None:
        asked: list[None] = []
        question = telemetry.Question('It', lambda: asked.append(None))
        self.assertEqual(
            [True, True], [question.is_good(), question.is_good()]
        )
        self.assertEqual(1, len(asked))

    def test_error_is_a_no(self) -> None:
        def fail() -> None:
            raise RuntimeError('a fault')

        self.assertFalse(telemetry.Question('It', fail).is_good())

    def test_one_that_hangs_holds_one_thread_and_is_a_no(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch('console_api.telemetry._PATIENCE', 0.01)
        )
        answered = threading.Event()
        asked: list[None] = []

        def hang() -> None:
            asked.append(None)
            answered.wait()

        question = telemetry.Question('It', hang)
        self.assertEqual(
            [False, False, False], [question.is_good() for _ in range(3)]
        )
        self.assertEqual(1, len(asked))
        thread = question._asking
        assert thread is not None
        answered.set()
        thread.join()
        self.assertTrue(question.is_good())

    def test_old_answer_is_none(self) -> None:
        asked: list[None] = []
        self.useFixture(
            fixtures.MonkeyPatch('console_api.telemetry._KEPT', 0.0)
        )
        question = telemetry.Question('It', lambda: asked.append(None))
        question.is_good()
        question.is_good()
        self.assertEqual(2, len(asked))


class PulseTest(base.TestCase):
    def test_it_stands_still_after_a_turn_that_is_too_long(self) -> None:
        pulse = telemetry.Pulse(-1)
        self.assertFalse(pulse.has_stopped)
        pulse.beat()
        self.assertTrue(pulse.has_stopped)

    def test_it_moves_within_a_turn(self) -> None:
        pulse = telemetry.Pulse(3600)
        pulse.beat()
        self.assertFalse(pulse.has_stopped)


class StatusTest(base.TestCase):
    def status(self, alive: list[str], ready: list[str]) -> telemetry.Status:
        return telemetry.Status(
            statusserver.Place(),
            telemetry.Telemetry('test'),
            lambda: alive,
            lambda: ready,
        )

    def test_health_and_readiness_have_reasons_of_their_own(self) -> None:
        status = self.status(['stuck'], ['away'])
        for path, reason in (
            ('/healthz', b'stuck'),
            ('/readyz', b'away'),
            ('/healthcheck', b'away'),
        ):
            answer = status._for_all(path)
            assert answer is not None
            self.assertEqual(503, answer.status)
            self.assertIn(reason, answer.body)

    def test_one_that_is_well_says_so(self) -> None:
        status = self.status([], [])
        for path in ('/healthz', '/readyz', '/healthcheck'):
            answer = status._for_all(path)
            assert answer is not None
            self.assertEqual(200, answer.status)

    def test_there_is_nothing_else(self) -> None:
        status = self.status([], [])
        for path in ('/', '/alive', '/figures', '/metrics/'):
            self.assertIsNone(status._for_all(path))
