# SPDX-License-Identifier: Apache-2.0
import dataclasses

import sqlalchemy as sa

from console_api import exception
from console_api.db import tokens
from tests.functional.db import base
from tests.functional.db import test_tokens


class FullDiskTest(base.DatabaseTestCase):
    """SQLite says the same when a file may not grow as when a disk is full."""

    def _limit(self, connection: sa.Connection, pages: int) -> None:
        connection.exec_driver_sql(f'PRAGMA max_page_count = {pages}')

    def _fill(self, connection: sa.Connection) -> None:
        for number in range(500):
            record = dataclasses.replace(
                test_tokens.record(), token_hash=f'{number:064}'
            )
            tokens.add(connection, record)

    def test_full_disk_is_an_outage_that_ends(self) -> None:
        with self.database.writer() as connection:
            self._limit(connection, 1)
        self.assertRaises(
            exception.DatabaseUnavailable, self.database.write, self._fill
        )
        with self.database.writer() as connection:
            self._limit(connection, 100_000)
            found = tokens.get(connection, f'{0:064}', test_tokens.NOW)
        self.assertIsNone(found)
        self.database.write(self._fill)
