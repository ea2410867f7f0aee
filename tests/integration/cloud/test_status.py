# SPDX-License-Identifier: Apache-2.0
"""What the agent and the conductor tell of themselves, as real processes."""

import os
import pathlib
import signal
import subprocess
from typing import Any

import fixtures
from prometheus_client import parser
import yaml

from tests import base
from tests.fixtures import deployment
from tests.fixtures import libvirtd
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import processes

_SERVER = {'name': 'web', 'project_id': 'p', 'user_id': 'u'}


class StatusCase(base.TestCase):
    """A bus for all tests of a class: its start takes seconds."""

    bus: private.RabbitMQ | None = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if private.problem() is None:
            cls.bus = private.RabbitMQ()
            cls.addClassCleanup(cls.bus.cleanUp)
            cls.bus.setUp()

    def setUp(self) -> None:
        super().setUp()
        if self.bus is None:
            self.skipTest(private.problem() or '')
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (self.folder / 'policy.yaml').write_text('{}\n')
        inventory = self.folder / 'inventory.yaml'
        inventory.write_text(yaml.safe_dump({'servers': [_SERVER]}))
        self.ports = {
            'agent': processes.free_port(),
            'conductor': processes.free_port(),
        }
        self.settings: dict[str, dict[str, object]] = {
            'DEFAULT': {'host': 'here', 'transport_url': self.bus.url},
            'agent': {
                'driver': 'fake',
                'inventory_interval': 1,
                'key_file': self.folder / 'agent.key',
            },
            'agent_status': {'port': self.ports['agent']},
            # Enrolment has tests of its own.
            'conductor': {'enrolment': 'open'},
            'conductor_status': {'port': self.ports['conductor']},
            'database': {'connection': f'sqlite:///{self.folder}/db'},
            'fake': {'inventory': inventory},
        }

    def sync(self) -> None:
        subprocess.run(
            [
                processes.command('console-api-manage'),
                self.file(),
                *('db', 'sync'),
            ],
            check=True,
        )

    def file(self) -> str:
        path = self.folder / 'console-api.conf'
        processes.write_settings(path, self.settings)
        return f'--config-file={path}'

    def start(self, name: str) -> processes.Process:
        return self.useFixture(
            processes.Process(
                processes.command(f'console-api-{name}'), self.file()
            )
        )

    def ask(self, name: str, path: str) -> deployment.Answer:
        return deployment.call(f'http://127.0.0.1:{self.ports[name]}{path}')

    def workers(self, name: str, path: str) -> tuple[int, dict[str, Any]]:
        answer = self.ask(name, path)
        return answer.status, answer.json['workers']

    def figures(self, name: str) -> dict[str, float]:
        """Every sample by its name and labels but that of the worker."""
        text = self.ask(name, '/metrics').body.decode()
        found: dict[str, float] = {}
        for family in parser.text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ','.join(
                    sample.labels[label]
                    for label in sorted(sample.labels)
                    if label != 'worker'
                )
                key = f'{sample.name}{{{labels}}}'
                found[key] = found.get(key, 0) + sample.value
        return found

    def wait_for_status(self, name: str, path: str, status: int) -> None:
        processes.wait_for(
            lambda: self.ask(name, path).status == status,
            f'{name} never answered {status} at {path}',
        )


class ConductorStatusTest(StatusCase):
    def test_all_workers_of_one_are_told_of_at_one_address(self) -> None:
        self.sync()
        self.settings['conductor'] = {'workers': 2}
        conductor = self.start('conductor')
        conductor.wait_until('READY=1')
        well = {'alive': True, 'reasons': []}
        self.assertEqual(
            (200, {'0': well, '1': well}),
            self.workers('conductor', '/healthz'),
        )
        self.assertEqual(200, self.workers('conductor', '/readyz')[0])
        self.assertEqual(
            2, self.figures('conductor')['console_conductor_worker_up{}']
        )

    def test_worker_that_stands_still_is_named(self) -> None:
        self.sync()
        self.settings['conductor'] = {'workers': 2}
        conductor = self.start('conductor')
        conductor.wait_until('READY=1')
        stopped = conductor.children[1]
        os.kill(stopped, signal.SIGSTOP)
        self.addCleanup(os.kill, stopped, signal.SIGCONT)
        # Until then it may still take the connection that asks.
        stat = pathlib.Path(f'/proc/{stopped}/stat')
        processes.wait_for(
            lambda: stat.read_text().rpartition(')')[2].split()[0] == 'T',
            'it does not stop',
        )
        status, workers = self.workers('conductor', '/healthz')
        self.assertEqual(503, status)
        self.assertEqual(['it does not answer'], workers['1']['reasons'])

    def test_reports_of_an_agent_are_counted_by_call_and_outcome(
        self,
    ) -> None:
        self.sync()
        self.start('conductor').wait_until('READY=1')
        self.start('agent').wait_until('READY=1')
        self.wait_for_status('agent', '/readyz', 200)
        name = 'console_conductor_calls_answered_total'
        processes.wait_for(
            lambda: (
                self.figures('conductor').get(
                    f'{name}{{report_servers,answered}}', 0
                )
                >= 2
            ),
            'two reports were answered',
        )
        found = self.figures('conductor')
        self.assertEqual(1, found['console_conductor_database_up{}'])
        self.assertEqual(1, found['console_conductor_bus_up{}'])
        self.assertEqual(0, found['console_conductor_tokens_purged_total{}'])
        self.assertGreater(found['process_open_fds{}'], 0)

    def test_database_without_an_answer_is_the_reason(self) -> None:
        self.start('conductor').wait_until('READY=1')
        status, workers = self.workers('conductor', '/readyz')
        self.assertEqual(503, status)
        self.assertIn('the database does not answer', workers['0']['reasons'])
        self.assertEqual(200, self.ask('conductor', '/healthz').status)
        self.assertEqual(
            0, self.figures('conductor')['console_conductor_database_up{}']
        )

    def test_bus_that_is_away_is_the_reason_until_it_is_back(self) -> None:
        self.sync()
        self.start('conductor').wait_until('READY=1')
        self.wait_for_status('conductor', '/healthcheck', 200)
        assert self.bus is not None
        self.bus.stop()
        self.addCleanup(self._bring_back)
        self.wait_for_status('conductor', '/readyz', 503)
        _, workers = self.workers('conductor', '/readyz')
        self.assertEqual(
            ['calls over the bus are not answered'],
            workers['0']['reasons'],
        )
        self.assertEqual(200, self.ask('conductor', '/healthz').status)
        self._bring_back()
        self.wait_for_status('conductor', '/readyz', 200)

    def _bring_back(self) -> None:
        assert self.bus is not None
        if self.bus._process is None:
            self.bus.start()

    def test_nothing_listens_without_a_port(self) -> None:
        self.sync()
        del self.settings['conductor_status']
        self.start('conductor').wait_until('READY=1')
        self.assertRaises(OSError, self.ask, 'conductor', '/healthz')

    def test_port_in_use_is_told_in_one_line(self) -> None:
        self.sync()
        self.start('conductor').wait_until('READY=1')
        second = self.start('conductor')
        self.assertEqual(1, second.process.wait(processes.PATIENCE))
        self.assertEqual(
            'console-api-conductor: [conductor_status] cannot listen on '
            f'127.0.0.1 port {self.ports["conductor"]}: '
            'Address already in use',
            second.output.splitlines()[-1],
        )


class AgentStatusTest(StatusCase):
    def test_agent_is_ready_while_its_reports_are_accepted(self) -> None:
        self.sync()
        conductor = self.start('conductor')
        conductor.wait_until('READY=1')
        self.start('agent').wait_until('READY=1')
        self.wait_for_status('agent', '/readyz', 200)
        processes.wait_for(
            lambda: (
                self.figures('agent')[
                    'console_agent_reports_total{all,accepted}'
                ]
                >= 1
            ),
            'a report of all was accepted',
        )
        found = self.figures('agent')
        self.assertEqual(1, found['console_agent_servers{}'])
        self.assertEqual(1, found['console_agent_hypervisor_up{}'])
        self.assertLess(found['console_agent_report_age_seconds{}'], 3600)
        conductor.process.kill()
        self.wait_for_status('agent', '/readyz', 503)
        _, workers = self.workers('agent', '/readyz')
        self.assertEqual(
            ['the last report was not accepted'], workers['0']['reasons']
        )
        self.assertEqual(200, self.ask('agent', '/healthz').status)
        found = self.figures('agent')
        self.assertGreater(found['console_agent_reports_total{all,failed}'], 0)

    def test_calls_to_an_agent_are_counted(self) -> None:
        self.sync()
        self.start('conductor').wait_until('READY=1')
        self.start('agent').wait_until('READY=1')
        # Asks the first one which process it is.
        self.ports['agent'] = processes.free_port()
        first, self.settings['agent_status'] = (
            self.settings['agent_status'],
            {'port': self.ports['agent']},
        )
        second = self.start('agent')
        self.assertEqual(1, second.process.wait(processes.PATIENCE))
        self.ports['agent'] = int(str(first['port']))
        self.assertEqual(
            1,
            self.figures('agent')[
                'console_agent_calls_answered_total{identify,answered}'
            ],
        )

    def test_hypervisor_without_an_answer_is_the_reason(self) -> None:
        parts.require(self, 'libvirt')
        daemon = self.useFixture(libvirtd.Libvirtd())
        self.settings['agent']['driver'] = 'libvirt'
        self.settings['libvirt'] = {
            'connection_uri': daemon.uri,
            'call_timeout': 2,
        }
        self.sync()
        self.start('conductor').wait_until('READY=1')
        self.start('agent').wait_until('READY=1')
        self.wait_for_status('agent', '/readyz', 200)
        daemon.stop()
        reason = 'the hypervisor does not answer'
        processes.wait_for(
            lambda: (
                reason in self.workers('agent', '/readyz')[1]['0']['reasons']
            ),
            reason,
        )
        self.assertEqual(200, self.ask('agent', '/healthz').status)
        self.assertEqual(
            0, self.figures('agent')['console_agent_hypervisor_up{}']
        )
