# SPDX-License-Identifier: Apache-2.0
"""Agent and conductor take over at SIGHUP what may change."""

import pathlib
import re
import signal

import fixtures

from tests import base
from tests.fixtures import processes
from tests.fixtures import service

#: oslo.config's words.
CHANGED = 'Option DEFAULT.debug changed from'
IGNORED = 'Ignoring change to immutable option'


class ReloadTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.file = pathlib.Path(folder) / 'console-api.conf'
        self.settings: dict[str, dict[str, object]] = {
            'DEFAULT': {'transport_url': 'fake://', 'host': 'here'},
            'agent': {'driver': 'fake', 'key_file': f'{folder}/agent.key'},
            'conductor': {'workers': 1},
            'database': {'connection': f'sqlite:///{folder}/x.sqlite'},
            'fake': {'inventory': service.INVENTORY},
        }

    def start(self, name: str) -> processes.Process:
        processes.write_settings(self.file, self.settings)
        process = self.useFixture(
            processes.Process(
                processes.command(name), f'--config-file={self.file}'
            )
        )
        process.wait_until('READY=1')
        return process

    def reload(self, process: processes.Process) -> None:
        """Return once it has read the settings again."""
        processes.write_settings(self.file, self.settings)
        process.said.clear()
        process.send(signal.SIGHUP)
        process.wait_until('READY=1')


class AgentTest(ReloadTestCase):
    def test_sighup_changes_the_log_level_and_ends_nothing(self) -> None:
        agent = self.start('console-api-agent')
        self.settings['DEFAULT']['debug'] = True
        self.reload(agent)
        self.assertIn(CHANGED, agent.output)
        self.assertEqual(0, agent.stop())

    def test_sighup_names_what_needs_a_restart(self) -> None:
        agent = self.start('console-api-agent')
        self.settings['agent']['inventory_interval'] = 7
        self.reload(agent)
        self.assertIn(f'{IGNORED} agent.inventory_interval', agent.output)


class ConductorTest(ReloadTestCase):
    def test_sighup_changes_the_log_level_of_each_worker(self) -> None:
        self.settings['conductor']['workers'] = 2
        conductor = self.start('console-api-conductor')
        before = conductor.children
        self.settings['DEFAULT']['debug'] = True
        self.reload(conductor)
        for pid in (conductor.process.pid, *before):
            line = re.compile(rf'(?m)^\S+ \S+ {pid} INFO .*{CHANGED}')
            self.wait_for_line(conductor, line)
        self.assertEqual(before, conductor.children)
        self.assertEqual(0, conductor.stop())

    @staticmethod
    def wait_for_line(
        process: processes.Process, line: re.Pattern[str]
    ) -> None:
        process.wait_for(
            lambda: line.search(process.output), f'no {line.pattern}'
        )

    def test_sighup_names_what_needs_a_restart(self) -> None:
        conductor = self.start('console-api-conductor')
        self.settings['consoleauth'] = {'token_ttl': 7}
        self.reload(conductor)
        self.assertIn(f'{IGNORED} consoleauth.token_ttl', conductor.output)
