# SPDX-License-Identifier: Apache-2.0
"""The message bus goes away and comes back."""

from tests.fixtures import databases
from tests.fixtures import private
from tests.integration.cloud.faults import harness


class BusTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = self.useFixture(private.RabbitMQ())
        database = self.useFixture(databases.MariaDB())
        self.deploy(self.bus.url, database.url)

    def test_bus_restarts_under_load(self) -> None:
        with harness.Load(self.create) as load:
            load.wait_for(200)
            self.bus.stop()
            load.wait_for(503)
            self.bus.start()
            load.wait_for(200)
        self.check(load)

    def test_api_starts_while_the_bus_is_away(self) -> None:
        self.bus.stop()
        self.service.api.kill()
        self.service.start_api()
        self.assertEqual(503, self.create().status)
        self.bus.start()
        self.wait_until_served()
