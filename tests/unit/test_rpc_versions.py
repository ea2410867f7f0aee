# SPDX-License-Identifier: Apache-2.0
"""What a client remembers of the servers that it calls."""

import oslo_messaging

from console_api import rpc
from tests import base

_SILENT = oslo_messaging.MessagingTimeout('nothing')
_REFUSED = oslo_messaging.RemoteError('UnsupportedVersion', '1.4', [])


class PatienceTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patience = rpc.Patience(6, 60)

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
        self.refusals = rpc.Refusals(lambda: self.now)

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
        self.assertTrue(rpc.is_refusal(_REFUSED))
        self.assertTrue(
            rpc.is_refusal(oslo_messaging.UnsupportedVersion('1.4'))
        )

    def test_other_errors(self) -> None:
        for exc in (
            _SILENT,
            oslo_messaging.RemoteError('RemoteError', 'UnsupportedVersion'),
            oslo_messaging.RemoteError('NoSuchMethod', 'x', []),
        ):
            self.assertFalse(rpc.is_refusal(exc))
