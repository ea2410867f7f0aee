# SPDX-License-Identifier: Apache-2.0
"""How the reports of an agent end."""

import threading

from console_api.agent import inventory
from tests import base
from tests.functional.agent import test_inventory

#: Seconds; nothing takes a tenth of it.
PATIENCE = 30.0


class DeadConductor:
    """Takes a report and never answers, until the test ends."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()
        self.reports = 0

    def report_agent(self, *arguments: object) -> None:
        self.reports += 1
        self.asked.set()
        # A test that would wait for this for ever fails instead.
        self.released.wait(PATIENCE)

    def report_servers(self, *arguments: object) -> frozenset[str]:
        self.reports += 1
        return frozenset()


class StopTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conductor = DeadConductor()
        self.reporter = inventory.InventoryReporter(
            self.conf, test_inventory.Hypervisor(self.conf), self.conductor
        )
        self.addCleanup(self.reporter._thread.join)
        self.addCleanup(self.conductor.released.set)
        self.reporter.start()
        self.assertTrue(self.conductor.asked.wait(PATIENCE))

    def test_conductor_that_died_does_not_hold_up_the_end(self) -> None:
        self.reporter.stop(patience=0.1)
        self.assertTrue(self.reporter._thread.is_alive())

    def test_report_that_is_answered_is_the_last(self) -> None:
        self.conductor.released.set()
        self.reporter.stop(PATIENCE)
        self.assertFalse(self.reporter._thread.is_alive())
        self.assertEqual(2, self.conductor.reports)
