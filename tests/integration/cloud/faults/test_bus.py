# SPDX-License-Identifier: Apache-2.0
"""The message bus goes away and comes back."""

import time

from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import private
from tests.fixtures import processes
from tests.integration.cloud.faults import harness

#: How long the bus is away, in seconds; two heartbeats are missed meanwhile.
_OUTAGE = 30
#: By then who waits for them has looked.
_NOTICED = _OUTAGE + 10
_HEARTBEATS = 'Too many heartbeats missed'


class BusTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = self.useFixture(private.RabbitMQ())
        database = self.useFixture(databases.MariaDB())
        self.deploy(self.bus.url, database.url)

    def test_bus_restarts_under_load(self) -> None:
        self.start_rest_proxy()
        with harness.Load(self.create) as load:
            load.wait_for(200)
            self.bus.stop()
            load.wait_for(503)
            # How long it is away is what this is about.
            time.sleep(_OUTAGE)
            self.bus.start()
            back = time.monotonic()
            load.wait_until_served()
        self.check(load)
        self.assertLess(load.last_refused - back, harness.RECOVERY)
        self.check_service(load)

    def test_frozen_bus_is_noticed_and_calls_end_in_time(self) -> None:
        self.start_rest_proxy()
        with harness.Load(self.create) as load:
            load.wait_for(200)
            self.bus.freeze()
            self.addCleanup(self.bus.thaw)
            frozen = time.monotonic()
            for name in ('agent', 'api', 'conductor'):
                process = getattr(self.service, name)
                process.wait_for(
                    lambda process=process: _HEARTBEATS in process.output,
                    f'{name} does not notice',
                )
            noticed = time.monotonic()
            self.bus.thaw()
            back = time.monotonic()
            load.wait_until_served()
        self.check(load)
        self.assertLess(noticed - frozen, _NOTICED)
        self.assertLess(load.last_refused - back, harness.RECOVERY)
        self.check_service(load)

    def test_alarm_is_known_and_gone_when_it_is_over(self) -> None:
        self.start_rest_proxy()
        with harness.Load(self.create) as load:
            load.wait_for(200)
            self.bus.alarm()
            self.addCleanup(self.bus.calm)
            # One that was under way until its deadline, and others at once.
            load.wait_for(503, 60)
            processes.wait_for(lambda: self._health() == 503, 'still well')
            self.bus.calm()
            back = time.monotonic()
            load.wait_until_served()
        self.check(load)
        self.assertLess(load.last_refused - back, harness.RECOVERY)
        processes.wait_for(lambda: self._health() == 200, 'not well again')
        self.check_service(load)

    def _health(self) -> int:
        return deployment.call(f'{self.service.root}/healthcheck').status

    def test_api_starts_while_the_bus_is_away(self) -> None:
        self.bus.stop()
        self.service.api.kill()
        self.service.start_api()
        answer = self.create()
        self.assertEqual(503, answer.status)
        self.assertLess(answer.seconds, harness.DEADLINE + harness.MARGIN)
        self.bus.start()
        self.assertLess(self.wait_until_served(), harness.RECOVERY)
