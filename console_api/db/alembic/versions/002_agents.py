# SPDX-License-Identifier: Apache-2.0
"""The agents that report."""

from alembic import op
import sqlalchemy as sa

revision = '002'
down_revision = '001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'agents',
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('instance', sa.String(36), nullable=False),
        sa.Column('release', sa.String(64), nullable=False),
        sa.Column('rpc_version', sa.String(16), nullable=False),
        sa.Column('addresses', sa.String(1024), nullable=False),
        sa.Column('servers', sa.Integer, nullable=False),
        sa.Column('reported_at', sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint('host', name='pk_agents'),
        mysql_charset='utf8mb4',
    )
