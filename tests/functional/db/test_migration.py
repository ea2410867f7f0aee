# SPDX-License-Identifier: Apache-2.0
import dataclasses

from alembic import autogenerate
from alembic.runtime import migration as alembic_migration
import sqlalchemy as sa

from console_api.db import migration
from console_api.db import models
from console_api.db import tokens
from tests.functional.db import base
from tests.functional.db import test_tokens

#: Columns that tables of the third version do not have.
NEW = ('view_only', 'used_at', 'session_hash')


class MigrationTest(base.DatabaseTestCase):
    def test_migrations_make_what_the_models_say(self) -> None:
        with self.database.engine().connect() as connection:
            context = alembic_migration.MigrationContext.configure(
                connection,
                opts={'compare_type': True, 'compare_server_default': True},
            )
            found = autogenerate.compare_metadata(context, models.metadata)
        self.assertEqual([], found)

    def test_version_is_the_newest(self) -> None:
        self.assertEqual(migration.head(), migration.current(self.database))

    def test_may_be_run_again(self) -> None:
        migration.sync(self.database)
        self.assertEqual(migration.head(), migration.current(self.database))

    def test_tokens_of_older_releases_are_of_full_consoles(self) -> None:
        with self.database.writer() as connection:
            models.metadata.drop_all(connection)
            connection.exec_driver_sql('DROP TABLE alembic_version')
        migration.sync(self.database, '003')
        old = dataclasses.asdict(test_tokens.record())
        for name in NEW:
            del old[name]
        table = sa.table('console_tokens', *map(sa.column, old))
        with self.database.writer() as connection:
            connection.execute(table.insert(), old)
        migration.sync(self.database)
        with self.database.reader() as connection:
            found = tokens.get(connection, 'a' * 64, test_tokens.NOW)
        self.assertEqual(test_tokens.record(), found)


class EmptyDatabaseTest(base.DatabaseTestCase):
    def test_has_no_version(self) -> None:
        with self.database.writer() as connection:
            models.metadata.drop_all(connection)
            connection.exec_driver_sql('DROP TABLE alembic_version')
        self.assertIsNone(migration.current(self.database))
