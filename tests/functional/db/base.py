# SPDX-License-Identifier: Apache-2.0
"""A database with the schema of this release, of each kind in turn."""

from collections.abc import Callable
import json
import pathlib
from typing import Any
import unittest

import fixtures
import sqlalchemy as sa

from console_api.db import api
from console_api.db import migration
from tests import base
from tests.fixtures import databases
from tests.fixtures import parts


class SQLite:
    """How to make a database here and ask it for its plans."""

    #: In the plan of a page that begins where the last one ended.
    seeks = r'created_at[^=]*<'
    #: How a plan names the key that is a number.
    number = 'INTEGER PRIMARY KEY'
    #: The index for a task of few: SQLite knows no value's own share.
    tasks = 'ix_servers_vm_state_created_at_id'

    def url(self, test: base.TestCase) -> str:
        directory = test.useFixture(fixtures.TempDir()).path
        return f'sqlite:///{pathlib.Path(directory)}/console.sqlite'

    def key(self, table: str) -> str:
        """How a plan names the primary key."""
        return f'sqlite_autoindex_{table}_1'

    def unique(self, table: str, column: str) -> str:
        """How a plan names the index of a unique column."""
        return f'({column}=?)'

    def analyze(self, connection: sa.Connection) -> None:
        """Let the database count what the tables hold."""
        connection.exec_driver_sql('ANALYZE')

    def impatient(self, connection: sa.Connection) -> None:
        """Fail within seconds in this transaction instead of waiting."""

    def cut_others(self, connection: sa.Connection) -> None:
        """End every other connection; there is none to a file."""

    def plan(
        self, connection: sa.Connection, statement: str, values: Any
    ) -> str:
        """What the database would do, its words for the worst replaced.

        ``WHOLE TABLE`` is one that is read from end to end and ``SORTED``
        one whose rows no index has put in order.
        """
        rows = connection.exec_driver_sql(
            f'EXPLAIN QUERY PLAN {statement}', values
        )
        text = '\n'.join(str(row[-1]) for row in rows)
        text = text.replace('USE TEMP B-TREE', 'SORTED')
        return '\n'.join(
            line.replace('SCAN', 'WHOLE TABLE')
            if line.startswith('SCAN') and 'INDEX' not in line
            else line
            for line in text.splitlines()
        )


class MariaDB:
    """The same on the MariaDB or MySQL of this machine."""

    seeks = r'^range'
    number = 'PRIMARY'
    tasks = 'ix_servers_task_state'

    def url(self, test: base.TestCase) -> str:
        parts.require(test, 'mariadb')
        return test.useFixture(databases.MariaDB()).url

    def key(self, table: str) -> str:
        """How a plan names the primary key."""
        return 'PRIMARY'

    def unique(self, table: str, column: str) -> str:
        """How a plan names the index of a unique column."""
        return f'uq_{table}_{column}'

    def analyze(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            'ANALYZE TABLE servers, console_tokens, agents'
        )

    def impatient(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql('SET innodb_lock_wait_timeout = 2')

    def cut_others(self, connection: sa.Connection) -> None:
        """End every other connection to this database."""
        for other in connection.exec_driver_sql(
            'SELECT id FROM information_schema.processlist '
            'WHERE db = database() AND id != connection_id()'
        ).scalars():
            connection.exec_driver_sql(f'KILL {other}')

    def plan(
        self, connection: sa.Connection, statement: str, values: Any
    ) -> str:
        rows = connection.exec_driver_sql(f'EXPLAIN {statement}', values)
        lines = []
        for row in rows.mappings():
            line = f'{row["type"]} {row["key"]} {row["Extra"]}'
            if row['type'] == 'ALL':
                line += ' WHOLE TABLE'
            if 'filesort' in (row['Extra'] or ''):
                line += ' SORTED'
            lines.append(line)
        return '\n'.join(lines)


class PostgreSQL:
    """The same on the PostgreSQL of this machine."""

    seeks = r'"Index Cond": "[^"]*created_at'
    number = 'pk_console_tokens'
    tasks = 'ix_servers_task_state'

    def url(self, test: base.TestCase) -> str:
        parts.require(test, 'postgresql')
        return test.useFixture(databases.PostgreSQL()).url

    def key(self, table: str) -> str:
        """How a plan names the primary key."""
        return f'pk_{table}'

    def unique(self, table: str, column: str) -> str:
        """How a plan names the index of a unique column."""
        return f'uq_{table}_{column}'

    def analyze(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql('ANALYZE')

    def impatient(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")

    def cut_others(self, connection: sa.Connection) -> None:
        """End every other connection to this database."""
        connection.exec_driver_sql(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
            'WHERE datname = current_database() AND pid != pg_backend_pid()'
        )

    def plan(
        self, connection: sa.Connection, statement: str, values: Any
    ) -> str:
        found = connection.exec_driver_sql(
            f'EXPLAIN (FORMAT JSON) {statement}', values
        ).scalar_one()
        text = json.dumps(found)
        text = text.replace('"Seq Scan"', '"WHOLE TABLE"')
        return text.replace('"Sort"', '"SORTED"')


def only(
    *cases: type[unittest.TestCase],
) -> Callable[
    [unittest.TestLoader, unittest.TestSuite, str | None], unittest.TestSuite
]:
    """A module's ``load_tests`` that leaves out what the cases share."""

    def load_tests(
        loader: unittest.TestLoader,
        found: unittest.TestSuite,
        pattern: str | None,
    ) -> unittest.TestSuite:
        del found, pattern
        return unittest.TestSuite(
            loader.loadTestsFromTestCase(case) for case in cases
        )

    return load_tests


class DatabaseTestCase(base.TestCase):
    """Each test has a database of its own, of the kind of ``backend``."""

    backend: SQLite | MariaDB | PostgreSQL = SQLite()

    def setUp(self) -> None:
        super().setUp()
        api.register_opts(self.conf)
        self.config(group='database', connection=self.backend.url(self))
        self.database = api.Database(self.conf)
        self.addCleanup(self.database.close)
        migration.sync(self.database)

    def plans(self, call: Any) -> str:
        """How the database finds the rows for what ``call`` asks."""
        seen: list[tuple[str, Any]] = []

        def keep(_c: Any, _cur: Any, text: str, values: Any, *_r: Any) -> None:
            if text.lstrip().startswith(('SELECT', 'DELETE', 'UPDATE')):
                seen.append((text, values))

        engine = self.database.engine()
        with self.database.writer() as connection:
            self.backend.analyze(connection)
        with self.database.writer() as connection:
            connection.execute(sa.text('SELECT 1'))
            sa.event.listen(engine, 'before_cursor_execute', keep)
            try:
                call(connection)
            finally:
                sa.event.remove(engine, 'before_cursor_execute', keep)
        with self.database.reader() as connection:
            return '\n'.join(
                self.backend.plan(connection, text, values)
                for text, values in seen
            )
