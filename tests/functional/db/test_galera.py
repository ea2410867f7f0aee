# SPDX-License-Identifier: Apache-2.0
"""What one node of a Galera cluster stores is true at the others at once."""

from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
from typing import ClassVar
import unittest

import pymysql.connections

from console_api.db import api
from console_api.db import migration
from console_api.db import tokens
from tests import base
from tests.fixtures import galera
from tests.fixtures import processes
from tests.functional.db import test_tokens


class GaleraTest(base.TestCase):
    cluster: ClassVar[galera.Cluster]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        problem = galera.problem()
        if problem is not None:
            raise unittest.SkipTest(problem)
        cls.cluster = galera.Cluster(2)
        cls.cluster.setUp()
        cls.addClassCleanup(cls.cluster.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        api.register_opts(self.conf)
        self.here = self.open(0)
        migration.sync(self.here)
        self.here.write(lambda c: tokens.revoke(c, ['server-1']))
        self.there = self.open(1)

    def open(self, number: int) -> api.Database:
        self.config(
            group='database', connection=self.cluster.nodes[number].url
        )
        database = api.Database(self.conf)
        self.addCleanup(database.close)
        return database

    def operator(self) -> pymysql.connections.Connection:
        """Who looks after the second node."""
        connection = pymysql.connect(
            host='127.0.0.1', port=self.cluster.nodes[1].port, user='root'
        )
        self.addCleanup(connection.close)
        return connection

    @contextlib.contextmanager
    def behind(self) -> Iterator[None]:
        """The second node takes what the first one stores, but not in."""
        with self.operator().cursor() as cursor:
            cursor.execute('FLUSH TABLES WITH READ LOCK')
            try:
                yield
            finally:
                cursor.execute('UNLOCK TABLES')

    def after_a_create(
        self, act: Callable[[api.Connection], object]
    ) -> object:
        """What this does at the second node, just after a create."""
        # Both have their connections.
        for database in (self.here, self.there):
            with database.reader() as connection:
                tokens.get(connection, 'b' * 64, test_tokens.NOW)
        with futures.ThreadPoolExecutor(1) as pool:
            with self.behind():
                self.here.write(lambda c: tokens.add(c, test_tokens.record()))
                done = pool.submit(self.there.write, act)
                processes.wait_for(
                    lambda: done.done() or self.is_asked(), 'no statement'
                )
            return done.result(processes.PATIENCE)

    def is_asked(self) -> bool:
        """Whether a statement about tokens is under way there."""
        with self.operator().cursor() as cursor:
            cursor.execute(
                'SELECT COUNT(*) FROM information_schema.processlist'
                " WHERE info LIKE '%console\\_tokens%'"
                ' AND id != CONNECTION_ID()'
            )
            return bool(cursor.fetchone()[0])

    def test_new_token_is_found(self) -> None:
        found = self.after_a_create(
            lambda c: tokens.get(c, 'a' * 64, test_tokens.NOW)
        )
        self.assertEqual(test_tokens.record(), found)

    def test_new_token_is_used(self) -> None:
        self.assertTrue(
            self.after_a_create(
                lambda c: tokens.claim(c, 'a' * 64, None, test_tokens.NOW)
            )
        )

    def test_new_token_is_revoked(self) -> None:
        self.assertEqual(
            1, self.after_a_create(lambda c: tokens.revoke(c, ['server-1']))
        )

    def test_what_the_operator_has_set_stays(self) -> None:
        self.config(group='database', mysql_wsrep_sync_wait=7)
        with self.open(0).reader() as connection:
            value = connection.exec_driver_sql(
                'SELECT @@SESSION.wsrep_sync_wait'
            )
            self.assertEqual(7, value.scalar_one())
