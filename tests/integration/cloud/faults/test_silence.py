# SPDX-License-Identifier: Apache-2.0
"""The database freezes: its connections stay open and nothing answers."""

from tests.fixtures import bus
from tests.fixtures import private
from tests.integration.cloud.faults import harness

#: For a transaction and for a call of an agent, in seconds.
_SECONDS = 3
#: Two transactions of a create, the call between them and a busy machine.
_LONGEST = 3 * _SECONDS + 4


class SilenceTest(harness.FaultsTestCase):
    def _check(self, database: private.MariaDB | private.PostgreSQL) -> None:
        self.deploy(
            self.useFixture(bus.RabbitMQ()).url,
            self.useFixture(database).url,
            DEFAULT={'database_timeout': _SECONDS},
            agent={'rpc_timeout': _SECONDS},
        )
        with harness.Load(self.create) as load:
            load.wait_for(200)
            database.freeze()
            load.wait_for(503)
            database.thaw()
            load.wait_for(200)
        self.check(load)
        slowest = max(answer.seconds for answer in load.answers)
        self.assertLess(slowest, _LONGEST)

    def test_mariadb_freezes_under_load(self) -> None:
        self._check(private.MariaDB())

    def test_postgresql_freezes_under_load(self) -> None:
        problem = private.postgresql_problem()
        if problem is not None:
            self.skipTest(problem)
        self._check(private.PostgreSQL())
