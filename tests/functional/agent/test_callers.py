# SPDX-License-Identifier: Apache-2.0
"""An agent answers to controllers, and to no other user of the bus."""

from collections.abc import Callable
import hashlib

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import rpcapi
from console_api.consoles import types
from console_api.db import models
from console_api.servers import proofs
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'


class CallersTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole, agent={'rpc_timeout': 5}
            )
        )
        self.asked: list[str] = []
        self.service.agent.driver.interfere = self.asked.append
        self.transport = rpc.get_transport(self.service.conf)
        self.addCleanup(self.transport.cleanup)
        self.context = context.service_context()

    def api(self, shown: Callable[[str], str | None]) -> rpcapi.AgentAPI:
        return rpcapi.AgentAPI(self.service.conf, self.transport, shown)

    def ask_everything(self, api: rpcapi.AgentAPI) -> None:
        where = types.ConnectInfo('127.0.0.1', 5900)
        asked = self.context, 'here', _SERVER
        for call in (
            lambda: api.get_console(*asked, 'novnc'),
            lambda: api.confirm_console(*asked, 'novnc', where),
            lambda: api.enter_console(*asked, 'novnc', where),
            lambda: api.get_console_output(*asked, 100),
        ):
            self.assertRaises(exception.HostUnavailable, call)

    def test_who_shows_nothing_gets_nothing(self) -> None:
        self.ask_everything(self.api(lambda _: None))
        self.assertEqual([], self.asked)

    def test_who_shows_what_another_host_knows_gets_nothing(self) -> None:
        other = rpcapi.proof(hashlib.sha256(b'another key').hexdigest())
        for shown in (other, '', 'ä' * 64):
            self.ask_everything(self.api(lambda _, shown=shown: shown))
        self.assertEqual([], self.asked)

    def test_hash_in_the_database_is_not_what_is_sent(self) -> None:
        with self.service.database.reader() as connection:
            (row,) = connection.execute(
                models.agents.select().where(models.agents.c.host == 'here')
            )
        self.ask_everything(self.api(lambda _: row.key_hash))
        api = self.api(lambda _: rpcapi.proof(row.key_hash))
        api.get_console(self.context, 'here', _SERVER, 'novnc')
        self.assertEqual([_SERVER], self.asked)

    def test_anybody_is_told_which_process_it_is(self) -> None:
        api = self.api(lambda _: None)
        self.assertIn('process', api.identify(self.context, 'here') or '')

    def test_proof_goes_to_the_agent_alone(self) -> None:
        api = self.api(proofs.HostProofs(self.service.database))
        api.get_console(self.context, 'here', _SERVER, 'novnc')
        self.assertIsNone(self.context.agent_proof)
        self.assertNotIn('agent_proof', self.context.for_rpc())
        self.assertNotIn('agent_proof', self.context.to_dict())


class ProofsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.service = self.useFixture(service.Service())
        self.proofs = proofs.HostProofs(
            self.service.database, lambda: self.now
        )

    def set_key(self, key_hash: str) -> None:
        with self.service.database.writer() as connection:
            connection.execute(
                models.agents.update().values(key_hash=key_hash)
            )

    def test_new_key_of_a_host_is_read_within_seconds(self) -> None:
        self.set_key('a' * 64)
        self.assertEqual(rpcapi.proof('a' * 64), self.proofs('here'))
        self.set_key('b' * 64)
        self.assertEqual(rpcapi.proof('a' * 64), self.proofs('here'))
        self.now += 60
        self.assertEqual(rpcapi.proof('b' * 64), self.proofs('here'))

    def test_host_without_an_agent_has_none(self) -> None:
        self.assertIsNone(self.proofs('elsewhere'))

    def test_what_is_remembered_is_bounded(self) -> None:
        self.assertIsNotNone(self.proofs('here'))
        for number in range(proofs._MOST + 1):
            self.proofs._known[str(number)] = (0.0, '')
        self.now += 60
        self.proofs('here')
        self.assertEqual(['here'], list(self.proofs._known))
