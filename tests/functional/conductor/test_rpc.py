# SPDX-License-Identifier: Apache-2.0
"""A conductor and its client, on a bus in this process."""

import time
from typing import ClassVar

import fixtures

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import hostkey
from console_api.conductor import rpcapi
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.db import models
from console_api.db import servers as db_servers
from console_api.servers import directory
from console_api.servers import registry
from console_api.servers import reports
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_ACTIVE = '00000000-0000-4000-8000-000000000001'
_UNSCHEDULED = '00000000-0000-4000-8000-000000000002'
_PAUSED = '00000000-0000-4000-8000-000000000005'
_SILENT = '00000000-0000-4000-8000-000000000014'
_NEW = '00000000-0000-4000-8000-000000000099'


class _ConductorTestCase(base.TestCase):
    #: Options of [consoleauth].
    settings: ClassVar[dict[str, object]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                agent={'rpc_timeout': 1},
                consoleauth=self.settings,
            )
        )
        transport = rpc.get_transport(self.service.conf)
        self.addCleanup(transport.cleanup)
        # The host's own agent and a proxy in one.
        self.conductor = rpcapi.ConductorAPI(
            self.service.conf,
            transport,
            hostkey.load(self.service.conf.agent.key_file),
        )
        for host in ('elsewhere', 'large'):
            self.service.admit(host)
        self.registry = registry.Registry(self.service.database)
        self.context = context.service_context()

    def create(self, server_id: str = _ACTIVE) -> tokens.Token:
        url = self.url(server_id, 'vnc', 'novnc')
        return tokens.Token(url.rpartition('%3D')[2])

    def url(self, server_id: str, protocol: str, console_type: str) -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{server_id}/remote-consoles',
            {'remote_console': {'protocol': protocol, 'type': console_type}},
            version='2.99',
        )
        url = answer.json['remote_console']['url']
        assert isinstance(url, str)
        return url

    def authorize(self, token: tokens.Token) -> object:
        return self.conductor.enter_session(self.context, token.digest())


class ReportTest(_ConductorTestCase):
    def _guest(
        self, server_id: str = _NEW, **changed: object
    ) -> virt_driver.Guest:
        values = {'name': 'new', 'project_id': 'p', 'user_id': 'u', **changed}
        return virt_driver.Guest(id=server_id, **values)

    def _reported(self) -> list[virt_driver.Guest]:
        return self.service.agent.driver.guests()

    def _report(
        self, guests: list[virt_driver.Guest], host: str = 'here'
    ) -> None:
        self.conductor.report_servers(self.context, host, guests)

    def _server(self, server_id: str) -> directory.Server:
        return self.registry.get(server_id)

    def test_new_server_is_registered(self) -> None:
        self._report([*self._reported(), self._guest(consoles=('novnc',))])
        server = self._server(_NEW)
        self.assertEqual('here', server.host)
        self.assertEqual('new', server.name)
        self.assertEqual(('novnc',), server.consoles)

    def test_server_that_is_not_reported_is_gone(self) -> None:
        self._report([g for g in self._reported() if g.id != _ACTIVE])
        self.assertRaises(exception.InstanceNotFound, self._server, _ACTIVE)
        self.assertEqual('here', self._server(_PAUSED).host)

    def test_tokens_of_a_server_that_is_gone_are_revoked(self) -> None:
        token = self.create()
        other = self.create(_PAUSED)
        self._report([g for g in self._reported() if g.id != _ACTIVE])
        self.assertRaises(exception.TokenNotFound, self.authorize, token)
        self.assertIsNotNone(self.authorize(other))

    def test_tokens_of_a_server_that_stops_are_revoked(self) -> None:
        token = self.create()
        other = self.create(_PAUSED)
        stopped = self._guest(_ACTIVE, vm_state='stopped', power_state=4)
        rest = [g for g in self._reported() if g.id != _ACTIVE]
        self._report([*rest, stopped])
        self.assertEqual('stopped', self._server(_ACTIVE).vm_state)
        self.assertRaises(exception.TokenNotFound, self.authorize, token)
        self.assertIsNotNone(self.authorize(other))

    def test_server_that_changes_otherwise_keeps_its_tokens(self) -> None:
        token = self.create()
        renamed = self._guest(_ACTIVE, name='renamed')
        rest = [g for g in self._reported() if g.id != _ACTIVE]
        self._report([*rest, renamed])
        self.assertEqual('renamed', self._server(_ACTIVE).name)
        self.assertIsNotNone(self.authorize(token))

    def test_report_without_news_changes_nothing(self) -> None:
        before = self._server(_ACTIVE)
        token = self.create()
        self._report(self._reported())
        self.assertEqual(before, self._server(_ACTIVE))
        self.assertIsNotNone(self.authorize(token))

    def test_scheduled_server_is_taken_from_nowhere(self) -> None:
        before = self._server(_UNSCHEDULED)
        self._report([*self._reported(), self._guest(_UNSCHEDULED)])
        server = self._server(_UNSCHEDULED)
        self.assertEqual('here', server.host)
        self.assertEqual('active', server.vm_state)
        self.assertEqual(before.created_at, server.created_at)

    def test_server_of_another_host_stays_there(self) -> None:
        self._report([*self._reported(), self._guest(_SILENT)])
        server = self._server(_SILENT)
        self.assertEqual('nobody-answers-here', server.host)
        self.assertEqual('silent', server.name)

    def test_another_host_takes_and_ends_nothing(self) -> None:
        token = self.create()
        self._report([self._guest(_ACTIVE, vm_state='stopped')], 'elsewhere')
        self._report([], 'elsewhere')
        server = self._server(_ACTIVE)
        self.assertEqual(('here', 'active'), (server.host, server.vm_state))
        self.assertIsNotNone(self.authorize(token))

    def test_server_moves_once_its_host_has_let_it_go(self) -> None:
        self._report([g for g in self._reported() if g.id != _ACTIVE])
        self._report([self._guest(_ACTIVE)], 'elsewhere')
        self.assertEqual('elsewhere', self._server(_ACTIVE).host)

    def test_answer_names_the_servers_that_another_host_has(self) -> None:
        guests = [self._guest(_SILENT), self._guest()]
        every = [*self._reported(), *guests]
        report, change = (
            self.conductor.report_servers,
            self.conductor.report_changes,
        )
        self.assertEqual({_SILENT}, report(self.context, 'here', every))
        self.assertEqual(
            {_SILENT}, change(self.context, 'here', guests, [], [])
        )
        self.assertEqual(
            set(), change(self.context, 'here', [], [_SILENT, _NEW], [])
        )

    def test_conductor_of_an_older_release_names_none(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                f'{reports.__name__}.ReportRecorder.record',
                lambda *ignored: None,
            )
        )
        self.assertEqual(
            set(), self.conductor.report_servers(self.context, 'here', [])
        )

    def test_report_for_no_host_is_refused(self) -> None:
        self.assertRaises(exception.BadRequest, self._report, [], None)
        self.assertIsNone(self._server(_UNSCHEDULED).host)

    def test_malformed_server_refuses_the_whole_report(self) -> None:
        self.assertRaises(
            exception.BadRequest,
            self._report,
            [self._guest(), self._guest('no uuid')],
        )
        self.assertRaises(exception.InstanceNotFound, self._server, _NEW)
        self.assertEqual('here', self._server(_ACTIVE).host)

    def test_server_named_twice_is_registered_once(self) -> None:
        self._report(
            [*self._reported(), self._guest(), self._guest(name='last')]
        )
        self.assertEqual('last', self._server(_NEW).name)

    def test_large_host(self) -> None:
        ids = [f'00000000-0000-4000-9000-{i:012}' for i in range(1500)]
        self._report([self._guest(i) for i in ids], 'large')
        self._report([self._guest(i) for i in ids[:700]], 'large')
        with self.service.database.reader() as connection:
            left = db_servers.of_host(connection, 'large')
        self.assertEqual(700, len(left))


class AuthorizeTest(_ConductorTestCase):
    def test_grant_says_what_the_token_is_for(self) -> None:
        grant = self.authorize(self.create())
        self.assertEqual(_ACTIVE, grant.server_id)
        self.assertEqual('novnc', grant.console_type)
        self.assertEqual(driver.ADDRESSES['novnc'], grant.connect)
        self.assertEqual(service.PROJECT, grant.project_id)
        self.assertEqual('alice', grant.user_id)
        lifetime = grant.expires_at - time.time()
        self.assertGreater(lifetime, 0)
        self.assertLessEqual(lifetime, 600)

    def test_unknown_token(self) -> None:
        self.assertRaises(
            exception.TokenNotFound, self.authorize, tokens.Token.new()
        )

    def test_hash_that_is_none(self) -> None:
        for value in ('', 'x', 'x' * 100_000, "' OR 1=1 --"):
            with self.subTest(value=value[:10]):
                self.assertRaises(
                    exception.TokenNotFound,
                    self.conductor.enter_session,
                    self.context,
                    value,
                )

    def test_expired_token(self) -> None:
        token = self.create()
        with self.service.database.writer() as connection:
            connection.execute(
                models.console_tokens.update().values(
                    expires_at=int(time.time())
                )
            )
        self.assertRaises(exception.TokenNotFound, self.authorize, token)

    def test_token_whose_port_is_another_servers(self) -> None:
        token = self.create()
        agents = self.service.agent.driver
        agents.addresses['novnc'] = driver.ADDRESSES['serial']
        self.assertRaises(exception.TokenNotFound, self.authorize, token)

    def test_agent_that_is_gone(self) -> None:
        token = self.create()
        with self.service.database.writer() as connection:
            connection.execute(
                models.console_tokens.update().values(agent_host='gone')
            )
        self.assertRaises(exception.HostUnavailable, self.authorize, token)


class ViewOnlyTest(_ConductorTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.token = self.create()
        with self.service.database.writer() as connection:
            connection.execute(
                models.console_tokens.update().values(view_only=True)
            )

    def test_grant_says_that_it_is_view_only(self) -> None:
        self.assertTrue(self.authorize(self.token).view_only)

    def test_proxy_that_cannot_keep_input_back_gets_nothing(self) -> None:
        self.conductor._client = rpc.get_client(
            self.service.conductor._transport,
            rpc.CONDUCTOR_TOPIC,
            rpcapi.VERSION,
            '1.2',
        )
        self.assertRaises(exception.TokenNotFound, self.authorize, self.token)
        self.assertFalse(self.authorize(self.create()).view_only)

    def test_proxy_of_an_older_release_gets_the_fields_it_knows(self) -> None:
        client = self.conductor._client.prepare(version='1.0')
        answer = client.call(
            self.context,
            'authorize_token',
            token_hash=self.create().digest(),
        )
        self.assertEqual(
            {
                'server_id',
                'console_type',
                'connect',
                'expires_at',
                'project_id',
                'user_id',
                'secret',
            },
            set(answer),
        )

    def test_cap_of_the_configuration_holds(self) -> None:
        self.service.conf.set_override(
            'conductor', '1.2', group='upgrade_levels'
        )
        transport = rpc.get_transport(self.service.conf)
        self.addCleanup(transport.cleanup)
        self.conductor = rpcapi.ConductorAPI(self.service.conf, transport)
        self.assertRaises(exception.TokenNotFound, self.authorize, self.token)


_FIRST = tokens.SessionKey('1' * 64)
_OTHER = tokens.SessionKey('2' * 64)
_AGAIN = tokens.SessionKey('3' * 64, '1' * 64)


class SingleUseTest(_ConductorTestCase):
    settings: ClassVar[dict[str, object]] = {'token_use': 'single'}

    def enter(
        self, token: tokens.Token, key: tokens.SessionKey | None
    ) -> types.ConsoleGrant:
        return self.conductor.enter_session(self.context, token.digest(), key)

    def look_up(self, token: tokens.Token) -> int:
        return self.service.call(
            'GET',
            f'/v2.1/os-console-auth-tokens/{token.reveal()}',
            token=service.ADMIN,
            version='2.31',
        ).status_int

    def age(self, seconds: int) -> None:
        with self.service.database.writer() as connection:
            connection.execute(
                models.console_tokens.update().values(
                    used_at=int(time.time()) - seconds
                )
            )

    def test_first_session_uses_the_token(self) -> None:
        token = self.create()
        self.assertEqual(_ACTIVE, self.enter(token, _FIRST).server_id)
        for key in (_FIRST, _OTHER, None):
            self.assertRaises(exception.TokenNotFound, self.enter, token, key)

    def test_its_client_may_come_back(self) -> None:
        token = self.create()
        first = self.enter(token, _FIRST)
        left = first.rejoin_until - time.time()
        self.assertTrue(290 < left <= 300, left)
        for _ in range(5):
            again = self.enter(token, _AGAIN)
            self.assertEqual(_ACTIVE, again.server_id)
            # It keeps the secret that it has.
            self.assertIsNone(again.rejoin_until)

    def test_nobody_comes_back_after_the_window(self) -> None:
        token = self.create()
        self.enter(token, _FIRST)
        self.age(300)
        self.assertRaises(exception.TokenNotFound, self.enter, token, _AGAIN)

    def test_nobody_comes_back_to_an_expired_token(self) -> None:
        token = self.create()
        self.enter(token, _FIRST)
        with self.service.database.writer() as connection:
            connection.execute(
                models.console_tokens.update().values(
                    expires_at=int(time.time())
                )
            )
        self.assertRaises(exception.TokenNotFound, self.enter, token, _AGAIN)

    def test_secret_of_another_session_is_none(self) -> None:
        other, token = self.create(), self.create()
        self.enter(other, _FIRST)
        self.enter(token, _OTHER)
        self.assertRaises(exception.TokenNotFound, self.enter, token, _AGAIN)

    def test_looking_up_uses_nothing(self) -> None:
        token = self.create()
        self.assertEqual(200, self.look_up(token))
        self.enter(token, _FIRST)
        self.assertEqual(404, self.look_up(token))

    def test_asking_for_a_file_uses_tokens_for_files_only(self) -> None:
        url = self.url(_ACTIVE, 'spice', 'spice-direct')
        direct = tokens.Token(url.rpartition('=')[2])
        token = self.create()
        self.assertRaises(exception.TokenNotFound, self.enter, token, None)
        self.assertEqual(_ACTIVE, self.enter(token, _FIRST).server_id)
        self.assertEqual(_ACTIVE, self.enter(direct, None).server_id)
        self.assertRaises(exception.TokenNotFound, self.enter, direct, None)

    def test_host_that_does_not_answer_uses_nothing(self) -> None:
        token = self.create()
        agents = self.service.agent.driver
        real = agents.addresses['novnc']
        agents.addresses['novnc'] = driver.ADDRESSES['serial']
        self.assertRaises(exception.TokenNotFound, self.enter, token, _FIRST)
        agents.addresses['novnc'] = real
        self.assertEqual(_ACTIVE, self.enter(token, _FIRST).server_id)

    def test_proxy_of_an_older_release_gets_in_once(self) -> None:
        client = self.conductor._client.prepare(version='1.0')
        digest = self.create().digest()
        client.call(self.context, 'authorize_token', token_hash=digest)
        self.assertRaises(
            exception.TokenNotFound,
            client.call,
            self.context,
            'authorize_token',
            token_hash=digest,
        )

    def test_key_that_is_no_hash_is_refused(self) -> None:
        token = self.create()
        for offered in ('', 'x' * 64, '1' * 65, 1):
            self.assertRaises(
                exception.BadRequest,
                self.enter,
                token,
                tokens.SessionKey(offered),
            )
        self.assertEqual(_ACTIVE, self.enter(token, _FIRST).server_id)


class NoWindowTest(_ConductorTestCase):
    settings: ClassVar[dict[str, object]] = {
        'token_use': 'single',
        'reconnect_window': 0,
    }

    def test_nobody_comes_back(self) -> None:
        token = self.create().digest()
        enter = self.conductor.enter_session
        first = enter(self.context, token, _FIRST)
        self.assertIsNone(first.rejoin_until)
        self.assertRaises(
            exception.TokenNotFound, enter, self.context, token, _AGAIN
        )


class ReusableTest(_ConductorTestCase):
    def test_token_lets_in_any_number_of_sessions(self) -> None:
        token = self.create()
        for key in (_FIRST, _OTHER, _AGAIN, None):
            grant = self.conductor.enter_session(
                self.context, token.digest(), key
            )
            self.assertIsNone(grant.rejoin_until)


class PurgeTest(_ConductorTestCase):
    def test_expired_tokens_are_removed_however_many(self) -> None:
        rows = [
            {
                'token_hash': f'{number:064}',
                'server_id': _ACTIVE,
                'console_type': 'novnc',
                'agent_host': 'here',
                'host': '127.0.0.1',
                'port': 5900,
                'created_at': 0,
                'expires_at': 1,
            }
            for number in range(1201)
        ]
        with self.service.database.writer() as connection:
            connection.execute(models.console_tokens.insert(), rows)
        token = self.create()
        self.assertEqual(1201, self.service.conductor.purge())
        self.assertEqual(0, self.service.conductor.purge())
        self.assertIsNotNone(self.authorize(token))
