# SPDX-License-Identifier: Apache-2.0
"""Each process on its own, on a real bus and a real database."""

from collections.abc import Callable
from concurrent import futures
import datetime
import signal
import socket
import time
from typing import Any
from urllib import parse

import sqlalchemy as sa

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
        self.database_url = self.useFixture(self.database()).url
        self.service = self.useFixture(
            deployment.Deployment(
                self.useFixture(bus.RabbitMQ()).url,
                self.database_url,
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


class UnderWayTestCase(ProcessesTestCase):
    """The database tells how far a request has come."""

    database = databases.PostgreSQL
    part = 'postgresql'
    #: What the server logs once it was asked to end.
    asked = ''

    def assert_answered_at_sigterm(
        self, meanwhile: Callable[[], object]
    ) -> None:
        """A request under way ends well, and then the API does.

        ``meanwhile`` is called in between.
        """
        self.assertEqual(200, self.create().status)
        self.service.agent.send(signal.SIGSTOP)
        self.addCleanup(self.service.agent.send, signal.SIGCONT)
        with futures.ThreadPoolExecutor(1) as pool:
            before = self._settled()
            answer = pool.submit(self.create)
            # The server was found, and the agent is asked next.
            self.wait_for(lambda: self._last_query() > before)
            self.service.api.send(signal.SIGTERM)
            self.wait_for(lambda: self.asked in self.service.api.output)
            meanwhile()
            self.assertFalse(answer.done())
            self.service.agent.send(signal.SIGCONT)
            self.assertEqual(200, answer.result().status)
        self.assertEqual(0, self.service.api.process.wait(processes.PATIENCE))

    def _settled(self) -> datetime.datetime:
        """The last query, once a report that was under way has ended."""
        found = None
        while (last := self._last_query()) != found:
            found = last
            time.sleep(0.5)
        return last

    def _last_query(self) -> datetime.datetime:
        """When anybody else last asked this database for something."""
        engine = sa.create_engine(self.database_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return connection.exec_driver_sql(
                'SELECT max(query_start) FROM '
                'pg_stat_activity WHERE datname = current_database() '
                'AND pid != pg_backend_pid()'
            ).scalar_one()


class PostgreSQLTest(UnderWayTestCase):
    wsgi = 'gunicorn'
    asked = 'Handling signal: term'

    def test_console_is_made_and_its_token_is_good(self) -> None:
        self.assertEqual(200, self.look_up(self.token()))

    def test_gunicorn_ends_cleanly_at_sigterm(self) -> None:
        self.assertEqual(0, self.service.api.stop())

    def test_gunicorn_answers_what_is_under_way_at_sigterm(self) -> None:
        # It would be cut off within this time.
        self.assert_answered_at_sigterm(lambda: time.sleep(1))


class UWSGITest(UnderWayTestCase):
    asked = 'graceful shutdown triggered'

    def test_it_answers_what_is_under_way_at_sigterm(self) -> None:
        self.assert_answered_at_sigterm(
            lambda: self.wait_for(lambda: not self.accepts())
        )

    def test_it_ends_cleanly_while_it_loads_the_application(self) -> None:
        self.assertEqual(0, self.service.api.stop())
        for _ in range(10):
            output = self.end_after_fork()
            # On a busy machine one of the two may have loaded it by then.
            if 'WSGI app 0' not in output:
                return
        self.fail(f'the signal came too late each time: {output}')

    def end_after_fork(self) -> str:
        """What it prints when it is ended as soon as its processes exist."""
        again = self.useFixture(
            processes.Process(
                parts.uwsgi() or '',
                *('--ini', str(self.service.folder / 'uwsgi.ini')),
                OS_CONSOLE_API_CONFIG_DIR=str(self.service.folder),
            )
        )
        again.wait_for(
            lambda: again.output.count('(post-fork)') == 2, 'no two processes'
        )
        self.assertEqual(0, again.stop())
        return again.output

    def test_it_replaces_each_process_at_sighup(self) -> None:
        before = set(self.service.api.children)
        self.service.api.send(signal.SIGHUP)

        def answers_still() -> bool:
            self.assertEqual(200, self.create().status)
            return 'chain reloading complete' in self.service.api.output

        self.service.api.wait_for(answers_still, 'no end of the reload')
        after = set(self.service.api.children)
        self.assertEqual(len(before), len(after - before))

    def accepts(self) -> bool:
        """Whether the API takes another connection."""
        address = ('127.0.0.1', self.service.api_port)
        try:
            socket.create_connection(address, processes.PATIENCE).close()
        except ConnectionRefusedError:
            return False
        return True
