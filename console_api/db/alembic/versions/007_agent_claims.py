# SPDX-License-Identifier: Apache-2.0
"""Which process is the agent of a host, and which one was refused."""

from alembic import op
import sqlalchemy as sa

revision = '007'
down_revision = '006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('agents') as table:
        table.add_column(sa.Column('process', sa.String(255)))
        table.add_column(sa.Column('refused', sa.String(255)))
        table.add_column(sa.Column('refused_at', sa.BigInteger))
