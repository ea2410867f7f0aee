# SPDX-License-Identifier: Apache-2.0
"""Each process on its own, on a real bus and a real database."""

from collections.abc import Callable
from typing import Any
from urllib import parse

from tests import base
from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import parts
from tests.fixtures import processes

VNC = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
SERVER = {'name': 'web', 'project_id': 'standalone', 'user_id': 'somebody'}


class ProcessesTestCase(base.TestCase):
    database = databases.MariaDB
    part = 'mariadb'
    wsgi = 'uwsgi'

    def setUp(self) -> None:
        super().setUp()
        wanted = ('rabbitmq', self.part)
        parts.require(self, *wanted)
        if self.wsgi == 'uwsgi':
            parts.require(self, 'uwsgi')
        self.service = self.useFixture(
            deployment.Deployment(
                self.useFixture(bus.RabbitMQ()).url,
                self.useFixture(self.database()).url,
                [SERVER],
                {'api': {'auth_strategy': 'noauth'}},
                self.wsgi,
            )
        )
        self.wait_for(lambda: self.get('/servers')['servers'])
        self.server = self.get('/servers')['servers'][0]['id']

    @staticmethod
    def wait_for(condition: Callable[[], object]) -> None:
        processes.wait_for(condition, 'it never happened')

    def get(self, path: str) -> Any:
        return deployment.call(self.service.url + path).json

    def create(self) -> deployment.Answer:
        return deployment.call(
            f'{self.service.url}/servers/{self.server}/remote-consoles',
            'POST',
            VNC,
            OpenStack_API_Version='compute 2.99',
        )

    def token(self) -> str:
        url = self.create().json['remote_console']['url']
        return parse.unquote(url).rpartition('token=')[2]

    def look_up(self, token: str) -> int:
        return deployment.call(
            f'{self.service.url}/os-console-auth-tokens/{token}',
            OpenStack_API_Version='compute 2.99',
        ).status


class MariaDBTest(ProcessesTestCase):
    def test_console_is_made_and_its_token_is_good(self) -> None:
        self.assertEqual(200, self.look_up(self.token()))

    def test_every_process_ends_cleanly_at_sigterm(self) -> None:
        for name in ('api', 'proxy', 'agent', 'conductor'):
            with self.subTest(name):
                self.assertEqual(0, getattr(self.service, name).stop())


class PostgreSQLTest(ProcessesTestCase):
    database = databases.PostgreSQL
    part = 'postgresql'
    wsgi = 'gunicorn'

    def test_console_is_made_and_its_token_is_good(self) -> None:
        self.assertEqual(200, self.look_up(self.token()))

    def test_gunicorn_ends_cleanly_at_sigterm(self) -> None:
        self.assertEqual(0, self.service.api.stop())
