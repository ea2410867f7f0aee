# SPDX-License-Identifier: Apache-2.0
"""A database that is frozen, slow or locked, and its connections open."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import math
import time
from typing import Any
from typing import ClassVar
import unittest

import sqlalchemy as sa

from console_api import exception
from console_api.db import api
from console_api.db import limits
from console_api.db import migration
from console_api.db import servers
from tests import base as tests_base
from tests.fixtures import private
from tests.functional.db import base
from tests.functional.db import test_servers

#: The time of a transaction here, and what a busy machine may add to it.
_SECONDS = 2
_GRACE = 3


class _Cases(tests_base.TestCase):
    """What is true of each kind of server."""

    #: Takes longer than a transaction may.
    slow = ''

    server: ClassVar[private.MariaDB | private.PostgreSQL]

    @classmethod
    def serve(cls, problem: str | None) -> None:
        """Run the server for all tests, unless there is a problem."""
        if problem is not None:
            raise unittest.SkipTest(problem)
        cls.server.setUp()
        cls.addClassCleanup(cls.server.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.server.thaw)
        api.register_opts(self.conf)
        self.config(database_timeout=_SECONDS)
        self.config(group='database', connection=self.server.url)
        self.database = self.open()

    def open(self, seconds: float | None = None) -> api.Database:
        database = api.Database(self.conf, seconds)
        self.addCleanup(database.close)
        return database

    def ask(self, question: str) -> Any:
        with self.database.reader() as connection:
            return connection.exec_driver_sql(question).scalar_one()

    def ends(self, call: Callable[[], object]) -> None:
        """The call ends in time, with the error that becomes a 503."""
        start = time.monotonic()
        self.assertRaises(exception.DatabaseUnavailable, call)
        self.assertLess(time.monotonic() - start, _SECONDS + _GRACE)

    def works(self) -> None:
        for number in range(3):
            self.assertEqual(number, self.ask(f'SELECT {number}'))

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        self.server.freeze()
        try:
            yield
        finally:
            self.server.thaw()

    def test_pooled_connection(self) -> None:
        self.ask('SELECT 1')
        with self.frozen():
            self.ends(lambda: self.ask("SELECT 'lost'"))
        self.works()

    def test_new_connection(self) -> None:
        self.ask('SELECT 1')
        self.database.close()
        with self.frozen():
            self.ends(lambda: self.ask("SELECT 'lost'"))
        self.works()

    def test_first_connection(self) -> None:
        with self.frozen():
            self.ends(lambda: self.ask("SELECT 'lost'"))
        self.works()

    def test_answer_that_comes_late_is_nobodys(self) -> None:
        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql('SELECT 1')
            self.server.freeze()
            connection.exec_driver_sql("SELECT 'lost'")

        self.ends(lambda: self.database.write(work))
        self.server.thaw()
        self.works()

    def test_commit(self) -> None:
        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql('SELECT 1')
            self.server.freeze()

        self.ends(lambda: self.database.write(work))
        self.server.thaw()
        self.works()

    def test_slow_statement(self) -> None:
        self.ends(lambda: self.ask(self.slow))
        self.works()

    def test_connection_that_is_cut_as_its_work_ends_is_not_kept(self) -> None:
        # The server gives a statement up in the moment of the guard.
        def cut(*_event: object) -> None:
            self.database._limits._guard._cut(math.inf)

        engine = self.database.engine()
        sa.event.listen(engine, 'checkin', cut, insert=True)
        self.assertEqual(1, self.ask('SELECT 1'))
        sa.event.remove(engine, 'checkin', cut)
        self.works()

    def test_server_gives_up_a_slow_statement(self) -> None:
        """Or it would go on with what nobody waits for."""
        self.config(database_timeout=60)
        database = self.open(_SECONDS)
        with database.engine().connect() as connection:
            self.assertRaises(
                sa.exc.OperationalError, connection.exec_driver_sql, self.slow
            )

    def test_slow_statement_of_a_migration(self) -> None:
        database = self.open(limits.UNLIMITED)
        with database.engine().connect() as connection:
            connection.exec_driver_sql(self.slow)
        with database.reader() as connection:
            connection.exec_driver_sql(self.slow)

    def test_lock_of_another(self) -> None:
        migration.sync(self.database)
        with self.database.writer() as connection:
            servers.add(connection, [test_servers.record(1)])
        engine = sa.create_engine(self.server.url, poolclass=sa.pool.NullPool)
        with engine.begin() as other:
            other.exec_driver_sql("UPDATE servers SET name = 'mine'")
            self.ends(lambda: self.database.write(self._rename))
        self.database.write(self._rename)

    def _rename(self, connection: sa.Connection) -> None:
        servers.update(connection, test_servers.record(1, name='renamed'))


class MariaDBTest(_Cases):
    slow = f'SELECT SLEEP({_SECONDS + 1})'

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = private.MariaDB()
        cls.serve(private.problem())

    def test_server_gives_up_a_lock(self) -> None:
        """Or it would keep the locks that the transaction has already."""
        self.assertEqual(1, self.ask('SELECT @@innodb_lock_wait_timeout'))

    def test_operator_has_the_last_word(self) -> None:
        self.config(
            group='database',
            connection=f'{self.server.url}?read_timeout=77&connect_timeout=7',
            connection_parameters='init_command='
            'SET SESSION innodb_lock_wait_timeout = 9',
        )
        self.database = self.open()
        self.assertEqual(9, self.ask('SELECT @@innodb_lock_wait_timeout'))
        self.assertEqual(2, self.ask('SELECT @@max_statement_time'))
        with self.database.reader() as connection:
            raw = connection.connection.dbapi_connection
        self.assertEqual(77, raw._read_timeout)  # type: ignore[union-attr]
        self.assertEqual(7, raw.connect_timeout)  # type: ignore[union-attr]


class PostgreSQLTest(_Cases):
    slow = f"SELECT 'x' FROM pg_sleep({_SECONDS + 1})"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = private.PostgreSQL()
        cls.serve(private.postgresql_problem())

    def test_server_gives_up_a_lock(self) -> None:
        """Or it would keep the locks that the transaction has already."""
        self.assertEqual('1s', self.ask('SHOW lock_timeout'))

    def test_operator_has_the_last_word(self) -> None:
        self.config(
            group='database',
            connection=f'{self.server.url}?connect_timeout=7',
            connection_parameters='options=-c statement_timeout=77000',
        )
        self.database = self.open()
        self.assertEqual('77s', self.ask('SHOW statement_timeout'))
        self.assertEqual('1s', self.ask('SHOW lock_timeout'))
        with self.database.reader() as connection:
            raw = connection.connection.dbapi_connection
        given = raw.get_dsn_parameters()  # type: ignore[union-attr]
        self.assertEqual('7', given['connect_timeout'])


class SQLiteTest(base.DatabaseTestCase):
    def test_lock_of_another(self) -> None:
        self.config(database_timeout=_SECONDS)
        impatient = api.Database(self.conf)
        self.addCleanup(impatient.close)
        with self.database.writer():
            start = time.monotonic()
            self.assertRaises(
                exception.DatabaseUnavailable,
                impatient.write,
                lambda _connection: None,
            )
        self.assertLess(time.monotonic() - start, _SECONDS + _GRACE)
        impatient.write(lambda _connection: None)

    def test_operator_has_the_last_word(self) -> None:
        self.config(database_timeout=_SECONDS)
        url = f'{self.conf.database.connection}?timeout=77'
        self.config(group='database', connection=url)
        database = api.Database(self.conf)
        self.addCleanup(database.close)
        with database.reader() as connection:
            found = connection.exec_driver_sql('PRAGMA busy_timeout')
            self.assertEqual(77_000, found.scalar_one())


load_tests = base.only(MariaDBTest, PostgreSQLTest, SQLiteTest)
