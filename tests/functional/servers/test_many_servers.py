# SPDX-License-Identifier: Apache-2.0
"""A captured host does not fill the registry."""

import uuid

import fixtures

from console_api import exception
from console_api.db import agents as db_agents
from console_api.db import servers as db_servers
from console_api.servers import reports
from tests import base
from tests.fixtures import service

_MORE = 5


class ManyServersTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service())
        with self.service.database.reader() as connection:
            agent = db_agents.get(connection, 'here')
        assert agent is not None
        self.key_hash = agent.key_hash
        self.first = self.count()
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.servers.reports.MOST_SERVERS', self.first + _MORE
            )
        )

    def count(self) -> int:
        with self.service.database.reader() as connection:
            return db_servers.count_of_host(connection, 'here')

    def report(self, number: int, gone: list[str] | None = None) -> list[str]:
        servers = [
            reports.ReportedServer(
                id=str(uuid.uuid4()),
                name='x',
                project_id='p',
                user_id='u',
                vm_state='active',
                task_state=None,
                power_state=1,
                consoles='novnc',
                created_at=None,
            )
            for _ in range(number)
        ]
        self.service.conductor.recorder.record_changes(
            'here', servers, gone or [], [], self.key_hash
        )
        return [server.id for server in servers]

    def test_report_upon_report_comes_to_an_end(self) -> None:
        for _ in range(_MORE):
            self.report(1)
        self.assertRaises(exception.BadRequest, self.report, 1)
        self.assertEqual(self.first + _MORE, self.count())

    def test_one_report_with_too_many_is_refused_whole(self) -> None:
        self.assertRaises(exception.BadRequest, self.report, _MORE + 1)
        self.assertEqual(self.first, self.count())

    def test_servers_that_are_gone_make_room(self) -> None:
        made = self.report(_MORE)
        self.report(_MORE, made)
        self.assertEqual(self.first + _MORE, self.count())
