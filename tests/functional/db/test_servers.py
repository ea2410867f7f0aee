# SPDX-License-Identifier: Apache-2.0
import dataclasses
import datetime

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api.db import agents
from console_api.db import servers
from tests.functional.db import base

_TIME = datetime.datetime.fromisoformat('2026-01-01')


def record(number: int = 1, **changed: object) -> servers.ServerRecord:
    """A server of the host ``here``."""
    made = servers.ServerRecord(
        id=f'00000000-0000-4000-8000-{number:012}',
        name=f'server-{number}',
        project_id='p',
        user_id='u',
        host='here',
        vm_state='active',
        task_state=None,
        power_state=1,
        consoles='novnc,serial',
        created_at=_TIME,
        updated_at=_TIME,
    )
    return dataclasses.replace(made, **changed)


def agent(host: str, addresses: str) -> agents.AgentRecord:
    return agents.AgentRecord(
        host, 'i', '1', '1.0', addresses, 0, 0, key_hash='0' * 64
    )


class _ServersTestCase(base.DatabaseTestCase):
    def add(self, *records: servers.ServerRecord) -> None:
        with self.database.writer() as connection:
            servers.add(connection, records)


class ServersTest(_ServersTestCase):
    def test_what_was_added_comes_back(self) -> None:
        server = record(name='☃ ' * 100, task_state='rebooting')
        self.add(server)
        with self.database.reader() as connection:
            self.assertEqual(server, servers.get(connection, server.id))

    def test_unknown_server(self) -> None:
        with self.database.reader() as connection:
            self.assertIsNone(servers.get(connection, 'x'))

    def test_agent_of_the_host_is_found_with_the_server(self) -> None:
        with self.database.writer() as connection:
            servers.add(connection, [record(1), record(2, host=None)])
            self.assertEqual(
                (record(1), None), servers.find(connection, record(1).id)
            )
            agents.add(connection, agent(record(1).host, '10.0.0.1,::1'))
            agents.add(connection, agent('other', '10.0.0.2'))
            self.assertEqual(
                (record(1), '10.0.0.1,::1'),
                servers.find(connection, record(1).id),
            )
            self.assertEqual(
                (record(2, host=None), None),
                servers.find(connection, record(2).id),
            )
            self.assertIsNone(servers.find(connection, 'x'))

    def test_server_is_registered_once(self) -> None:
        self.add(record())
        self.assertRaises(
            db_exception.RetryRequest, self.add, record(host='there')
        )

    def test_nothing_to_add(self) -> None:
        self.add()

    def test_update_changes_all_but_the_birthday(self) -> None:
        self.add(record())
        later = _TIME + datetime.timedelta(hours=1)
        changed = record(
            name='new', host=None, vm_state='stopped', updated_at=later
        )
        with self.database.writer() as connection:
            servers.update(
                connection, dataclasses.replace(changed, created_at=later)
            )
            self.assertEqual(changed, servers.get(connection, changed.id))

    def test_many_are_changed_in_a_few_statements(self) -> None:
        before = [record(number) for number in range(100)]
        after = [
            dataclasses.replace(one, name=f'new-{place}', vm_state='stopped')
            for place, one in enumerate(before[:99])
        ]
        self.add(*before)
        seen: list[str] = []
        with self.database.writer() as connection:
            connection.execute(sa.text('SELECT 1'))
            sa.event.listen(
                connection,
                'before_cursor_execute',
                lambda _c, _cur, text, *_: seen.append(text),
            )
            servers.change(connection, after)
        self.assertLessEqual(len(seen), 2, seen)
        with self.database.reader() as connection:
            found = servers.of_host(connection, 'here')
        self.assertEqual(
            [*after, before[99]], sorted(found, key=lambda one: one.id)
        )

    def test_one_is_changed(self) -> None:
        self.add(record(1), record(2))
        changed = record(1, name='new')
        with self.database.writer() as connection:
            servers.change(connection, [changed])
            self.assertEqual(changed, servers.get(connection, changed.id))
            self.assertEqual(record(2), servers.get(connection, record(2).id))

    def test_nothing_to_change(self) -> None:
        self.add(record())
        with self.database.writer() as connection:
            servers.change(connection, [])
            self.assertIsNotNone(servers.get(connection, record().id))

    def test_removed_servers_are_gone(self) -> None:
        self.add(record(1), record(2), record(3))
        with self.database.writer() as connection:
            servers.remove(connection, [record(1).id, record(3).id])
            left = servers.of_host(connection, 'here')
        self.assertEqual([record(2)], left)

    def test_servers_of_a_host(self) -> None:
        self.add(record(1), record(2, host='there'), record(3, host=None))
        with self.database.reader() as connection:
            self.assertEqual([record(1)], servers.of_host(connection, 'here'))

    def test_servers_of_no_host(self) -> None:
        self.add(record(1), record(3, host=None))
        with self.database.reader() as connection:
            found = servers.of_host(connection, None)
        self.assertEqual([record(3, host=None)], found)

    def test_more_servers_than_a_statement_takes(self) -> None:
        self.add(*(record(i) for i in range(1200)))
        ids = [record(i).id for i in range(40_000)]
        with self.database.writer() as connection:
            self.assertEqual(1200, len(servers.get_many(connection, ids)))
            servers.remove(connection, ids)
            self.assertEqual([], servers.of_host(connection, 'here'))


class PageTest(_ServersTestCase):
    def page(
        self,
        after: servers.ServerRecord | None = None,
        limit: int = 100,
        **wanted: object,
    ) -> list[str]:
        wanted.setdefault('all_projects', 'project_id' not in wanted)
        with self.database.reader() as connection:
            found = servers.page(
                connection, servers.ServerFilter(**wanted), after, limit
            )
        return [server.name for server in found]

    def test_newest_first(self) -> None:
        later = _TIME + datetime.timedelta(seconds=1)
        self.add(record(1), record(2, created_at=later), record(3))
        self.assertEqual(['server-2', 'server-3', 'server-1'], self.page())

    def test_pages_hold_each_server_once(self) -> None:
        hour = datetime.timedelta(hours=1)
        records = [
            record(i, created_at=_TIME + i // 3 * hour) for i in range(10)
        ]
        self.add(*records)
        by_name = {server.name: server for server in records}
        seen: list[str] = []
        after = None
        while names := self.page(after, limit=4):
            seen.extend(names)
            after = by_name[names[-1]]
        self.assertEqual([f'server-{i}' for i in range(10)], sorted(seen))
        self.assertEqual(10, len(seen))

    def test_project(self) -> None:
        self.add(record(1), record(2, project_id='q'))
        self.assertEqual(['server-2'], self.page(project_id='q'))

    def test_missing_project_has_no_servers(self) -> None:
        self.add(record(1), record(2, project_id=''))
        for missing in (None, ''):
            self.assertEqual([], self.page(project_id=missing))
        with self.database.reader() as connection:
            found = servers.page(connection, servers.ServerFilter(), None, 9)
        self.assertEqual([], found)

    def test_every_project(self) -> None:
        self.add(record(1), record(2, project_id='q'))
        self.assertEqual(
            ['server-2', 'server-1'], self.page(all_projects=True)
        )

    def test_host(self) -> None:
        self.add(record(1), record(2, host='there'))
        self.assertEqual(['server-2'], self.page(host='there'))

    def test_states(self) -> None:
        self.add(
            record(1),
            record(2, vm_state='stopped'),
            record(3, task_state='rebooting'),
        )
        self.assertEqual(['server-2'], self.page(vm_states=('stopped',)))
        self.assertEqual(['server-3'], self.page(task_states=('rebooting',)))
        self.assertEqual([], self.page(vm_states=()))

    def test_part_of_a_name(self) -> None:
        self.add(record(1, name='web_1'), record(2, name='webx1'))
        self.assertEqual(['web_1'], self.page(name='web_'))

    def test_expression(self) -> None:
        self.add(record(1, name='web1'), record(2, name='db1'))
        self.assertEqual(['db1'], self.page(name='^(db|x)'))

    def test_expression_that_like_says(self) -> None:
        self.add(record(1, name='web1'), record(2, name='my web1'))
        self.assertEqual(['web1'], self.page(name='^web'))
        self.assertEqual(['my web1'], self.page(name='^my.*1$'))
        self.assertEqual(['web1'], self.page(name='^web1$'))

    def test_case_counts_alike_in_all_expressions(self) -> None:
        self.add(record(1, name='web1'))
        self.assertEqual(self.page(name='WEB'), self.page(name='^WEB[1]'))

    def test_expression_keeps_to_project_and_order(self) -> None:
        second = datetime.timedelta(seconds=1)
        self.add(
            *(record(i, created_at=_TIME + second * i) for i in range(1, 5)),
            record(9, project_id='q'),
        )
        found = self.page(project_id='p', name='r-[1-49]')
        self.assertEqual([f'server-{i}' for i in (4, 3, 2, 1)], found)
        self.assertEqual([], self.page(project_id=None, name='r-[1-49]'))

    def test_expression_is_searched_for_in_all_names(self) -> None:
        self.useFixture(fixtures.MonkeyPatch(f'{servers.__name__}._BATCH', 3))
        records = [record(i) for i in range(1, 11)]
        self.add(*records)
        self.assertEqual(['server-1'], self.page(name='r-1$|none', limit=2))
        self.assertEqual(10, len(self.page(name='server-[0-9]+')))
        first = self.page(name='server-[0-9]+', limit=4)
        after = next(one for one in records if one.name == first[-1])
        rest = self.page(after, name='server-[0-9]+')
        self.assertEqual(10, len({*first, *rest}))
        self.assertEqual(6, len(rest))

    def test_hostile_expression_ends(self) -> None:
        self.add(*(record(i, name='a' * 254 + '!') for i in range(100)))
        for expression in ('(a+)+$', '(a|a)*$', '(.*a){20}x'):
            self.assertEqual([], self.page(name=f'^{expression}x'))

    def test_name_of_another_script(self) -> None:
        self.add(record(1, name='сервер'))
        self.assertEqual(['сервер'], self.page(name='рвер'))
