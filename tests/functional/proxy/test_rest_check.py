# SPDX-License-Identifier: Apache-2.0
"""What a proxy says at its start of the Nova that it is to ask."""

import logging
import pathlib

import fixtures

from console_api.proxy import authority_rest
from console_api.proxy import rest_check
from tests import base
from tests.fixtures import nova_stub
from tests.fixtures import processes


class StartCheckTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.stub = self.useFixture(nova_stub.NovaStub())

    def started(self, **changes: object) -> rest_check.StartCheck:
        lookup = authority_rest.RestLookup(self.stub.configuration(**changes))
        check = rest_check.StartCheck(lookup.check, pause=0.01)
        self.addCleanup(check.join)
        self.addCleanup(check.stop)
        check.start()
        return check

    def test_nothing_is_said_where_all_is_well(self) -> None:
        self.started().join()
        self.assertEqual('', self.log.output)
        self.assertEqual(1, len(self.stub.asked))

    def test_wrong_password_is_said_once(self) -> None:
        self.started(password='wrong').join()
        self.assertIn('Keystone answered 401', self.log.output)
        self.assertEqual(1, self.log.output.count('\n'))

    def test_missing_role_is_said_with_the_policy(self) -> None:
        self.stub.refused.add('os-console-auth-tokens')
        self.started().join()
        self.assertIn('Nova answered 403', self.log.output)
        self.assertIn('os_compute_api:os-console-auth-tokens', self.log.output)

    def test_nova_may_come_later(self) -> None:
        self.stub.status = 503
        check = self.started()
        processes.wait_for(lambda: len(self.stub.asked) > 3, 'no more tries')
        self.stub.status = 200
        check.join()
        self.assertEqual(1, self.log.output.count('can be opened yet'))
        self.assertIn('Nova answers', self.log.output)

    def test_keystone_may_come_later(self) -> None:
        self.stub.keystone_status = 503
        check = self.started()
        processes.wait_for(
            lambda: 'can be opened yet' in self.log.output, 'nothing said'
        )
        self.stub.keystone_status = 201
        check.join()
        self.assertIn('Nova answers', self.log.output)


class ProxyTest(base.TestCase):
    def test_proxy_starts_and_says_that_its_user_is_refused(self) -> None:
        stub = self.useFixture(nova_stub.NovaStub())
        folder = self.useFixture(fixtures.TempDir())
        path = pathlib.Path(folder.path) / 'console-api.conf'
        processes.write_settings(
            path,
            {
                'DEFAULT': {'transport_url': 'fake://'},
                'nova': stub.settings | {'password': 'wrong'},
                'proxy': {
                    'host': '127.0.0.1',
                    'port': processes.free_port(),
                    'authority': 'rest',
                    'workers': 2,
                },
            },
        )
        proxy = self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'), f'--config-file={path}'
            )
        )
        proxy.wait_until('READY=1')
        proxy.wait_for(
            lambda: 'the user in [nova] is refused' in proxy.output,
            'nothing is said',
        )
        self.assertEqual(0, proxy.stop())
        self.assertEqual(1, proxy.output.count('is refused'))
