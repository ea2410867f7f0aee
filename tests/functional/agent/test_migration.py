# SPDX-License-Identifier: Apache-2.0
"""A server goes from one host to another, and both agents say so."""

import fixtures

from console_api import exception
from console_api.agent import process
from console_api.conductor import process as conductor_process
from console_api.conductor import rpcapi
from console_api.servers import registry
from console_api.virt import driver as virt_driver
from tests.fixtures import service
from tests.functional.agent import test_inventory

ONE = test_inventory.ONE
NEW = ONE.replace('aaa1', 'bbb1')


class MigrationTest(test_inventory.ChangesTestCase):
    """From the host of the service to one named ``there``."""

    def setUp(self) -> None:
        super().setUp()
        self.registry = registry.Registry(self.service.database)
        self.target = self.start_agent('there')

    def start_agent(self, host: str) -> test_inventory.Hypervisor:
        self.service.enrol(host)
        conf = self.service.conf
        conf.set_override('host', host)
        driver = test_inventory.Hypervisor(conf)
        driver.servers.clear()
        agent = process.Agent(conf, driver)
        self.addCleanup(agent.stop)
        agent.start()
        self.wait_for(lambda: None in driver.asked)
        return driver

    def arrive(self, server_id: str = ONE) -> None:
        self.target.servers[server_id] = virt_driver.Guest(
            server_id, 'moved', service.PROJECT, 'u'
        )
        self.target.tell(server_id)

    def leave(self) -> None:
        del self.hypervisor.servers[ONE]
        self.hypervisor.tell(ONE, ended=True)

    def times_reported(self) -> int:
        return self.target.asked.count(frozenset([ONE]))

    def is_at(self, host: str, server_id: str = ONE) -> bool:
        try:
            return self.registry.get(server_id).host == host
        except exception.InstanceNotFound:
            return False

    def test_server_is_there_though_it_was_reported_too_early(self) -> None:
        token = self.token(ONE)
        self.arrive()
        # The second time is the proof that the first was refused.
        self.wait_for(lambda: self.times_reported() >= 2)
        self.assertTrue(self.is_at('here'))
        self.assertTrue(self.is_good(token))
        self.leave()
        self.wait_for(lambda: self.is_at('there'))
        self.assertFalse(self.is_good(token))
        self.assertEqual(1, self.target.asked.count(None))

    def test_full_report_that_is_too_early_is_made_up_for(self) -> None:
        self.target.servers[ONE] = self.hypervisor.servers[ONE]
        self.target.tell(None)
        self.wait_for(lambda: self.times_reported() >= 1)
        self.leave()
        self.wait_for(lambda: self.is_at('there'))
        self.assertEqual(2, self.target.asked.count(None))

    def test_other_changes_do_not_wait_for_a_server_of_two(self) -> None:
        self.arrive()
        self.wait_for(lambda: self.times_reported() >= 2)
        self.arrive(NEW)
        self.wait_for(lambda: self.is_at('there', NEW))
        self.assertTrue(self.is_at('here'))
        self.assertIn(frozenset([NEW]), self.target.asked)
        self.assertEqual(1, self.target.asked.count(None))

    def test_conductor_restarts_between_the_two_reports(self) -> None:
        # What is lost with the old one would be waited for too long.
        self.useFixture(
            fixtures.MonkeyPatch(f'{rpcapi.__name__}._REPORT_TIMEOUT', 2)
        )
        self.arrive()
        self.wait_for(lambda: self.times_reported() >= 2)
        self.service.conductor.stop()
        self.leave()
        conductor = conductor_process.Conductor(self.service.conf)
        self.addCleanup(conductor.stop)
        conductor.start()
        self.wait_for(lambda: self.is_at('there'))
