# SPDX-License-Identifier: Apache-2.0
"""What an operator may ask of RabbitMQ: queues that last, and TLS."""

import pathlib
import re
import socket
import subprocess

import fixtures

from tests.fixtures import bus
from tests.fixtures import certificates
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import private
from tests.fixtures import processes
from tests.fixtures import source
from tests.functional import test_install_guide as guide
from tests.integration.cloud.faults import harness

_OPERATION = source.ROOT / 'doc' / 'source' / 'admin' / 'operation.rst'


class QuorumTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = self.useFixture(bus.RabbitMQ())
        self.deploy(
            self.bus.url,
            self.useFixture(databases.MariaDB()).url,
            oslo_messaging_rabbit={
                'rabbit_quorum_queue': True,
                'rabbit_transient_quorum_queue': True,
                'rabbit_stream_fanout': True,
                'rabbit_qos_prefetch_count': 10,
                'use_queue_manager': True,
            },
            # The queue manager numbers the processes of a host in there.
            oslo_concurrency={
                'lock_path': self.useFixture(fixtures.TempDir()).path
            },
        )

    def test_console_is_made_and_looked_up_over_quorum_queues(self) -> None:
        found = deployment.call(
            f'{self.service.url}/os-console-auth-tokens/{self.create().token}',
            X_Auth_Token='nova:service:service,admin',
            X_OpenStack_Nova_API_Version='2.99',
        )
        self.assertEqual(200, found.status)
        kinds = self._kinds()
        self.assertEqual('quorum', kinds['console_conductor'])
        self.assertEqual('quorum', kinds[f'console_agent.{self.service.host}'])
        self.assertEqual(
            {'stream'}, {k for n, k in kinds.items() if n.endswith('_fanout')}
        )
        self.assertEqual({'quorum', 'stream'}, set(kinds.values()))

    def test_queues_of_the_api_have_the_name_of_its_own_file(self) -> None:
        (text,) = (
            block
            for block in guide.blocks('ini', _OPERATION)
            if 'processname' in block
        )
        (self.service.folder / 'api.conf').write_text(text)
        (variable,) = (
            re.findall(r'(?m)^Environment="(.*)=(.*)"$', block)[0]
            for block in guide.blocks('ini', _OPERATION)
            if 'Environment=' in block
        )
        self.service.api.stop()
        self.service.api = self.service.start_api(**dict([variable]))
        before = self._kinds()
        self.assertEqual(200, self.create().status)
        name = f'reply_{socket.gethostname()}:console-api-api:'
        made = set(self._kinds()) - set(before)
        self.assertEqual(
            {name}, {queue.rstrip('0123456789') for queue in made}
        )

    def _kinds(self) -> dict[str, str]:
        done = subprocess.run(
            [
                *('rabbitmqctl', 'list_queues', '-q', '--no-table-headers'),
                *('-p', self.bus.name, 'name', 'type'),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=processes.PATIENCE,
        )
        rows = (line.split() for line in done.stdout.splitlines())
        return {name: kind.rpartition('_')[2] for name, kind in rows}


class TLSTest(harness.FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.authority = certificates.Authority(folder / 'good')
        self.other = certificates.Authority(folder / 'other', 'another')
        self.bus = self.useFixture(
            private.RabbitMQ(self.authority.issue('127.0.0.1'))
        )

    def _deploy(self, authority: certificates.Authority) -> None:
        self.deploy(
            self.bus.url,
            self.useFixture(databases.MariaDB()).url,
            oslo_messaging_rabbit={
                'ssl': True,
                'ssl_ca_file': authority.certificate,
            },
        )

    def test_console_is_made_over_tls(self) -> None:
        self._deploy(self.authority)
        self.assertEqual(200, self.create().status)

    def test_broker_that_another_authority_vouches_for_is_refused(
        self,
    ) -> None:
        self._deploy(self.authority)
        text = self.service.configuration.read_text().replace(
            str(self.authority.certificate), str(self.other.certificate)
        )
        file = self.service.folder / 'other.conf'
        file.write_text(text)
        agent = self.useFixture(
            processes.Process(
                processes.command('console-api-agent'), f'--config-file={file}'
            )
        )
        agent.wait_for(
            lambda: 'CERTIFICATE_VERIFY_FAILED' in agent.output,
            'no word of the certificate',
        )
        self.assertNotIn('READY=1', agent.said)
