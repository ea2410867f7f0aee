# SPDX-License-Identifier: Apache-2.0
from concurrent import futures
import dataclasses
import threading

from oslo_db import exception as db_exception

from console_api.consoles import tokens as console_tokens
from console_api.db import tokens
from tests.functional.db import base

NOW = 1_800_000_000


def record(digest: str = 'a', **changed: object) -> tokens.TokenRecord:
    """A token that is good at ``NOW``."""
    made = tokens.TokenRecord(
        token_hash=digest * 64,
        server_id='server-1',
        project_id='p',
        user_id='u',
        console_type='novnc',
        agent_host='agent',
        host='127.0.0.1',
        port=5900,
        tls_port=None,
        internal_access_path=None,
        created_at=NOW - 600,
        expires_at=NOW + 600,
    )
    return dataclasses.replace(made, **changed)


class _TokensTestCase(base.DatabaseTestCase):
    def _add(self, *records: tokens.TokenRecord) -> None:
        with self.database.writer() as connection:
            for one in records:
                tokens.add(connection, one)

    def _get(self, digest: str = 'a', now: int = NOW) -> object:
        with self.database.reader() as connection:
            return tokens.get(connection, digest * 64, now)


class TokensTest(_TokensTestCase):
    def test_what_was_stored_comes_back(self) -> None:
        token = record(tls_port=5901, internal_access_path='x')
        self._add(token)
        self.assertEqual(token, self._get())

    def test_unknown_token(self) -> None:
        self._add(record())
        self.assertIsNone(self._get('b'))

    def test_token_is_good_to_the_last_second(self) -> None:
        self._add(record())
        self.assertIsNotNone(self._get(now=NOW + 599))
        self.assertIsNone(self._get(now=NOW + 600))

    def test_no_two_tokens_have_one_hash(self) -> None:
        self._add(record())
        self.assertRaises(
            db_exception.DBDuplicateEntry,
            self._add,
            record(server_id='server-2'),
        )
        self.assertEqual('server-1', self._get().server_id)

    def test_token_itself_is_nowhere_in_the_table(self) -> None:
        token = console_tokens.Token.new()
        self._add(record(token_hash=token.digest()))
        with self.database.reader() as connection:
            rows = connection.exec_driver_sql('SELECT * FROM console_tokens')
            self.assertNotIn(token.reveal(), str(rows.all()))


class ClaimTest(_TokensTestCase):
    def _claim(self, session: str | None, now: int = NOW) -> bool:
        return self.database.write(
            lambda connection: tokens.claim(connection, 'a' * 64, session, now)
        )

    def test_first_one_uses_the_token(self) -> None:
        self._add(record(), record('b'))
        self.assertTrue(self._claim('s' * 64))
        self.assertFalse(self._claim('t' * 64))
        used = record(used_at=NOW, session_hash='s' * 64)
        self.assertEqual(used, self._get())
        self.assertEqual(record('b'), self._get('b'))

    def test_use_without_a_secret(self) -> None:
        self._add(record())
        self.assertTrue(self._claim(None))
        self.assertFalse(self._claim(None))

    def test_token_that_is_not_there(self) -> None:
        self.assertFalse(self._claim('s' * 64))

    def test_expired_token_is_not_used(self) -> None:
        self._add(record())
        self.assertFalse(self._claim('s' * 64, NOW + 600))

    def test_of_fifty_at_once_one_wins(self) -> None:
        self._add(record())
        ready = threading.Barrier(50, timeout=60)

        def claim(number: int) -> bool:
            ready.wait()
            return self._claim(f'{number:064}')

        with futures.ThreadPoolExecutor(50) as pool:
            won = list(pool.map(claim, range(50)))
        self.assertEqual(1, sum(won))
        self.assertEqual(f'{won.index(True):064}', self._get().session_hash)


class RevokeTest(_TokensTestCase):
    def _revoke(self, *server_ids: str) -> int:
        with self.database.writer() as connection:
            return tokens.revoke(connection, server_ids)

    def test_tokens_of_the_servers_are_gone(self) -> None:
        self._add(
            record('a'),
            record('b'),
            record('c', server_id='server-2'),
            record('d', server_id='server-3'),
        )
        self.assertEqual(3, self._revoke('server-1', 'server-2'))
        self.assertIsNone(self._get('a'))
        self.assertIsNone(self._get('c'))
        self.assertIsNotNone(self._get('d'))

    def test_nothing_to_revoke(self) -> None:
        self._add(record())
        self.assertEqual(0, self._revoke('server-2'))
        self.assertEqual(0, self._revoke())
        self.assertIsNotNone(self._get())

    def test_more_servers_than_a_statement_takes(self) -> None:
        self._add(record())
        ids = [f'server-{i}' for i in range(40_000)]
        self.assertEqual(1, self._revoke(*ids))


class PurgeTest(_TokensTestCase):
    def _purge(self, limit: int = 100, now: int = NOW) -> int:
        with self.database.writer() as connection:
            return tokens.purge(connection, now, limit)

    def test_expired_tokens_are_gone(self) -> None:
        self._add(record('a', expires_at=NOW), record('b'))
        self.assertEqual(1, self._purge())
        with self.database.reader() as connection:
            self.assertIsNone(tokens.get(connection, 'a' * 64, 0))
        self.assertIsNotNone(self._get('b'))

    def test_no_more_than_the_limit_the_oldest_first(self) -> None:
        self._add(
            record('a', expires_at=NOW - 1),
            record('b', expires_at=NOW - 3),
            record('c', expires_at=NOW - 2),
        )
        self.assertEqual(2, self._purge(limit=2))
        self.assertIsNotNone(self._get('a', now=0))
        self.assertIsNone(self._get('b', now=0))
        self.assertIsNone(self._get('c', now=0))

    def test_nothing_expired(self) -> None:
        self._add(record())
        self.assertEqual(0, self._purge())
