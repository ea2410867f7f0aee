# SPDX-License-Identifier: Apache-2.0
"""A console token appears in the answer that hands it out, and nowhere else.

CVE-2015-9543 and others: every path runs with every logger at DEBUG.
"""

import logging
import threading
from urllib import parse

import fixtures
import webob

from console_api import context
from console_api import rpc
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.consoles import tokens
from console_api.db import models
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'


class TokensInLogsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger(
                level=logging.DEBUG,
                format='%(name)s %(levelname)s %(message)s',
            )
        )
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                agent={'rpc_timeout': 1},
                database={'connection_debug': 100},
            )
        )
        for name in list(logging.root.manager.loggerDict):
            self.useFixture(AtDebug(name))
        self.driver = self.service.agent.driver

    def _create(self, kind: str = 'novnc', protocol: str = 'vnc') -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': protocol, 'type': kind}},
            version='2.6',
        )
        url = parse.unquote(answer.json['remote_console']['url'])
        return url.rpartition('token=')[2]

    def _look_up(
        self, token: str, caller: str = service.ADMIN, version: str = '2.31'
    ) -> webob.Response:
        return self.service.call(
            'GET',
            f'/v2.1/os-console-auth-tokens/{token}',
            token=caller,
            version=version,
        )

    def _assert_not_logged(self, *secrets: str) -> None:
        # The capture works: these are the lines that could have them.
        self.assertIn('oslo_messaging', self.log.output)
        self.assertIn('console_api.api.middleware', self.log.output)
        for secret in secrets:
            self.assertGreater(len(secret), 20)
            self.assertNotIn(secret, self.log.output)

    def test_create_and_look_up(self) -> None:
        made = [self._create(), self._create('serial', 'serial')]
        for token in made:
            self.assertEqual(200, self._look_up(token).status_int)
        self._assert_not_logged(*made)

    def test_legacy_action(self) -> None:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/action',
            {'os-getVNCConsole': {'type': 'novnc'}},
        )
        self._assert_not_logged(answer.json['console']['url'][-64:])

    def test_refusals(self) -> None:
        token = self._create()
        self._look_up(token, caller=service.MEMBER)
        self._look_up(token, version='2.1')
        self._look_up(token, version='9.9')
        self._look_up(f'{token}?x=1', version='2.99')
        self._look_up(f'{token}?token={token}')
        self._look_up(f'/{token}')
        self._look_up(f'a%2F{token}')
        self._look_up(f'%20{token}')
        self.service.call('DELETE', f'/v2.1/os-console-auth-tokens/{token}')
        self.service.call('GET', f'/v2.1/servers?token={token}')
        self.service.call('GET', f'/vnc_auto.html?path=%3Ftoken%3D{token}')
        self._assert_not_logged(token)

    def test_unknown_token(self) -> None:
        token = tokens.Token.new().reveal()
        self.assertEqual(404, self._look_up(token).status_int)
        self._assert_not_logged(token)

    def test_database_that_fails(self) -> None:
        token = self._create()
        with self.service.database.writer() as connection:
            models.console_tokens.drop(connection)
        self.assertEqual(500, self._look_up(token).status_int)
        self._assert_not_logged(token)

    def test_agent_that_fails(self) -> None:
        token = self._create()

        def fail(server_id: str) -> None:
            raise RuntimeError('the agent fails')

        self.driver.interfere = fail
        self.assertEqual(500, self._look_up(token).status_int)
        self.assertIn('the agent fails', self.log.output)
        self._assert_not_logged(token)

    def test_token_that_cannot_be_stored(self) -> None:
        made = []
        real = tokens.Token.new

        def keep(kind: type[tokens.Token]) -> tokens.Token:
            made.append(real())
            return made[-1]

        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.consoles.tokens.Token.new', classmethod(keep)
            )
        )
        with self.service.database.writer() as connection:
            models.console_tokens.drop(connection)
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )
        self.assertEqual(500, answer.status_int)
        self.assertEqual(1, len(made))
        self._assert_not_logged(made[0].reveal())

    def test_silent_agent(self) -> None:
        token = self._create()
        going_on = threading.Event()
        self.addCleanup(going_on.set)
        self.driver.interfere = lambda server_id: going_on.wait(60)
        self.assertEqual(503, self._look_up(token).status_int)
        self._assert_not_logged(token)

    def test_conductor(self) -> None:
        token = self._create()
        transport = rpc.get_transport(self.service.conf)
        self.addCleanup(transport.cleanup)
        grant = conductor_rpcapi.ConductorAPI(
            self.service.conf, transport
        ).enter_session(
            context.service_context(), tokens.Token(token).digest()
        )
        self.assertEqual(_SERVER, grant.server_id)
        self._assert_not_logged(token)


class AtDebug(fixtures.Fixture):
    """One logger lets everything through."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._logger = logging.getLogger(name)

    def _setUp(self) -> None:
        self.addCleanup(self._logger.setLevel, self._logger.level)
        self._logger.setLevel(logging.DEBUG)
