# SPDX-License-Identifier: Apache-2.0
from alembic import autogenerate
from alembic.runtime import migration as alembic_migration

from console_api.db import migration
from console_api.db import models
from tests.functional.db import base


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


class EmptyDatabaseTest(base.DatabaseTestCase):
    def test_has_no_version(self) -> None:
        with self.database.writer() as connection:
            models.metadata.drop_all(connection)
            connection.exec_driver_sql('DROP TABLE alembic_version')
        self.assertIsNone(migration.current(self.database))
