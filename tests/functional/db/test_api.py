# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import threading

import fixtures
import sqlalchemy as sa

from tests.functional.db import base


class TransactionTest(base.DatabaseTestCase):
    def _insert(self, connection: sa.Connection, name: str = 'x') -> None:
        connection.exec_driver_sql(
            'INSERT INTO console_tokens (token_hash, server_id, console_type,'
            ' agent_host, host, port, created_at, expires_at)'
            f" VALUES ('{name}', 's', 'novnc', 'a', 'h', 1, 1, 1)"
        )

    def _count(self) -> int:
        with self.database.reader() as connection:
            return connection.exec_driver_sql(
                'SELECT count(*) FROM console_tokens'
            ).scalar_one()

    def test_what_is_written_stays(self) -> None:
        with self.database.writer() as connection:
            self._insert(connection)
        self.assertEqual(1, self._count())

    def test_what_fails_leaves_nothing(self) -> None:
        def fail() -> None:
            with self.database.writer() as connection:
                self._insert(connection)
                raise RuntimeError

        self.assertRaises(RuntimeError, fail)
        self.assertEqual(0, self._count())

    def test_transaction_is_ended_once(self) -> None:
        ends: list[str] = []

        def count(name: str) -> None:
            dialect = type(self.database.engine().dialect)
            end = getattr(dialect, name)

            def counted(dialect: object, connection: object) -> None:
                ends.append(name)
                end(dialect, connection)

            self.useFixture(
                fixtures.MonkeyPatch(
                    f'{dialect.__module__}.{dialect.__name__}.{name}', counted
                )
            )

        count('do_commit')
        count('do_rollback')
        with self.database.writer() as connection:
            connection.execute(sa.text('SELECT 1'))
        self.assertEqual(['do_commit'], ends)
        with self.database.reader() as connection:
            connection.execute(sa.text('SELECT 1'))
        self.assertEqual(['do_commit', 'do_rollback'], ends)

    def test_reader_writes_nothing(self) -> None:
        with self.database.reader() as connection:
            self._insert(connection)
        self.assertEqual(0, self._count())

    def test_file_is_not_opened_for_each_transaction(self) -> None:
        opened = []
        engine = self.database.engine()
        sa.event.listen(engine, 'connect', lambda *_: opened.append(1))
        for _ in range(5):
            self._count()
            with self.database.writer() as connection:
                self._insert(connection, str(len(opened)) + str(_))
        self.assertLessEqual(len(opened), 1)

    def test_each_request_at_work_keeps_a_connection(self) -> None:
        opened = []
        for _ in range(2):
            with contextlib.ExitStack() as stack:
                for _ in range(self.conf.api.max_requests):
                    reader = stack.enter_context(self.database.reader())
                    reader.exec_driver_sql('SELECT 1')
            if not opened:
                sa.event.listen(
                    self.database.engine(),
                    'connect',
                    lambda *_: opened.append('again'),
                )
                opened.append('first round')
        self.assertEqual(['first round'], opened)

    def test_connection_serves_one_thread_after_another(self) -> None:
        for number in range(3):
            thread = threading.Thread(target=self._write, args=(str(number),))
            thread.start()
            thread.join(60)
        self.assertEqual(3, self._count())

    def test_threads_write_at_once(self) -> None:
        threads = [
            threading.Thread(target=self._write, args=(str(number),))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(8, self._count())

    def _write(self, name: str) -> None:
        with self.database.writer() as connection:
            self._insert(connection, name)

    def test_closed_connections_leave_no_descriptor(self) -> None:
        counts = set()
        for _ in range(5):
            self._count()
            self.database.close()
            counts.add(len(os.listdir('/proc/self/fd')))
        self.assertEqual(1, len(counts), counts)

    def test_closed_database_opens_again(self) -> None:
        self.database.close()
        self.assertEqual(0, self._count())
