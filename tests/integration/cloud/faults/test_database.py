# SPDX-License-Identifier: Apache-2.0
"""The database goes away and comes back."""

import time

from tests.fixtures import bus
from tests.fixtures import private
from tests.integration.cloud.faults import harness

#: How long the database is away, in seconds.
_OUTAGE = 10


class DatabaseTest(harness.FaultsTestCase):
    def test_database_restarts_under_load(self) -> None:
        database = self.useFixture(private.MariaDB())
        self.deploy(self.useFixture(bus.RabbitMQ()).url, database.url)
        self.start_rest_proxy()
        with harness.Load(self.create) as load:
            load.wait_for(200)
            database.stop()
            load.wait_for(503)
            # How long it is away is what this is about.
            time.sleep(_OUTAGE)
            database.start()
            back = time.monotonic()
            load.wait_until_served()
        self.check(load)
        self.assertLess(load.last_refused - back, harness.RECOVERY)
        self.check_service(load)
