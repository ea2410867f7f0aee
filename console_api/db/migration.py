# SPDX-License-Identifier: Apache-2.0
"""The schema of the database: bring it up to date, tell its version."""

import pathlib

from alembic import command
from alembic import config as alembic_config
from alembic.runtime import migration
from alembic.script import ScriptDirectory

from console_api.db import api

_SCRIPTS = pathlib.Path(__file__).parent / 'alembic'


def _config(database: api.Database) -> alembic_config.Config:
    config = alembic_config.Config()
    config.set_main_option('script_location', str(_SCRIPTS).replace('%', '%%'))
    config.attributes['engine'] = database.engine()
    return config


def sync(database: api.Database, version: str = 'head') -> None:
    """Upgrade to a version, by default the newest; may be called again."""
    engine = database.engine()
    if engine.dialect.name == 'sqlite':
        with engine.connect() as connection:
            # Readers and the writer no longer wait for each other; the file
            # remembers it. Not possible inside a transaction.
            connection.exec_driver_sql('COMMIT')
            connection.exec_driver_sql('PRAGMA journal_mode=WAL')
    command.upgrade(_config(database), version)


def current(database: api.Database) -> str | None:
    """The version that the database is at; None before the first sync."""
    with database.engine().connect() as connection:
        context = migration.MigrationContext.configure(connection)
        return context.get_current_revision()


def head() -> str:
    """The newest version that this release knows."""
    script = ScriptDirectory(str(_SCRIPTS))
    newest = script.get_current_head()
    assert newest is not None
    return newest
