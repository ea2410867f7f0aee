# SPDX-License-Identifier: Apache-2.0
"""What becomes of the changes that a driver tells of."""

import dataclasses
import time
import urllib.parse

from oslo_config import cfg

from console_api import context
from console_api import exception
from console_api.agent import hostkey
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.servers import hostkeys
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import service

ONE = '00000000-0000-4000-8000-00000000aaa1'
TWO = '00000000-0000-4000-8000-00000000aaa2'
#: Seconds; nothing takes a tenth of it.
PATIENCE = 30.0


class Hypervisor(virt_driver.ConsoleDriver):
    """Two servers; a test changes them and says so."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self.servers = {
            i: virt_driver.Guest(i, i[-4:], service.PROJECT, 'u')
            for i in (ONE, TWO)
        }
        self.asked: list[frozenset[str] | None] = []
        self.broken = 0
        self.watcher: virt_driver.Watcher | None = None

    def guests(self, only=None):
        self.asked.append(None if only is None else frozenset(only))
        if self.broken:
            self.broken -= 1
            raise exception.HostUnavailable(ONE)
        return [
            guest
            for guest in self.servers.values()
            if only is None or guest.id in only
        ]

    def connect_info(self, server_id, console_type):
        if server_id not in self.servers:
            raise exception.InstanceNotFound(server_id)
        return types.ConnectInfo('127.0.0.1', 5900)

    def secret(self, server_id, console_type):
        return types.Secret(f'password of {server_id}')

    def watch(self, watcher: virt_driver.Watcher) -> None:
        self.watcher = watcher

    def close(self) -> None:
        pass

    def set(self, server_id: str, **values: object) -> None:
        self.servers[server_id] = dataclasses.replace(
            self.servers[server_id], **values
        )

    def tell(self, server_id: str | None, ended: bool = False) -> None:
        assert self.watcher is not None
        self.watcher(
            None if server_id is None else virt_driver.Change(server_id, ended)
        )


class ChangesTestCase(base.TestCase):
    """A service whose hypervisor a test changes."""

    def setUp(self) -> None:
        super().setUp()
        # No report by the clock can come within the test.
        self.service = self.useFixture(
            service.Service(Hypervisor, agent={'inventory_interval': 3600})
        )
        self.hypervisor = self.service.agent.driver
        self.wait_for_report()

    def wait_for(self, happened) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, 'it never came')
            time.sleep(0.01)

    def wait_for_report(self) -> None:
        self.wait_for(lambda: self.hypervisor.asked.count(None) >= 1)
        self.wait_for(lambda: self.state(ONE) == 'active')

    def state(self, server_id: str) -> str | None:
        answer = self.service.call(
            'GET', f'/v2.1/servers/{server_id}', token=service.ADMIN
        )
        if answer.status_int == 404:
            return None
        return str(answer.json['server']['OS-EXT-STS:vm_state'])

    def token(self, server_id: str) -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{server_id}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )
        url = answer.json['remote_console']['url']
        return urllib.parse.unquote(url).partition('token=')[2]

    def grant(self, token: str) -> types.ConsoleGrant:
        return self.service.conductor.broker.grant(
            context.service_context(),
            tokens.Token(token).digest(),
            session=True,
        )

    def is_good(self, token: str) -> bool:
        try:
            self.grant(token)
        except exception.TokenNotFound:
            return False
        return True


class ChangesTest(ChangesTestCase):
    def test_change_is_reported_at_once_and_alone(self) -> None:
        self.hypervisor.set(ONE, vm_state='paused')
        self.hypervisor.set(TWO, vm_state='paused')
        self.hypervisor.tell(ONE)
        self.wait_for(lambda: self.state(ONE) == 'paused')
        self.assertEqual('active', self.state(TWO))
        self.assertIn(frozenset([ONE]), self.hypervisor.asked)

    def test_server_that_left_is_forgotten_and_no_other(self) -> None:
        token, other = self.token(ONE), self.token(TWO)
        del self.hypervisor.servers[ONE]
        self.hypervisor.tell(ONE, ended=True)
        self.wait_for(lambda: self.state(ONE) is None)
        self.assertEqual('active', self.state(TWO))
        self.assertFalse(self.is_good(token))
        self.assertTrue(self.is_good(other))

    def test_new_server_is_there_at_once(self) -> None:
        new = ONE.replace('aaa1', 'bbb1')
        self.hypervisor.servers[new] = virt_driver.Guest(
            new, 'new', service.PROJECT, 'u'
        )
        self.hypervisor.tell(new)
        self.wait_for(lambda: self.state(new) == 'active')

    def test_end_of_a_run_revokes_though_the_next_one_runs(self) -> None:
        token, other = self.token(ONE), self.token(TWO)
        self.assertTrue(self.is_good(token))
        self.hypervisor.tell(ONE, ended=True)
        self.wait_for(lambda: not self.is_good(token))
        self.assertEqual('active', self.state(ONE))
        self.assertTrue(self.is_good(other))

    def test_change_alone_revokes_nothing(self) -> None:
        token = self.token(ONE)
        self.hypervisor.set(ONE, vm_state='paused')
        self.hypervisor.tell(ONE)
        self.wait_for(lambda: self.state(ONE) == 'paused')
        self.assertTrue(self.is_good(token))

    def test_missed_changes_lead_to_a_report_of_all(self) -> None:
        for each in (ONE, TWO):
            self.hypervisor.set(each, vm_state='paused')
        self.hypervisor.tell(None)
        self.wait_for(lambda: self.state(ONE) == 'paused')
        self.assertEqual('paused', self.state(TWO))

    def test_report_that_fails_is_made_up_for(self) -> None:
        token = self.token(ONE)
        self.hypervisor.broken = 1
        self.hypervisor.set(TWO, vm_state='paused')
        self.hypervisor.tell(ONE, ended=True)
        self.wait_for(lambda: not self.is_good(token))
        # Whatever else was missed came with it.
        self.wait_for(lambda: self.state(TWO) == 'paused')

    def test_password_comes_with_the_grant_and_is_not_shown(self) -> None:
        found = self.grant(self.token(ONE))
        assert found.secret is not None
        self.assertEqual(f'password of {ONE}', found.secret.reveal())
        self.assertNotIn('password', repr(found))

    def test_rest_api_never_has_the_password(self) -> None:
        answer = self.service.call(
            'GET',
            f'/v2.1/os-console-auth-tokens/{self.token(ONE)}',
            token=service.ADMIN,
            version='2.99',
        )
        self.assertEqual(200, answer.status_int)
        self.assertNotIn('password', answer.text)


class RecordTest(base.TestCase):
    """What a hostile agent may change of others' servers: nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service(Hypervisor))

    def test_changes_of_another_hosts_servers_have_no_effect(self) -> None:
        broker = self.service.conductor.broker
        recorder = self.service.conductor.recorder
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{ONE}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )
        url = urllib.parse.unquote(answer.json['remote_console']['url'])
        token = tokens.Token(url.partition('token=')[2])
        self.service.admit('elsewhere')
        key = hostkey.load(self.service.conf.agent.key_file)
        recorder.record_changes(
            'elsewhere',
            [],
            gone=[ONE],
            ended=[ONE],
            key_hash=hostkeys.digest('elsewhere', key.reveal()),
        )
        found = broker.grant(context.service_context(), token.digest())
        self.assertEqual(ONE, found.server_id)
        self.assertIsNone(found.secret)
