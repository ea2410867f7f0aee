# SPDX-License-Identifier: Apache-2.0
"""By which key the agent of a host is known."""

from alembic import op
import sqlalchemy as sa

revision = '008'
down_revision = '007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('agents') as table:
        table.add_column(sa.Column('key_hash', sa.String(64)))
