# SPDX-License-Identifier: Apache-2.0
"""Runs migrations on the engine that console_api.db.migration hands over."""

from alembic import context

from console_api.db import models


def _run() -> None:
    engine = context.config.attributes['engine']
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=models.metadata,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()


_run()
