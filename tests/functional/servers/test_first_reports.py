# SPDX-License-Identifier: Apache-2.0
"""Two conductors take the first report of one host at the same time."""

from collections.abc import Callable
from concurrent import futures
import dataclasses
import threading
from typing import Any
import uuid

import sqlalchemy as sa

from console_api.db import agents as db_agents
from console_api.db import servers as db_servers
from console_api.servers import agents
from console_api.servers import reports
from tests.functional.db import base
from tests.functional.db import test_servers

_PATIENCE = 60
_OTHER = str(uuid.UUID(int=1))
_AGENT = agents.ReportedAgent(
    instance=str(uuid.UUID(int=2)),
    release='1.0.0',
    rpc_version='1.2',
    addresses='10.0.0.1',
    servers=1,
    key_hash='a' * 64,
)


class _Cases(base.DatabaseTestCase):
    def _beside(
        self,
        table: str,
        first: Callable[[sa.Connection], None],
        second: Callable[[], None],
    ) -> None:
        """Commit ``first`` once ``second`` has read and is about to add."""
        adding = threading.Event()

        def watch(*arguments: Any) -> None:
            if arguments[2].startswith(f'INSERT INTO {table}'):
                adding.set()

        with futures.ThreadPoolExecutor() as pool:
            with self.database.writer() as connection:
                first(connection)
                sa.event.listen(
                    self.database.engine(), 'before_cursor_execute', watch
                )
                running = pool.submit(second)
                self.assertTrue(adding.wait(_PATIENCE))
            running.result(_PATIENCE)

    def test_second_report_of_an_agent_follows_the_first(self) -> None:
        values = {**dataclasses.asdict(_AGENT), 'instance': _OTHER}
        record = db_agents.AgentRecord('new', reported_at=7, **values)
        self._beside(
            'agents',
            lambda connection: db_agents.add(connection, record),
            lambda: agents.AgentRecorder(self.database, is_open=True).record(
                'new', _AGENT
            ),
        )
        with self.database.reader() as connection:
            (found,) = db_agents.every(connection)
        self.assertEqual(_AGENT.instance, found.instance)

    def test_server_is_registered_once(self) -> None:
        record = test_servers.record(1, host='new')
        server = reports.ReportedServer(
            id=record.id,
            name='later',
            project_id=record.project_id,
            user_id=record.user_id,
            vm_state='active',
            task_state=None,
            power_state=1,
            consoles='novnc',
            created_at=None,
        )
        self._beside(
            'servers',
            lambda connection: db_servers.add(connection, [record]),
            lambda: reports.ReportRecorder(self.database).place(
                'new', [server]
            ),
        )
        with self.database.reader() as connection:
            (found,) = db_servers.of_host(connection, 'new')
        self.assertEqual('later', found.name)


class MariaDBTest(_Cases):
    backend = base.MariaDB()


class PostgreSQLTest(_Cases):
    backend = base.PostgreSQL()


load_tests = base.only(MariaDBTest, PostgreSQLTest)
