# SPDX-License-Identifier: Apache-2.0
"""No query reads a table from end to end or sorts what it finds."""

from collections.abc import Iterator
import datetime
import functools
from typing import Any
import uuid

from console_api.db import models
from console_api.db import servers
from console_api.db import tokens
from tests.functional.db import base

_TIME = datetime.datetime.fromisoformat('2026-01-01')
_NOW = 1_800_000_000
#: So many that a database prefers an index to reading all of them.
_ROWS = 4000


def _server(number: int) -> servers.ServerRecord:
    when = _TIME + datetime.timedelta(seconds=number)
    return servers.ServerRecord(
        id=str(uuid.UUID(int=number)),
        name=f'server-{number}',
        project_id=f'project-{number % 40}',
        user_id='u',
        host=f'host-{number % 200}',
        vm_state='active',
        task_state=None,
        power_state=1,
        consoles='novnc',
        created_at=when,
        updated_at=when,
    )


def _token(number: int) -> dict[str, Any]:
    return {
        'token_hash': f'{number:064x}',
        'server_id': str(uuid.UUID(int=number)),
        'console_type': 'novnc',
        'agent_host': 'agent',
        'host': '127.0.0.1',
        'port': 5900,
        'created_at': _NOW,
        'expires_at': _NOW + number,
    }


class PlansTest(base.DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        with self.database.writer() as connection:
            servers.add(connection, [_server(i) for i in range(_ROWS)])
            connection.execute(
                models.console_tokens.insert(),
                [_token(i) for i in range(_ROWS)],
            )

    def _queries(self) -> Iterator[tuple[str, str, Any]]:
        """What is asked, the index that answers, and how it is asked."""
        project = servers.ServerFilter(project_id='project-7')
        everybody = servers.ServerFilter()
        last = _server(2007)
        ids = [str(uuid.UUID(int=number)) for number in (7, 8)]
        key = self.backend.key('servers')
        yield 'server', key, lambda c: servers.get(c, ids[0])
        yield 'servers', key, lambda c: servers.get_many(c, ids)
        yield (
            'servers of a host',
            'ix_servers_host',
            lambda c: servers.of_host(c, 'host-7'),
        )
        for what, after in ('first page', None), ('next page', last):
            yield (
                f'{what} of a project',
                'ix_servers_project_id_created_at_id',
                functools.partial(
                    servers.page, wanted=project, after=after, limit=10
                ),
            )
            yield (
                f'{what} of everybody',
                'ix_servers_created_at_id',
                functools.partial(
                    servers.page, wanted=everybody, after=after, limit=10
                ),
            )
        yield (
            'token',
            self.backend.unique('console_tokens', 'token_hash'),
            lambda c: tokens.get(c, f'{7:064x}', _NOW),
        )
        yield (
            'tokens of servers',
            'ix_console_tokens_server_id',
            lambda c: tokens.revoke(c, ids),
        )
        yield (
            'expired tokens',
            'ix_console_tokens_expires_at',
            lambda c: tokens.purge(c, _NOW + 100, 10),
        )

    def test_every_query_has_an_index(self) -> None:
        for what, index, call in self._queries():
            with self.subTest(what=what):
                plan = self.plans(call)
                self.assertIn(index, plan)
                self.assertNotIn('WHOLE TABLE', plan)
                self.assertNotIn('SORTED', plan)
