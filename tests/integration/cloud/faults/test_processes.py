# SPDX-License-Identifier: Apache-2.0
"""Processes of the service end without a word, or are asked too much."""

from collections import Counter
import threading
import time

import sqlalchemy as sa

from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import processes
from tests.integration.cloud.faults import harness

#: The threads of the API take ten requests each, one after the other. How
#: long the last one may wait for its turn, in seconds.
_TURN = 12


class ProcessTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.deploy(
            self.useFixture(bus.RabbitMQ()).url,
            self.useFixture(databases.MariaDB()).url,
        )

    def test_agent_dies_under_load(self) -> None:
        with harness.Load(self.create) as load:
            load.wait_for(200)
            self.service.agent.process.kill()
            load.wait_for(503, harness.CLIENTS)
            self.service.start('console-api-agent')
            load.wait_for(200)
        self.check(load)

    def test_second_agent_of_a_host_ends_and_names_the_first(self) -> None:
        second = self.useFixture(
            processes.Process(
                processes.command('console-api-agent'),
                f'--config-file={self.service.configuration}',
            )
        )
        self.assertEqual(1, second.process.wait(processes.PATIENCE))
        self.assertIn(
            f'process {self.service.agent.process.pid} on', second.output
        )
        self.assertEqual(200, self.create().status)

    def test_conductor_dies_and_reports_go_on(self) -> None:
        self.service.conductor.process.kill()
        self.assertEqual(200, self.create().status)
        self.service.start('console-api-conductor')
        before = self._reported_at()
        processes.wait_for(
            lambda: self._reported_at() > before, 'no report any more'
        )

    def _reported_at(self) -> int:
        engine = sa.create_engine(
            self.database_url, poolclass=sa.pool.NullPool
        )
        with engine.connect() as connection:
            return int(
                connection.exec_driver_sql(
                    'SELECT reported_at FROM agents'
                ).scalar_one()
            )

    def test_two_hundred_creates_at_once(self) -> None:
        begin = threading.Barrier(200)
        answers: list[harness.Answered] = []
        refused: list[harness.Answered] = []

        def create() -> None:
            begin.wait(processes.PATIENCE)
            answer = self.create()
            while answer.status == 503:
                # More than are answered in time are told to come again.
                refused.append(answer)
                time.sleep(1)
                answer = self.create()
            answers.append(answer)

        threads = [threading.Thread(target=create) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(
            {200: 200}, Counter(answer.status for answer in answers)
        )
        load = harness.Load(self.create)
        load.answers = [*answers, *refused]
        self.check(load, _TURN)
