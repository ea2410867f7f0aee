# SPDX-License-Identifier: Apache-2.0
"""What the caller learns when the database or an agent fails."""

import sqlite3
import threading
import types as python_types

import fixtures
import sqlalchemy as sa
import webob

from console_api.consoles import types
from console_api.db import models
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_DETAIL = 'detail-that-nobody-may-see'


class _FaultsTestCase(base.TestCase):
    settings: dict[str, dict[str, object]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole, **self.settings)
        )
        self.driver = self.service.agent.driver

    def create(self, kind: str = 'novnc') -> webob.Response:
        return self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {
                'remote_console': {
                    'protocol': types.CONSOLE_TYPES[kind].protocol,
                    'type': kind,
                }
            },
            version='2.99',
        )

    def look_up(self, answer: webob.Response) -> webob.Response:
        token = answer.json['remote_console']['url'].rpartition('%3D')[2]
        return self.service.call(
            'GET',
            f'/v2.1/os-console-auth-tokens/{token}',
            token=service.ADMIN,
            version='2.31',
        )

    def stored(self) -> int:
        with self.service.database.reader() as connection:
            count = sa.select(sa.func.count())
            return connection.scalar(count.select_from(models.console_tokens))

    def assert_says_nothing(self, answer: webob.Response) -> None:
        self.assertEqual(500, answer.status_int)
        request_id = answer.headers['X-Compute-Request-Id']
        self.assertEqual(
            {
                'computeFault': {
                    'code': 500,
                    'message': (
                        'Unexpected API error. Give the administrator of '
                        f'this cloud the request id {request_id}.'
                    ),
                }
            },
            answer.json,
        )
        self.assertIn(request_id, self.log.output)
        self.assertIn('Traceback', self.log.output)


class DatabaseFaultsTest(_FaultsTestCase):
    def _drop(self, table: sa.Table) -> None:
        with self.service.database.writer() as connection:
            table.drop(connection)

    def test_token_cannot_be_stored(self) -> None:
        self._drop(models.console_tokens)
        self.assert_says_nothing(self.create())

    def test_server_cannot_be_read(self) -> None:
        self._drop(models.servers)
        self.assert_says_nothing(self.create())

    def test_servers_cannot_be_listed(self) -> None:
        self._drop(models.servers)
        for query in ('', '?name=a', '?name=^a'):
            with self.subTest(query=query):
                self.assert_says_nothing(
                    self.service.call('GET', f'/v2.1/servers{query}')
                )

    def test_token_cannot_be_read(self) -> None:
        created = self.create()
        self._drop(models.console_tokens)
        self.assert_says_nothing(self.look_up(created))


class LockedDatabaseTest(_FaultsTestCase):
    def setUp(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        self.file = f'{directory}/locked.sqlite'
        self.settings = {
            'database': {'connection': f'sqlite:///{self.file}?timeout=0.1'}
        }
        super().setUp()
        # A first request opens what is opened once.
        self.assertEqual(200, self.create().status_int)

    def test_somebody_else_writes_for_long(self) -> None:
        other = sqlite3.connect(self.file)
        self.addCleanup(other.close)
        other.execute('BEGIN IMMEDIATE')
        answer = self.create()
        self.assertEqual(503, answer.status_int)
        self.assertNotIn('locked', answer.text)
        other.rollback()
        self.assertEqual(200, self.create().status_int)


class AgentFaultsTest(_FaultsTestCase):
    def test_unexpected_error_of_an_agent(self) -> None:
        def fail(server_id: str) -> None:
            raise RuntimeError(_DETAIL)

        self.driver.interfere = fail
        answer = self.create()
        self.assert_says_nothing(answer)
        self.assertNotIn(_DETAIL, answer.text)
        self.assertIn(_DETAIL, self.log.output)
        self.assertEqual(0, self.stored())

    def test_unexpected_error_of_an_agent_that_confirms(self) -> None:
        created = self.create()

        def fail(server_id: str) -> None:
            raise RuntimeError(_DETAIL)

        self.driver.interfere = fail
        answer = self.look_up(created)
        self.assert_says_nothing(answer)
        self.assertNotIn(_DETAIL, answer.text)

    def test_malformed_address_is_not_stored(self) -> None:
        for changed in (
            {'host': 'evil\r\nHost: x'},
            {'host': None},
            {'host': 'h' * 300},
            {'port': 0},
            {'port': 70000},
            {'port': '5900'},
            {'tls_port': -1},
            {'internal_access_path': 'a b'},
            {'internal_access_path': 'x' * 300},
        ):
            with self.subTest(changed=changed):
                values = {'host': '127.0.0.1', 'port': 5900, **changed}
                self.driver.addresses['novnc'] = types.ConnectInfo(**values)
                self.assert_says_nothing(self.create())
                self.assertEqual(0, self.stored())

    def test_guest_gone_before_its_report(self) -> None:
        self.driver.gone.add(_SERVER)
        answer = self.create()
        self.assertEqual(404, answer.status_int)
        self.assertEqual(
            f'Instance {_SERVER} could not be found.',
            answer.json['itemNotFound']['message'],
        )
        self.assertEqual(0, self.stored())

    def test_output_of_a_guest_gone_before_its_report(self) -> None:
        self.driver.gone.add(_SERVER)
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/action',
            {'os-getConsoleOutput': {}},
        )
        self.assertEqual(404, answer.status_int)

    def test_token_whose_port_went_to_another_server(self) -> None:
        created = self.create()
        self.assertEqual(200, self.look_up(created).status_int)
        self.driver.addresses['novnc'] = types.ConnectInfo('127.0.0.1', 5999)
        answer = self.look_up(created)
        self.assertEqual(404, answer.status_int)
        self.assertEqual(
            'Token not found', answer.json['itemNotFound']['message']
        )

    def test_output_without_an_end(self) -> None:
        self.driver.log = b'\x00\xff\x1b[2J' * (2 * 1024 * 1024)
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/action',
            {'os-getConsoleOutput': {'length': 1}},
        )
        self.assertEqual(200, answer.status_int)
        self.assertLessEqual(len(answer.json['output']), 100 * 1024)
        self.assertNotIn('\x1b', answer.json['output'])
        self.assertEqual(200, self.create().status_int)


class LateAgentTest(_FaultsTestCase):
    settings = python_types.MappingProxyType({'agent': {'rpc_timeout': 1}})

    def setUp(self) -> None:
        super().setUp()
        self.may_go_on = threading.Event()
        self.went_on = threading.Event()
        self.addCleanup(self.may_go_on.set)

    def _wait(self, server_id: str) -> None:
        self.may_go_on.wait(60)
        self.went_on.set()

    def wait_for_console(self) -> None:
        """Ask until the host is taken to be back."""
        tick = threading.Event()
        for _ in range(600):
            if self.create('serial').status_int == 200:
                return
            tick.wait(0.1)
        self.fail('the host was not asked again')

    def test_late_answer_makes_no_token(self) -> None:
        self.driver.interfere = self._wait
        answer = self.create()
        self.assertEqual(503, answer.status_int)
        self.assertEqual(
            f'The compute host of instance {_SERVER} did not answer.',
            answer.json['serviceUnavailable']['message'],
        )
        self.may_go_on.set()
        self.assertTrue(self.went_on.wait(60))
        # The next answer of the agent comes after the late one.
        self.driver.interfere = None
        self.wait_for_console()
        self.assertEqual(1, self.stored())

    def test_token_is_not_confirmed_by_silence(self) -> None:
        created = self.create()
        self.driver.interfere = self._wait
        answer = self.look_up(created)
        self.assertEqual(503, answer.status_int)
        self.assertNotIn('127.0.0.1', answer.text)

    def test_silent_agent_has_no_output(self) -> None:
        self.driver.interfere = self._wait
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/action',
            {'os-getConsoleOutput': {}},
        )
        self.assertEqual(503, answer.status_int)
