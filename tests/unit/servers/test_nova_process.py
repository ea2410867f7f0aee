# SPDX-License-Identifier: Apache-2.0
"""Servers as the objects of a Nova have them."""

import dataclasses
import datetime
import logging

import fixtures
from oslo_config import cfg

from console_api import exception
from console_api.servers import directory
from console_api.servers import nova_process
from tests import base

SERVER = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'


@dataclasses.dataclass
class Instance:
    """Has what Nova's object of that name has; tests/integration has one."""

    display_name: str | None = 'web'
    project_id: str = 'a' * 32
    user_id: str = 'alice'
    host: str | None = 'here'
    vm_state: str | None = 'active'
    task_state: str | None = None
    power_state: int | None = 1
    created_at: datetime.datetime | None = datetime.datetime(
        2026, 11, 23, 18, tzinfo=datetime.UTC
    )
    updated_at: datetime.datetime | None = None
    unset: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name not in self.unset


class NovaProcessDirectoryTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.instances: dict[str, Instance] = {SERVER: Instance()}
        self.servers = nova_process.NovaProcessDirectory(
            cfg.CONF, self.instances.get
        )

    def test_facts_are_those_of_the_object(self) -> None:
        created = datetime.datetime.fromisoformat('2026-11-23T18:00:00')
        self.assertEqual(
            directory.Server(
                id=SERVER,
                name='web',
                project_id='a' * 32,
                user_id='alice',
                host='here',
                vm_state='active',
                task_state=None,
                power_state=1,
                consoles=(),
                created_at=created,
                # Nova has none before the first change.
                updated_at=created,
            ),
            self.servers.get(SERVER),
        )

    def test_server_that_is_still_to_be_built_has_no_host(self) -> None:
        self.instances[SERVER] = Instance(
            host=None,
            vm_state='building',
            task_state='scheduling',
            unset=('power_state', 'created_at', 'updated_at'),
        )
        server = self.servers.get(SERVER)
        self.assertIsNone(server.host)
        self.assertEqual(
            ('building', 'scheduling', 0),
            (server.vm_state, server.task_state, server.power_state),
        )

    def test_unknown_server_is_not_found(self) -> None:
        with self.assertRaises(exception.InstanceNotFound):
            self.servers.get('3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b12')

    def test_failing_nova_is_unavailable_and_logged(self) -> None:
        def fail(server_id: str) -> Instance:
            raise RuntimeError('the database is away')

        log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        servers = nova_process.NovaProcessDirectory(cfg.CONF, fail)
        with self.assertRaises(exception.ComputeAPIUnavailable):
            servers.get(SERVER)
        self.assertIn('the database is away', log.output)

    def test_answer_is_remembered(self) -> None:
        self.servers.get(SERVER)
        self.instances.clear()
        self.assertEqual(SERVER, self.servers.get(SERVER).id)

    def test_process_without_nova_is_refused(self) -> None:
        with self.assertRaises(exception.ConfigurationError) as caught:
            nova_process.NovaProcessDirectory(cfg.CONF)
        self.assertIn('nova-process', str(caught.exception))

    def test_list_is_left_to_nova(self) -> None:
        with self.assertRaises(exception.NotSupported):
            self.servers.list(directory.ServerQuery(limit=1))
