# SPDX-License-Identifier: Apache-2.0
"""No query reads a table from end to end or sorts what it finds."""

from collections.abc import Iterator
import dataclasses
import datetime
import functools
import re
from typing import Any
import uuid

from console_api.db import agents
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
        # Every second one belongs to a project that is as large as can be.
        project_id=f'project-{number % 40}' if number % 2 else 'large',
        user_id='u',
        host=f'host-{number % 200}',
        vm_state='error' if number % 500 == 7 else 'active',
        task_state='rebooting' if number % 500 == 7 else None,
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


def _agent(number: int) -> agents.AgentRecord:
    return agents.AgentRecord(
        host=f'host-{number}',
        instance=str(uuid.UUID(int=number)),
        release='1.0',
        rpc_version='1.0',
        addresses='192.0.2.1',
        servers=1,
        reported_at=_NOW,
        key_hash='a' * 64,
    )


_Queries = Iterator[tuple[str, str, Any]]


class PlansTest(base.DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        with self.database.writer() as connection:
            servers.add(connection, [_server(i) for i in range(_ROWS)])
            connection.execute(
                models.console_tokens.insert(),
                [_token(i) for i in range(_ROWS)],
            )
            connection.execute(
                models.agents.insert(),
                [dataclasses.asdict(_agent(i)) for i in range(_ROWS)],
            )

    # What is asked, the index that answers, and how it is asked.
    def _server_queries(self) -> _Queries:
        ids = [str(uuid.UUID(int=number)) for number in (7, 8)]
        key = self.backend.key('servers')
        yield 'server', key, lambda c: servers.get(c, ids[0])
        yield 'server and agent', key, lambda c: servers.find(c, ids[0])
        yield 'servers', key, lambda c: servers.get_many(c, ids)
        yield 'update', key, lambda c: servers.update(c, _server(7))
        yield 'remove', key, lambda c: servers.remove(c, ids)
        yield (
            'servers of a host',
            'ix_servers_host_created_at_id',
            lambda c: servers.of_host(c, 'host-7'),
        )

    def _page_queries(self, after: servers.ServerRecord | None) -> _Queries:
        for index, wanted in (
            ('servers', servers.ServerFilter(all_projects=True)),
            ('servers_project_id', servers.ServerFilter('project-7')),
            # It is half of all: where all are in order, it is too.
            ('', servers.ServerFilter('large')),
            (
                'servers_host',
                servers.ServerFilter(all_projects=True, host='host-7'),
            ),
            (
                'servers_vm_state',
                servers.ServerFilter(all_projects=True, vm_states=('error',)),
            ),
        ):
            yield (
                f'page of {wanted}',
                f'{index}_created_at_id',
                functools.partial(
                    servers.page, wanted=wanted, after=after, limit=3
                ),
            )

    def _token_queries(self) -> _Queries:
        ids = [str(uuid.UUID(int=number)) for number in (7, 8)]
        key = self.backend.number
        expiry = 'ix_console_tokens_expires_at'
        server = 'ix_console_tokens_server_id'
        yield (
            'token',
            self.backend.unique('console_tokens', 'token_hash'),
            lambda c: tokens.get(c, f'{7:064x}', _NOW),
        )
        yield (
            'token and agent',
            self.backend.unique('console_tokens', 'token_hash'),
            lambda c: tokens.find(c, f'{7:064x}', _NOW),
        )
        yield (
            'claim of a token',
            self.backend.unique('console_tokens', 'token_hash'),
            lambda c: tokens.claim(c, f'{7:064x}', f'{8:064x}', _NOW),
        )
        yield 'tokens of servers', server, lambda c: tokens.revoke(c, ids)
        yield 'expired', expiry, lambda c: tokens.purge(c, _NOW + 100, 10)
        yield 'valid', expiry, lambda c: tokens.valid(c, _NOW + 9, 10)
        yield 'one token', key, lambda c: tokens.revoke_one(c, 7)

    def _agent_queries(self) -> _Queries:
        key = self.backend.key('agents')
        yield 'agent', key, lambda c: agents.get(c, 'host-7')
        yield 'update', key, lambda c: agents.update(c, _agent(7))
        yield (
            'claim of a host',
            key,
            lambda c: agents.claim(c, _agent(7), _agent(7).instance),
        )
        yield 'key', key, lambda c: agents.rebind(c, _agent(7))
        yield 'refuse', key, lambda c: agents.refuse(c, 'host-7', 'p', _NOW)
        yield 'forget', key, lambda c: agents.remove(c, 'host-7')

    def _check(self, queries: _Queries) -> None:
        for what, index, call in queries:
            with self.subTest(what=what):
                plan = self.plans(call)
                self.assertIn(index, plan)
                self.assertNotIn('WHOLE TABLE', plan)
                self.assertNotIn('SORTED', plan)

    def test_servers_have_an_index(self) -> None:
        self._check(self._server_queries())

    def test_first_pages_have_an_index(self) -> None:
        self._check(self._page_queries(None))

    def test_tokens_have_an_index(self) -> None:
        self._check(self._token_queries())

    def test_agents_have_an_index(self) -> None:
        self._check(self._agent_queries())

    def test_next_page_begins_where_the_last_one_ended(self) -> None:
        for what, index, call in self._page_queries(_server(2007)):
            with self.subTest(what=what):
                plan = self.plans(call)
                self.assertIn(index, plan)
                self.assertNotIn('SORTED', plan)
                self.assertRegex(
                    plan, re.compile(self.backend.seeks, re.MULTILINE)
                )

    def test_few_rows_are_found_before_they_are_sorted(self) -> None:
        wanted = servers.ServerFilter(
            all_projects=True,
            vm_states=('active',),
            task_states=('rebooting', 'migrating'),
        )
        for index, call in (
            (
                self.backend.tasks,
                lambda c: servers.page(c, wanted, None, 10),
            ),
            (
                'ix_console_tokens_server_id',
                lambda c: tokens.valid_of(c, str(uuid.UUID(int=7)), _NOW, 10),
            ),
        ):
            plan = self.plans(call)
            self.assertIn(index, plan)
            self.assertNotIn('WHOLE TABLE', plan)
