# SPDX-License-Identifier: Apache-2.0
"""The database goes away and comes back."""

from tests.fixtures import bus
from tests.fixtures import private
from tests.integration.cloud.faults import harness


class DatabaseTest(harness.FaultsTestCase):
    def test_database_restarts_under_load(self) -> None:
        database = self.useFixture(private.MariaDB())
        self.deploy(self.useFixture(bus.RabbitMQ()).url, database.url)
        with harness.Load(self.create) as load:
            load.wait_for(200)
            database.stop()
            load.wait_for(503)
            database.start()
            load.wait_for(200)
        self.check(load)
