# SPDX-License-Identifier: Apache-2.0
"""Tokens of consoles that may be seen and not used."""

from alembic import op
import sqlalchemy as sa

revision = '004'
down_revision = '003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'console_tokens',
        sa.Column('view_only', sa.Boolean, nullable=False, server_default='0'),
    )
