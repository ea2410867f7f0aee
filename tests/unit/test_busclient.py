# SPDX-License-Identifier: Apache-2.0
"""Whether the bus takes messages, and when connections are replaced."""

import threading
import time

import fixtures

from console_api import busclient
from tests import base

_PATIENCE = 60


class WatchTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ('_PAUSE', '_FIRST_REST'):
            self._set(name, 0.01)
        self.log = self.useFixture(fixtures.FakeLogger())
        self.well = True
        self.probes = 0
        self.renewed = 0
        self.watch = busclient.BusWatch(self._probe, self._renew)

    def _set(self, name: str, value: float) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(f'console_api.busclient.{name}', value)
        )

    def _probe(self) -> None:
        self.probes += 1
        if not self.well:
            raise ConnectionRefusedError('nobody is there')

    def _renew(self) -> None:
        self.renewed += 1

    def suspect(self, failed: bool) -> None:
        """Return once it was looked after."""
        self.watch.suspect(failed)
        self._join()

    def _join(self) -> None:
        for thread in threading.enumerate():
            if thread.name == 'bus-watch':
                thread.join(_PATIENCE)
                self.assertFalse(thread.is_alive())

    def _wait_until_away(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self.watch.away:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_slow_call_over_a_bus_that_is_well_changes_nothing(self) -> None:
        self.suspect(False)
        self.assertEqual((1, 0), (self.probes, self.renewed))
        self.assertFalse(self.watch.away)

    def test_more_slow_calls_do_not_ask_again(self) -> None:
        self._set('_KNOWN', _PATIENCE)
        for _ in range(3):
            self.suspect(False)
        self.assertEqual(1, self.probes)

    def test_failure_over_a_bus_that_is_well_replaces_connections(
        self,
    ) -> None:
        self.suspect(True)
        self.assertEqual(1, self.renewed)

    def test_connections_that_are_no_better_are_not_replaced_again(
        self,
    ) -> None:
        self._set('_FIRST_REST', _PATIENCE)
        self.watch = busclient.BusWatch(self._probe, self._renew)
        for _ in range(3):
            self.suspect(True)
        self.assertEqual(1, self.renewed)

    def test_bus_is_away_until_it_takes_messages(self) -> None:
        self.well = False
        self.watch.suspect(False)
        self._wait_until_away()
        self.well = True
        self._join()
        self.assertFalse(self.watch.away)
        self.assertGreater(self.probes, 1)

    def test_connections_are_replaced_when_the_bus_is_back(self) -> None:
        self.well = False
        self.watch.suspect(False)
        self._wait_until_away()
        self.well = True
        self._join()
        self.assertEqual(1, self.renewed)

    def test_log_says_once_that_the_bus_is_away(self) -> None:
        self.well = False
        self.watch.suspect(False)
        self._wait_until_away()
        deadline = time.monotonic() + _PATIENCE
        while self.probes < 4:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.well = True
        self._join()
        self.assertEqual(1, self.log.output.count('nobody is there'))
        self.assertEqual(1, self.log.output.count('messages again'))

    def test_one_thread_asks_at_a_time(self) -> None:
        self.well = False
        for _ in range(3):
            self.watch.suspect(True)
        self._wait_until_away()
        asking = [
            thread
            for thread in threading.enumerate()
            if thread.name == 'bus-watch'
        ]
        self.assertEqual(1, len(asking))
        self.well = True
        self._join()
