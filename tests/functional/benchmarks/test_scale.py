# SPDX-License-Identifier: Apache-2.0
"""The benchmark of large registries measures what it says."""

import json
import pathlib

import fixtures
import sqlalchemy as sa

from benchmarks.scale import cost
from benchmarks.scale import population
from benchmarks.scale import questions
from benchmarks.scale import reports
from tests import base
from tests.fixtures import parts
from tests.functional.benchmarks import test_api
from tests.functional.db import base as db_base


class ScaleTest(base.TestCase):
    def _run(self, kind: str) -> list[dict[str, object]]:
        directory = self.useFixture(fixtures.TempDir()).path
        target = pathlib.Path(directory) / 'result.json'
        result = test_api.run(
            'benchmarks.scale',
            *('--databases', kind, '--servers=100,200', '--requests=2'),
            f'--json={target}',
        )
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertNotIn('Traceback', result.stderr)
        return list(json.loads(target.read_text(encoding='utf-8'))['rows'])

    def _check(self, kind: str) -> None:
        rows = self._run(kind)
        self.assertEqual(
            [(name, n) for name in questions.QUESTIONS for n in (100, 200)],
            [(row['request'], row['servers']) for row in rows],
        )
        self.assertEqual({kind}, {row['database'] for row in rows})

    def test_asks_everything_of_each_size(self) -> None:
        self._check('sqlite')

    def test_mariadb(self) -> None:
        parts.require(self, 'mariadb')
        self._check('mariadb')

    def test_postgresql(self) -> None:
        parts.require(self, 'postgresql')
        self._check('postgresql')


class ReportsTest(base.TestCase):
    def test_each_kind_of_report_is_measured(self) -> None:
        result = test_api.run(
            'benchmarks.scale.reports', '--servers=20', '--others=100'
        )
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(
            [*reports.KINDS],
            [line[:22].strip() for line in result.stdout.splitlines()[1:]],
        )


class RestartTest(base.TestCase):
    def test_all_agents_report_at_the_first_start_and_again(self) -> None:
        parts.require(self, 'mariadb')
        parts.require(self, 'rabbitmq')
        directory = self.useFixture(fixtures.TempDir()).path
        target = pathlib.Path(directory) / 'result.json'
        result = test_api.run(
            'benchmarks.scale.restart',
            *('--agents=3', '--servers=2', '--interval=1', '--quiet=1'),
            f'--json={target}',
        )
        self.assertEqual(0, result.returncode, result.stderr)
        rows = json.loads(target.read_text(encoding='utf-8'))
        self.assertEqual(
            ['nobody starts', 'first start', 'all again'],
            [row['name'] for row in rows],
        )
        for row in rows:
            self.assertGreater(row['creates'], 0)
            self.assertEqual({}, row['errors'])
        self.assertTrue(all(row['reported'] for row in rows[1:]))


class PopulationTest(db_base.DatabaseTestCase):
    def test_tables_have_as_many_rows_as_was_said(self) -> None:
        people = population.Population(servers=300, agents=5, tokens=7)
        people.fill(self.database.engine())
        with self.database.reader() as connection:
            counts = [
                connection.execute(
                    sa.text(f'SELECT count(*) FROM {table}')
                ).scalar_one()
                for table in ('servers', 'agents', 'console_tokens')
            ]
        self.assertEqual([300, 5, 7], counts)


class MeterTest(base.TestCase):
    def test_statements_of_each_call_are_counted(self) -> None:
        engine = sa.create_engine('sqlite://')
        meter = cost.Meter()
        samples = cost.Samples()

        def work() -> None:
            with engine.connect() as connection:
                connection.execute(sa.text('SELECT 1'))
                connection.execute(sa.text('SELECT 2'))

        with meter.running():
            meter.measure(work, samples)
        work()
        self.assertEqual(2, samples.cost().statements)
        # It runs in this thread.
        self.assertIsNone(samples.cost().database)
