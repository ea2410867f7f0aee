# SPDX-License-Identifier: Apache-2.0
"""Hosts whose agents may come, and no agent without a key.

An agent that had none cannot be told from any other sender, so its host is to
be enrolled like a new one.
"""

from alembic import op
import sqlalchemy as sa

revision = '009'
down_revision = '008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'enrolments',
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('word_hash', sa.String(64), nullable=False),
        sa.Column('enrolled_at', sa.BigInteger, nullable=False),
        sa.Column('expires_at', sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint('host', name='pk_enrolments'),
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )
    op.execute('DELETE FROM agents WHERE key_hash IS NULL')
    with op.batch_alter_table('agents') as table:
        table.alter_column(
            'key_hash', existing_type=sa.String(64), nullable=False
        )
