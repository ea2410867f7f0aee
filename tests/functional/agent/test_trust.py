# SPDX-License-Identifier: Apache-2.0
"""An agent speaks for its own host and for nothing else."""

import contextlib
import dataclasses
import threading
from typing import Any

import fixtures
from oslo_config import cfg
import oslo_messaging
import sqlalchemy as sa

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import endpoint
from console_api.agent import process
from console_api.agent import rpcapi
from console_api.consoles import access
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.db import agents as db_agents
from console_api.servers import registry
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_VNC = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}


class AddressTest(base.TestCase):
    """The agent has registered 127.0.0.1 alone, which is allowed here."""

    def _start(self, **settings: Any) -> None:
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole, **settings)
        )
        self.driver = self.service.agent.driver

    def _register(self, *addresses: str) -> str:
        """Let these be registered; returns which were."""
        with self.service.database.writer() as connection:
            stored = db_agents.get(connection, 'here')
            assert stored is not None
            db_agents.rebind(
                connection,
                dataclasses.replace(stored, addresses=','.join(addresses)),
            )
        return stored.addresses

    def _report(self, address: str) -> None:
        """Let the agent report another address, where it cannot listen."""
        conf = self.service.conf
        with contextlib.ExitStack() as stack:
            stack.callback(
                conf.clear_override, 'server_proxyclient_address', 'vnc'
            )
            conf.set_override('server_proxyclient_address', address, 'vnc')
            self.service.agent.reporter.report()

    def _create(self, host: str) -> int:
        self.driver.addresses['novnc'] = types.ConnectInfo(host, 5900)
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            _VNC,
            version='2.6',
        )
        return answer.status_int

    def _tokens(self) -> int:
        with self.service.database.reader() as connection:
            return connection.exec_driver_sql(
                'SELECT count(*) FROM console_tokens'
            ).scalar_one()

    def test_registered_address(self) -> None:
        self._start()
        self.assertEqual(200, self._create('127.0.0.1'))

    def test_address_of_another_host_is_refused(self) -> None:
        self._start()
        for host in ('127.0.0.2', '192.0.2.1', 'keystone.example', '::1'):
            with self.subTest(host=host):
                self.assertEqual(503, self._create(host))
        self.assertEqual(0, self._tokens())

    def test_address_that_the_operator_allows(self) -> None:
        self._start(console={'allowed_targets': ['192.0.2.0/24']})
        self.assertEqual(200, self._create('192.0.2.1'))
        self.assertEqual(503, self._create('192.0.3.1'))

    def test_address_of_the_host_itself(self) -> None:
        self._start()
        self._register('192.0.2.9')
        self.assertEqual(200, self._create('192.0.2.9'))

    def test_loopback_is_no_address_of_a_host(self) -> None:
        """Neither by default, nor where the agent registers it."""
        self._start(console={'allowed_targets': []})
        near = ('127.0.0.1', '::1', 'localhost', '169.254.169.254')
        self.assertEqual('', self._register(*near))
        for host in (*near, '127.1', '::ffff:127.0.0.1', '0.0.0.0'):
            with self.subTest(host):
                self.assertEqual(503, self._create(host))
        self.assertEqual(0, self._tokens())

    def _forget(self) -> None:
        with self.service.database.writer() as connection:
            db_agents.remove(connection, 'here')

    def test_directory_that_knows_no_addresses(self) -> None:
        self._start()
        broker = self.service.conductor.broker
        server = dataclasses.replace(
            registry.Registry(self.service.database).get(_SERVER), targets=None
        )
        row = types.CONSOLE_TYPES['novnc']
        caller = context.RequestContext(user_id='u', project_id='p')
        self.driver.addresses['novnc'] = types.ConnectInfo('127.0.0.1', 5900)
        granted = access.of_operator(server)
        broker.create(caller, granted, row)
        self.driver.addresses['novnc'] = types.ConnectInfo('192.0.2.1', 5900)
        self.assertRaises(
            exception.HostUnavailable, broker.create, caller, granted, row
        )
        self.assertEqual(1, self._tokens())

    def test_two_statements_make_a_console(self) -> None:
        self._start()
        self.assertEqual(200, self._create('127.0.0.1'))
        seen: list[str] = []
        own = threading.get_ident()
        execute = sa.Connection.execute

        def keep(connection: sa.Connection, what: Any, *rest: Any) -> Any:
            # Conductor and agent have threads of their own. Text is what
            # oslo.db asks SQLite about itself.
            text = isinstance(what, sa.TextClause)
            if threading.get_ident() == own and not text:
                seen.append(type(what).__name__)
            return execute(connection, what, *rest)

        self.useFixture(
            fixtures.MonkeyPatch('sqlalchemy.Connection.execute', keep)
        )
        self.assertEqual(200, self._create('127.0.0.1'))
        self.assertEqual(['Select', 'Insert'], seen)

    def test_nothing_is_asked_where_the_host_has_no_agent(self) -> None:
        self._start(console={'allowed_targets': ['192.0.2.0/24']})
        asked: list[str] = []
        self.driver.interfere = asked.append
        self._forget()
        self.assertEqual(503, self._create('127.0.0.1'))
        self.assertEqual(503, self._create('192.0.2.1'))
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/action',
            {'os-getConsoleOutput': {}},
        )
        self.assertEqual(503, answer.status_int)
        self.assertEqual([], asked)

    def test_nothing_is_registered(self) -> None:
        self._start(console={'allowed_targets': []})
        self.assertEqual(503, self._create('198.51.100.1'))
        self.assertEqual(0, self._tokens())

    def _issue(self, host: str) -> tokens.Token:
        self.driver.addresses['novnc'] = types.ConnectInfo(host, 5900)
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            _VNC,
            version='2.6',
        )
        url = answer.json['remote_console']['url']
        return tokens.Token(url.rpartition('%3D')[2])

    def _assert_void(
        self, token: tokens.Token, error: type[exception.DomainError]
    ) -> None:
        """No session begins with it, and no look-up finds it."""
        broker = self.service.conductor.broker
        caller = context.service_context()
        for session in (False, True):
            self.assertRaises(
                error, broker.grant, caller, token.digest(), session
            )

    def test_token_is_void_once_its_host_is_forgotten(self) -> None:
        self._start()
        token = self._issue('127.0.0.1')
        broker = self.service.conductor.broker
        caller = context.service_context()
        for session in (False, True):
            broker.grant(caller, token.digest(), session)
        self._forget()
        self._assert_void(token, exception.HostUnavailable)

    def test_token_is_void_once_its_address_is_not_the_hosts(self) -> None:
        self._start()
        self._register('192.0.2.9')
        token = self._issue('192.0.2.9')
        broker = self.service.conductor.broker
        caller = context.service_context()
        broker.grant(caller, token.digest(), session=True)
        self._register('192.0.2.8')
        self._assert_void(token, exception.TokenNotFound)

    def test_later_report_registers_no_other_address(self) -> None:
        self._start()
        self._report('192.0.2.9')
        self.assertEqual(503, self._create('192.0.2.9'))
        self.assertEqual(200, self._create('127.0.0.1'))

    def test_agent_that_is_enrolled_anew_registers_anew(self) -> None:
        self._start()
        self.service.enrol('here')
        # As after a restart.
        self.service.agent.reporter._admitted = False
        self._report('192.0.2.9')
        self.assertEqual(200, self._create('192.0.2.9'))

    def test_types_that_are_off_register_nothing(self) -> None:
        self._start(
            console={'allowed_targets': []},
            spice={
                'enabled': False,
                'server_proxyclient_address': '192.0.2.8',
            },
            serial_console={
                'enabled': True,
                'proxyclient_address': '192.0.2.7',
            },
        )
        self.assertEqual('192.0.2.7', self._register())


class NameTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service())

    def _agent(self, host: str) -> process.Agent:
        self.service.conf.set_override('host', host)
        agent = process.Agent(self.service.conf)
        self.addCleanup(agent.stop)
        return agent

    def test_second_agent_of_a_host_is_refused_by_name(self) -> None:
        agent = self._agent('here')
        error = self.assertRaises(
            exception.ConfigurationError, agent.check_alone
        )
        self.assertIn('another agent answers for host here', str(error))
        self.assertRegex(str(error), r'process \d+ on \S+')

    def test_agent_with_no_name_of_a_host_does_not_start(self) -> None:
        # oslo.config takes it for the address of a host.
        error = self.assertRaises(
            exception.ConfigurationError, self._agent, '2001:db8::1'
        )
        self.assertIn("host = '2001:db8::1' is no name", str(error))

    def test_agent_of_another_host_is_not(self) -> None:
        self._agent('there').check_alone()


class _FirstRelease(endpoint.AgentEndpoint):
    """An agent that knows nothing after 1.0."""

    target = oslo_messaging.Target(version='1.0')

    def enter_console(self, *ignored: Any, **values: Any) -> Any:
        raise AssertionError('unknown at 1.0')

    identify = None  # type: ignore[assignment]


class OldAgentTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                upgrade_levels={'agent': '1.0'},
                agent={'rpc_timeout': 5},
            )
        )
        conf: cfg.ConfigOpts = self.service.conf
        self.transport = rpc.get_transport(conf)
        self.addCleanup(self.transport.cleanup)
        server = rpc.get_server(
            self.transport,
            rpc.agent_topic('old'),
            rpc.AGENT_SERVER,
            [_FirstRelease(conf, self.service.agent.driver)],
        )
        server.start()
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        self.context = context.service_context()

    def _api(self) -> rpcapi.AgentAPI:
        return rpcapi.AgentAPI(self.service.conf, self.transport)

    def test_console_is_issued_and_entered(self) -> None:
        api = self._api()
        issued = api.get_console(self.context, 'old', _SERVER, 'novnc')
        entry = api.enter_console(
            self.context, 'old', _SERVER, 'novnc', issued.connect
        )
        self.assertEqual(rpcapi.Entry(True), entry)

    def test_output_is_read(self) -> None:
        text = self._api().get_console_output(
            self.context, 'old', _SERVER, 100
        )
        self.assertIsInstance(text, str)

    def test_old_agent_keeps_its_name(self) -> None:
        self.service.conf.clear_override('agent', group='upgrade_levels')
        self.assertEqual(
            'an agent of an older release',
            self._api().identify(self.context, 'old'),
        )
