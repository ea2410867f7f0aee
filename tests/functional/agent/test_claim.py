# SPDX-License-Identifier: Apache-2.0
"""Each host has one agent, whoever starts when."""

import dataclasses
import time
import uuid

from console_api import exception
from console_api.agent import hostkey
from console_api.agent import process
from console_api.db import agents as db_agents
from console_api.servers import agents
from console_api.servers import hostkeys
from tests import base
from tests.fixtures import service
from tests.functional.agent import test_inventory

_OTHER = agents.ReportedAgent(
    instance=str(uuid.UUID(int=1)),
    release='1.0.0',
    rpc_version='1.2',
    addresses='127.0.0.1',
    servers=1,
    key_hash='a' * 64,
    process='process 7 on elsewhere',
)
_ONE = test_inventory.ONE
_PATIENCE = 60.0


class ClaimTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # No report by the clock comes within the test.
        self.service = self.useFixture(
            service.Service(
                test_inventory.Hypervisor,
                agent={'inventory_interval': 10**6},
            )
        )
        self.recorder = agents.AgentRecorder(
            self.service.database, is_open=True
        )
        # Another process of the same hosts has the same key.
        key = hostkey.load(self.service.conf.agent.key_file)
        self.other = dataclasses.replace(
            _OTHER, key_hash=hostkeys.digest('here', key.reveal())
        )

    def agent(self, host: str) -> process.Agent:
        self.service.enrol(host)
        conf = self.service.conf
        conf.set_override('host', host)
        agent = process.Agent(conf, test_inventory.Hypervisor(conf))
        self.addCleanup(agent.stop)
        return agent

    def stored(self, host: str) -> db_agents.AgentRecord:
        with self.service.database.reader() as connection:
            found = db_agents.get(connection, host)
        assert found is not None
        return found

    def test_of_two_that_start_at_once_one_gets_the_host(self) -> None:
        first, second = self.agent('there'), self.agent('there')
        first.check_alone()
        second.check_alone()
        first.start()
        error = self.assertRaises(exception.ConfigurationError, second.start)
        self.assertRegex(str(error), r'host there: process .* This is process')
        stored = self.stored('there')
        self.assertEqual(first.reporter.instance, stored.instance)
        self.assertIsNotNone(stored.refused_at)

    def test_of_two_that_restart_at_once_one_gets_the_host(self) -> None:
        self.recorder.record('there', self.other)
        first, second = self.agent('there'), self.agent('there')
        first.check_alone()
        second.check_alone()
        second.start()
        self.assertRaises(exception.ConfigurationError, first.start)
        self.assertEqual(
            second.reporter.instance, self.stored('there').instance
        )

    def test_agent_that_comes_later_is_refused_and_shown(self) -> None:
        late = self.agent('here')
        self.assertRaises(exception.ConfigurationError, late.check_alone)
        stored = self.stored('here')
        self.assertEqual(self.service.agent.reporter.instance, stored.instance)
        self.assertRegex(stored.refused or '', r'process \d+ on \S+')

    def test_agent_that_lost_its_host_reports_no_more(self) -> None:
        self.recorder.record('here', self.other)
        error = self.assertRaises(
            exception.HostTaken, self.service.agent.reporter.report
        )
        self.assertIn('process 7 on elsewhere', str(error))
        stored = self.stored('here')
        self.assertEqual(_OTHER.instance, stored.instance)
        self.assertRegex(stored.refused or '', r'process \d+ on \S+')

    def test_registered_addresses_outlive_a_restart(self) -> None:
        self.recorder.record('there', self.other)
        self.service.conf.set_override(
            'server_proxyclient_address', '192.0.2.1', group='vnc'
        )
        agent = self.agent('there')
        self.service.word_file.unlink()
        agent.check_alone()
        agent.start()
        self.assertEqual('127.0.0.1', self.stored('there').addresses)

    def _wait_for(self, what: object, agent: process.Agent) -> None:
        deadline = time.monotonic() + _PATIENCE
        while what not in agent.driver.asked:
            self.assertLess(time.monotonic(), deadline, 'no report')
            time.sleep(0.01)

    def test_host_that_is_new_is_reported_at_once(self) -> None:
        agent = self.agent('there')
        agent.check_alone()
        agent.start()
        self._wait_for(None, agent)

    def test_host_that_is_known_reports_changes_alone_at_first(self) -> None:
        self.recorder.record('there', self.other)
        agent = self.agent('there')
        agent.check_alone()
        agent.start()
        agent.driver.tell(_ONE)
        self._wait_for(frozenset({_ONE}), agent)
        self.assertNotIn(None, agent.driver.asked)
