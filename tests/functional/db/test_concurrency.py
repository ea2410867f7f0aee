# SPDX-License-Identifier: Apache-2.0
"""Several transactions at once, where the database lets them be."""

from collections.abc import Iterator
import contextlib
import dataclasses
import threading
import time

import fixtures
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from console_api import exception
from console_api.db import api
from console_api.db import limits
from console_api.db import models
from console_api.db import names
from console_api.db import servers
from console_api.db import tokens
from tests.functional.db import base
from tests.functional.db import test_servers
from tests.functional.db import test_tokens

_NOW = test_tokens.NOW
_PATIENCE = 60


def _name(dialect: type[sa.Dialect]) -> str:
    return f'{dialect.__module__}.{dialect.__name__}.do_ping'


class _Cases(base.DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        with self.database.writer() as connection:
            # So many that a database does not look at each of them.
            connection.execute(
                models.console_tokens.insert(),
                [
                    dataclasses.asdict(self._token(number, _NOW - 100))
                    for number in range(1000, 2000)
                ],
            )
            servers.add(connection, [test_servers.record(i) for i in range(4)])

    def _token(self, number: int, expires_at: int) -> tokens.TokenRecord:
        return dataclasses.replace(
            test_tokens.record(),
            token_hash=f'{number:064}',
            server_id=f'server-{number}',
            expires_at=expires_at,
        )

    @contextlib.contextmanager
    def _quick(self) -> Iterator[sa.Connection]:
        """A transaction that fails where it would have to wait."""
        with self.database.writer() as connection:
            self.backend.impatient(connection)
            yield connection

    def test_tokens_are_added_and_revoked_beside_a_purge(self) -> None:
        with self._quick() as purging:
            self.assertEqual(10, tokens.purge(purging, _NOW, 10))
            with self._quick() as other:
                tokens.add(other, self._token(100, _NOW + 600))
                tokens.add(other, self._token(101, _NOW - 50))
                self.assertEqual(1, tokens.revoke(other, ['server-1999']))
            with self.database.reader() as reading:
                found = tokens.get(reading, f'{100:064}', _NOW)
        self.assertIsNotNone(found)

    def test_two_purges_share_the_work(self) -> None:
        with self._quick() as first:
            self.assertEqual(1000, tokens.purge(first, _NOW, 2000))
            with self._quick() as second:
                self.assertEqual(0, tokens.purge(second, _NOW, 2000))

    def test_a_transaction_that_was_given_up_is_repeated(self) -> None:
        met = threading.Barrier(2, timeout=_PATIENCE)
        runs: list[str] = []

        def cross(one: int, other: int) -> None:
            def work(connection: sa.Connection) -> None:
                runs.append('run')
                self._rename(connection, one)
                # Only the first time: the second run is alone.
                with contextlib.suppress(threading.BrokenBarrierError):
                    met.wait()
                met.abort()
                self._rename(connection, other)

            self.database.write(work)

        threads = [
            threading.Thread(target=cross, args=pair)
            for pair in ((1, 2), (2, 1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        self.assertEqual(3, len(runs))
        with self.database.reader() as connection:
            found = servers.of_host(connection, 'here')
        names = sorted(server.name for server in found)
        self.assertEqual(['renamed', 'renamed'], names[:2])

    def _rename(self, connection: sa.Connection, number: int) -> None:
        servers.update(connection, test_servers.record(number, name='renamed'))

    def _use_two(self, database: api.Database) -> None:
        with database.reader() as one, database.reader() as two:
            for connection in (one, two):
                self.assertEqual(4, len(servers.of_host(connection, 'here')))

    def test_lost_connections_are_replaced(self) -> None:
        self._use_two(self.database)
        with self.database.writer() as connection:
            self.backend.cut_others(connection)
        time.sleep(limits.FRESH)
        self._use_two(self.database)

    def test_connections_are_asked_for_a_sign_when_they_were_idle(
        self,
    ) -> None:
        asked: list[object] = []
        dialect = type(self.database.engine().dialect)
        ask = dialect.do_ping

        def counted(kind: sa.Dialect, connection: DBAPIConnection) -> bool:
            asked.append(connection)
            return ask(kind, connection)

        self.useFixture(fixtures.MonkeyPatch(_name(dialect), counted))
        database = api.Database(self.conf)
        self.addCleanup(database.close)
        for _ in range(5):
            self._use_two(database)
        self.assertEqual([], asked)
        time.sleep(limits.FRESH)
        self._use_two(database)
        self.assertEqual(2, len(asked))

    def test_connection_lost_in_a_transaction_is_an_outage(self) -> None:
        def lose(connection: sa.Connection) -> None:
            tokens.add(connection, self._token(100, _NOW + 600))
            with self.database.writer() as other:
                self.backend.cut_others(other)
            tokens.add(connection, self._token(101, _NOW + 600))

        self.assertRaises(
            exception.DatabaseUnavailable, self.database.write, lose
        )
        with self.database.reader() as connection:
            found = tokens.get(connection, f'{100:064}', _NOW)
        self.assertIsNone(found)

    def test_names_are_equal_only_in_every_character(self) -> None:
        hosts = ('Here', 'hére')
        with self.database.writer() as connection:
            for host in hosts:
                self.assertEqual([], servers.of_host(connection, host))
            wanted = servers.ServerFilter(project_id='P')
            self.assertEqual([], servers.page(connection, wanted, None, 10))

    def test_names_of_every_script_and_length(self) -> None:
        long = '😀' * 255
        host = 'h' * 255
        record = test_servers.record(
            77, name=long, host=host, project_id='p' * 255
        )
        with self.database.writer() as connection:
            servers.add(connection, [record])
        with self.database.reader() as connection:
            self.assertEqual([record], servers.of_host(connection, host))
            wanted = servers.ServerFilter(all_projects=True, name='😀')
            found = servers.page(connection, wanted, None, 10)
        self.assertEqual([record], found)

    def test_pattern_that_only_python_understands_is_refused(self) -> None:
        wanted = servers.ServerFilter(all_projects=True, name='(?P<')
        with self.database.reader() as connection:
            self.assertRaises(
                names.PatternError,
                servers.page,
                connection,
                wanted,
                None,
                10,
            )


class MariaDBTest(_Cases):
    backend = base.MariaDB()


class PostgreSQLTest(_Cases):
    backend = base.PostgreSQL()


load_tests = base.only(MariaDBTest, PostgreSQLTest)
