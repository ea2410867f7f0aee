# SPDX-License-Identifier: Apache-2.0
"""An agent speaks for its own host alone: that is whose key it has."""

import hashlib
import logging
import pathlib
import time
from typing import Any
import uuid

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import enrolment
from console_api.agent import facts
from console_api.agent import hostkey
from console_api.agent import process
from console_api.conductor import rpcapi
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.db import agents as db_agents
from console_api.db import models
from console_api.db import servers as db_servers
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import service
from tests.functional.agent import test_inventory
from tests.functional.api import test_secrets

_ONE, _TWO = test_inventory.ONE, test_inventory.TWO
_PATIENCE = 60.0
#: The key of a host that was captured.
_FORGED = types.Secret('A' * 43)


class _KeyTestCase(base.TestCase):
    """The agent of ``here`` has reported with its key."""

    def setUp(self) -> None:
        super().setUp()
        # No report by the clock comes within the test.
        self.service = self.useFixture(
            service.Service(
                test_inventory.Hypervisor,
                agent={'inventory_interval': 10**6},
            )
        )
        self.hypervisor = self.service.agent.driver
        self.reporter = self.service.agent.reporter
        self.context = context.service_context()
        self.key = hostkey.load(self.service.conf.agent.key_file)

    def conductor(
        self, key: types.Secret | None, cap: str | None = None
    ) -> rpcapi.ConductorAPI:
        """What an agent with this key has of the conductors."""
        conf = self.service.conf
        conf.set_override('conductor', cap, group='upgrade_levels')
        transport = rpc.get_transport(conf)
        self.addCleanup(transport.cleanup)
        return rpcapi.ConductorAPI(conf, transport, key)

    def facts(self, instance: int = 1) -> rpcapi.AgentFacts:
        return facts.collect(
            self.service.conf, str(uuid.UUID(int=instance)), 1
        )

    def stored(self, host: str = 'here') -> db_agents.AgentRecord | None:
        with self.service.database.reader() as connection:
            return db_agents.get(connection, host)

    def servers(self, host: str = 'here') -> list[db_servers.ServerRecord]:
        with self.service.database.reader() as connection:
            found = db_servers.of_host(connection, host)
        return sorted(found, key=lambda server: server.id)

    def token(self) -> tokens.Token:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_ONE}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )
        url = answer.json['remote_console']['url']
        return tokens.Token(url.rpartition('%3D')[2])

    def forget(self, host: str = 'here') -> None:
        with self.service.database.writer() as connection:
            self.assertTrue(db_agents.remove(connection, host))

    def let_in(self, host: str, api: rpcapi.ConductorAPI) -> None:
        """Let the agent in that has this of the conductors."""
        self.service.enrol(host)
        word = enrolment.word(self.service.conf.agent.enrolment_word_file)
        api.report_agent(self.context, host, self.facts(), word=word)

    def wait_for(self, happened) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, 'it never came')
            time.sleep(0.01)


class ForgedHostTest(_KeyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.good = self.token()
        self.before = self.stored(), self.servers()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))

    def check_refused(self, key: types.Secret | None) -> None:
        """Nothing that comes with this key changes the host."""
        api = self.conductor(key)
        stopped = virt_driver.Guest(
            _ONE, 'mine', 'p', 'u', vm_state='stopped', power_state=4
        )
        holder = self.reporter.instance
        calls = {
            'all gone': (api.report_servers, 'here', []),
            'stopped': (api.report_servers, 'here', [stopped]),
            'changed': (api.report_changes, 'here', [stopped], [], []),
            'gone': (api.report_changes, 'here', [], [_ONE], []),
            'ended': (api.report_changes, 'here', [], [], [_ONE, _TWO]),
            'agent': (api.report_agent, 'here', self.facts()),
            'held': (api.report_agent, 'here', self.facts(), True),
            'claim': (api.claim_host, 'here', self.facts(), holder),
            'first': (api.claim_host, 'here', self.facts(), None),
            'refuse': (api.refuse_agent, 'here', 'process 7'),
        }
        for name, (call, *arguments) in calls.items():
            with self.subTest(name):
                error = self.assertRaises(
                    exception.HostRefused, call, self.context, *arguments
                )
                self.assertIn('Host here is ', str(error))
                self.assertIn('agent enrol here', str(error))
        self.assertEqual(self.before, (self.stored(), self.servers()))
        found = self.service.conductor.broker.grant(
            self.context, self.good.digest()
        )
        self.assertEqual(_ONE, found.server_id)

    def test_another_key_changes_nothing_of_the_host(self) -> None:
        self.check_refused(_FORGED)
        self.assertIn('Host here is known by another key', self.log.output)
        self.assertIn('agent enrol here', self.log.output)

    def test_no_key_changes_nothing_of_the_host(self) -> None:
        self.check_refused(None)
        self.assertIn('what speaks for it has no key', self.log.output)

    def test_older_version_is_no_way_around_the_key(self) -> None:
        api = self.conductor(self.key, '1.4')
        self.assertRaises(
            exception.HostNotEnrolled,
            api.report_servers,
            self.context,
            'here',
            [],
        )
        self.assertEqual(self.before, (self.stored(), self.servers()))

    def test_own_host_may_be_spoken_for_all_the_same(self) -> None:
        api = self.conductor(_FORGED)
        self.let_in('there', api)
        guest = virt_driver.Guest(str(uuid.UUID(int=7)), 'own', 'p', 'u')
        api.report_servers(self.context, 'there', [guest])
        self.assertEqual(['own'], [s.name for s in self.servers('there')])

    def test_key_that_is_none_is_refused(self) -> None:
        client = self.conductor(None)._client.prepare(version='1.5')
        for key in ('', 'A' * 42, 'A' * 44, 7, ['A' * 43], 'é' * 43):
            with self.subTest(key=key):
                self.assertRaises(
                    exception.BadRequest,
                    client.call,
                    self.context,
                    'report_servers',
                    host='here',
                    servers=[],
                    key=key,
                )
        self.assertEqual(self.before, (self.stored(), self.servers()))


class FirstContactTest(_KeyTestCase):
    def digest(self, key: types.Secret) -> str:
        return hashlib.sha256(key.reveal().encode()).hexdigest()

    def test_hash_of_the_key_is_stored(self) -> None:
        stored = self.stored()
        assert stored is not None
        self.assertEqual(self.digest(self.key), stored.key_hash)

    def test_report_without_news_asks_for_the_key_once(self) -> None:
        api = self.conductor(self.key)
        guests = self.hypervisor.guests()
        recorder = self.service.conductor.recorder
        heard = self.useFixture(_Statements(recorder._database.engine()))
        api.report_servers(self.context, 'here', guests)
        agent, servers = heard.statements
        self.assertIn('FROM agents', agent)
        self.assertIn('FROM servers', servers)


class RefusedAgentTest(_KeyTestCase):
    """The agent of a host that is known by another key, set up anew."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.api = self.conductor(_FORGED)
        self.let_in('there', self.api)

    def start(self) -> process.Agent:
        conf = self.service.conf
        conf.set_override('host', 'there')
        # Tries come at once, not after a second and more.
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.agent.inventory._FIRST_RETRY', 0.01
            )
        )
        driver = test_inventory.Hypervisor(conf)
        driver.servers = {
            i: virt_driver.Guest(i, 'theirs', 'p', 'u')
            for i in (str(uuid.UUID(int=8)), str(uuid.UUID(int=9)))
        }
        agent = process.Agent(conf, driver)
        self.addCleanup(agent.stop)
        agent.check_alone()
        agent.start()
        return agent

    def refusals(self) -> int:
        return self.log.output.count('The report of the servers on there')

    def test_it_says_what_to_do_and_goes_on_trying(self) -> None:
        self.service.word_file.unlink()
        self.start()
        self.wait_for(lambda: self.refusals() > 3)
        self.assertIn('Host there is known by another key', self.log.output)
        self.assertIn('console-api-manage agent enrol there', self.log.output)
        self.assertEqual([], self.servers('there'))

    def test_word_that_was_used_is_told_of(self) -> None:
        self.start()
        self.wait_for(lambda: self.refusals() > 3)
        self.assertIn('wrong, was used or has expired', self.log.output)
        self.assertEqual([], self.servers('there'))

    def test_new_word_heals_without_a_restart(self) -> None:
        agent = self.start()
        self.wait_for(lambda: self.refusals() > 0)
        self.service.enrol('there')
        self.wait_for(lambda: len(self.servers('there')) == 2)
        stored = self.stored('there')
        assert stored is not None
        self.assertEqual(agent.reporter.instance, stored.instance)
        # Who was known before is a stranger now.
        self.assertRaises(
            exception.HostKeyRefused,
            self.api.report_servers,
            self.context,
            'there',
            [],
        )

    def test_changes_meanwhile_are_not_lost(self) -> None:
        good = self.token()
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.agent.inventory._FIRST_RETRY', 0.01
            )
        )
        self.forget()
        self.let_in('here', self.api)
        self.hypervisor.set(_TWO, vm_state='paused')
        self.hypervisor.tell(_TWO)
        self.hypervisor.tell(_ONE, ended=True)
        self.wait_for(lambda: 'agent enrol here' in self.log.output)
        self.service.enrol('here')
        self.wait_for(
            lambda: (
                [s.vm_state for s in self.servers()] == ['active', 'paused']
            )
        )
        self.assertRaises(
            exception.TokenNotFound,
            self.service.conductor.broker.grant,
            self.context,
            good.digest(),
        )


class _Statements(fixtures.Fixture):
    """What is asked of a database, but for its transactions."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self._engine = engine

    def _setUp(self) -> None:
        self.statements: list[str] = []

        def keep(*arguments: Any) -> None:
            statement = arguments[2]
            if not statement.startswith(('BEGIN', 'COMMIT')):
                self.statements.append(statement)

        event = (self._engine, 'before_cursor_execute', keep)
        sa.event.listen(*event)
        self.addCleanup(sa.event.remove, *event)


class SecretTest(base.TestCase):
    """Every path runs with every logger at DEBUG."""

    def test_key_and_word_are_in_no_log_and_in_no_table(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger(
                level=logging.DEBUG, format='%(name)s %(message)s'
            )
        )
        running = self.useFixture(
            service.Service(
                test_inventory.Hypervisor,
                database={'connection_debug': 100},
            )
        )
        for name in list(logging.root.manager.loggerDict):
            self.useFixture(test_secrets.AtDebug(name))
        key = hostkey.load(running.conf.agent.key_file).reveal()
        word = running.word_file.read_text().strip()
        running.agent.reporter.report()
        transport = rpc.get_transport(running.conf)
        self.addCleanup(transport.cleanup)
        api = rpcapi.ConductorAPI(running.conf, transport, _FORGED)
        self.assertRaises(
            exception.HostKeyRefused,
            api.report_servers,
            context.service_context(),
            'here',
            [],
        )
        with running.database.writer() as connection:
            models.servers.drop(connection)
        api = rpcapi.ConductorAPI(running.conf, transport, types.Secret(key))
        self.assertRaises(
            db_exception.DBNonExistentTable,
            api.report_servers,
            context.service_context(),
            'here',
            [],
        )
        digest = hashlib.sha256(key.encode()).hexdigest()
        # The capture works: the statements are there.
        self.assertIn(digest, log.output)
        for secret in (key, word, _FORGED.reveal()):
            self.assertNotIn(secret, log.output)
        for path in pathlib.Path(running.directory).glob('console.sqlite*'):
            for secret in (key, word):
                self.assertNotIn(secret.encode(), path.read_bytes())
