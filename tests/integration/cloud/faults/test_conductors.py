# SPDX-License-Identifier: Apache-2.0
"""Conductors die in the middle of their work, or share it."""

import signal
import time

import sqlalchemy as sa

from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import processes
from tests.integration.cloud.faults import harness

_SERVERS = 40
#: What the same agent may take to report to a new conductor, in seconds.
_RECOVERY = 10


class ConductorTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.deploy(
            self.useFixture(bus.RabbitMQ()).url,
            self.useFixture(databases.MariaDB()).url,
        )

    def _server_names(self) -> list[str]:
        return [r[0] for r in self.query('SELECT name FROM servers')]

    def _reports(self) -> None:
        # Reports go on: the row of the agent is written anew.
        self.execute('UPDATE agents SET reported_at = 0')
        processes.wait_for(
            lambda: self.query('SELECT reported_at FROM agents')[0][0] > 0,
            'no report any more',
        )

    def test_report_is_whole_or_not_at_all(self) -> None:
        # Its reports would undo what this test writes.
        self.service.agent.kill()
        engine = sa.create_engine(
            self.database_url, poolclass=sa.pool.NullPool
        )
        with engine.begin() as connection:
            # The report adds servers, then waits for this row.
            connection.exec_driver_sql("UPDATE servers SET name = 'mine'")
            more = [self.server(number) for number in range(2, _SERVERS)]
            self.write_servers([self.server(1), *more])
            self.service.start('console-api-agent')
            processes.wait_for(self._is_waiting, 'no report waits')
            self.service.conductor.process.send_signal(signal.SIGKILL)
            self.service.conductor.process.wait(processes.PATIENCE)
        processes.wait_for(
            lambda: not self._is_waiting(), 'the dead one still waits'
        )
        self.assertEqual(['mine'], self._server_names())
        self.service.start('console-api-conductor')
        answering = time.monotonic()
        processes.wait_for(
            lambda: len(self._server_names()) == _SERVERS - 1,
            'the servers were not reported again',
        )
        self.assertLess(time.monotonic() - answering, _RECOVERY)
        self.assertNotIn('mine', self._server_names())
        self.assertEqual(200, self.create().status)

    def _is_waiting(self) -> bool:
        # MariaDB answers from what it kept until nobody has asked for 0.1 s;
        # who asks more often may see the same for ever.
        time.sleep(0.2)
        return bool(
            self.query(
                'SELECT 1 FROM information_schema.innodb_trx t '
                'JOIN information_schema.processlist p '
                'ON p.id = t.trx_mysql_thread_id '
                "WHERE t.trx_state = 'LOCK WAIT' AND p.db = database()"
            )
        )

    def test_two_share_the_work_and_one_goes_on(self) -> None:
        second = self.service.start('console-api-conductor')
        self._reports()
        for dies in (self.service.conductor, second):
            with self.subTest(dies=dies.process.pid):
                dies.process.send_signal(signal.SIGKILL)
                dies.process.wait(processes.PATIENCE)
                self._reports()
                self.assertEqual(200, self.create().status)
                self.service.start('console-api-conductor')
