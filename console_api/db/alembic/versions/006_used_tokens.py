# SPDX-License-Identifier: Apache-2.0
"""Tokens that are good for one session."""

from alembic import op
import sqlalchemy as sa

revision = '006'
down_revision = '005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('console_tokens', sa.Column('used_at', sa.BigInteger))
    op.add_column('console_tokens', sa.Column('session_hash', sa.String(64)))
