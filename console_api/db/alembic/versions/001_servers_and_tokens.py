# SPDX-License-Identifier: Apache-2.0
"""The registry of servers and the console tokens."""

from alembic import op
import sqlalchemy as sa

revision = '001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_servers()
    _create_tokens()


def _create_servers() -> None:
    op.create_table(
        'servers',
        sa.Column('id', sa.String(36), nullable=False),
        sa.Column('name', sa.Unicode(255), nullable=False),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255), nullable=False),
        sa.Column('host', sa.String(255)),
        sa.Column('vm_state', sa.String(32), nullable=False),
        sa.Column('task_state', sa.String(64)),
        sa.Column('power_state', sa.Integer, nullable=False),
        sa.Column('consoles', sa.String(255), nullable=False),
        sa.Column('created_at', sa.DateTime, nullable=False),
        sa.Column('updated_at', sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_servers'),
        sa.Index(
            'ix_servers_project_id_created_at_id',
            'project_id',
            'created_at',
            'id',
        ),
        sa.Index('ix_servers_created_at_id', 'created_at', 'id'),
        sa.Index('ix_servers_host', 'host'),
        mysql_charset='utf8mb4',
    )


def _create_tokens() -> None:
    op.create_table(
        'console_tokens',
        sa.Column(
            'id',
            sa.BigInteger().with_variant(sa.Integer, 'sqlite'),
            nullable=False,
        ),
        sa.Column('token_hash', sa.String(64), nullable=False),
        sa.Column('server_id', sa.String(36), nullable=False),
        sa.Column('project_id', sa.String(255)),
        sa.Column('user_id', sa.String(255)),
        sa.Column('console_type', sa.String(32), nullable=False),
        sa.Column('agent_host', sa.String(255), nullable=False),
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('port', sa.Integer, nullable=False),
        sa.Column('tls_port', sa.Integer),
        sa.Column('internal_access_path', sa.String(255)),
        sa.Column('created_at', sa.BigInteger, nullable=False),
        sa.Column('expires_at', sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_console_tokens'),
        sa.UniqueConstraint('token_hash', name='uq_console_tokens_token_hash'),
        sa.Index('ix_console_tokens_server_id', 'server_id'),
        sa.Index('ix_console_tokens_expires_at', 'expires_at'),
        mysql_charset='utf8mb4',
    )
