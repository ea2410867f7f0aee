# SPDX-License-Identifier: Apache-2.0
"""Agents that start at once, or that are wrong about the time."""

import json
import sys
import time

from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import processes
from tests.integration.cloud.faults import harness

_TTL = 600
#: Runs the agent by a clock that is so many seconds off.
_SHIFTED = """
import datetime, sys, time
off = float(sys.argv.pop(1))
real = time.time
time.time = lambda: real() + off
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=off)
    @classmethod
    def utcnow(cls):
        return super().utcnow() + datetime.timedelta(seconds=off)
datetime.datetime = Shifted
from console_api.cmd import agent
sys.exit(agent.main())
"""


class AgentTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.deploy(
            self.useFixture(bus.RabbitMQ()).url,
            self.useFixture(databases.MariaDB()).url,
        )

    def _agents(self) -> dict[str, dict[str, object]]:
        rows = json.loads(self.service.manage('agent', 'list', '-f', 'json'))
        return {row['host']: row for row in rows}

    def test_of_two_that_start_at_once_one_stays(self) -> None:
        file = self.service.folder / 'twin.conf'
        text = self.service.configuration.read_text()
        file.write_text(
            text.replace(f'host = {self.service.host}', 'host = twin', 1)
        )
        self.service.enrol('twin')
        command = processes.command('console-api-agent')
        twins = [
            self.useFixture(
                processes.Process(command, f'--config-file={file}')
            )
            for _ in range(2)
        ]
        processes.wait_for(
            lambda: any(twin.process.poll() is not None for twin in twins),
            'both stayed',
        )
        (ended,) = [t for t in twins if t.process.poll() is not None]
        (stays,) = [t for t in twins if t is not ended]
        self.assertEqual(1, ended.process.returncode, ended.output)
        for twin in twins:
            self.assertIn(f'process {twin.process.pid} on', ended.output)
        stays.wait_until('READY=1')
        twin_row = self._agents()['twin']
        self.assertIn(f'process {stays.process.pid} ', twin_row['process'])
        self.assertIn(f'process {ended.process.pid} ', twin_row['refused'])

    def _check_times(self, off: int) -> None:
        self.assertEqual(0, self.service.agent.stop())
        agent = self.useFixture(
            processes.Process(
                *(sys.executable, '-c', _SHIFTED, str(off)),
                f'--config-file={self.service.configuration}',
            )
        )
        agent.wait_until('READY=1')
        before = int(time.time())
        token = self.create().token
        after = int(time.time())
        found = deployment.call(
            f'{self.service.url}/os-console-auth-tokens/{token}',
            X_Auth_Token='nova:service:service,admin',
            X_OpenStack_Nova_API_Version='2.99',
        )
        self.assertEqual(200, found.status)
        (created, expires) = self._token_times()
        self.assertLessEqual(before, created)
        self.assertLessEqual(created, after)
        self.assertEqual(created + _TTL, expires)
        row = self._agents()[self.service.host]
        self.assertIn(f'process {agent.process.pid} ', row['process'])
        self.assertLess(row['silent_seconds'], _TTL / 2)
        self.assertLessEqual(self._reported_at(), time.time())

    def _token_times(self) -> tuple[int, int]:
        return tuple(
            self.query(
                'SELECT created_at, expires_at FROM console_tokens '
                'ORDER BY id DESC LIMIT 1'
            )[0]
        )

    def _reported_at(self) -> int:
        return int(self.query('SELECT reported_at FROM agents')[0][0])

    def test_clock_of_an_agent_is_fast(self) -> None:
        self._check_times(600)

    def test_clock_of_an_agent_is_slow(self) -> None:
        self._check_times(-600)
