# SPDX-License-Identifier: Apache-2.0
"""The tables, with the index that each query needs."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        'pk': 'pk_%(table_name)s',
        'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
        'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
    }
)

servers = sa.Table(
    'servers',
    metadata,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('name', sa.Unicode(255), nullable=False),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255), nullable=False),
    # No host: the server was never scheduled.
    sa.Column('host', sa.String(255)),
    sa.Column('vm_state', sa.String(32), nullable=False),
    sa.Column('task_state', sa.String(64)),
    sa.Column('power_state', sa.Integer, nullable=False),
    # The console types that the guest has devices for, separated by commas.
    sa.Column('consoles', sa.String(255), nullable=False),
    sa.Column('created_at', sa.DateTime, nullable=False),
    sa.Column('updated_at', sa.DateTime, nullable=False),
    # A page of one project's servers, and of everybody's: newest first.
    sa.Index(None, 'project_id', 'created_at', 'id'),
    sa.Index(None, 'created_at', 'id'),
    # The report of one host, and a page of its servers.
    sa.Index(None, 'host', 'created_at', 'id'),
    # A page of those in one state; few are in most of them.
    sa.Index(None, 'vm_state', 'created_at', 'id'),
    # Hardly any server is at some task: they are found, then sorted.
    sa.Index(None, 'task_state'),
    mysql_charset='utf8mb4',
)

console_tokens = sa.Table(
    'console_tokens',
    metadata,
    sa.Column(
        'id',
        sa.BigInteger().with_variant(sa.Integer, 'sqlite'),
        primary_key=True,
    ),
    # SHA-256 in hexadecimal; the token itself is never stored.
    sa.Column('token_hash', sa.String(64), nullable=False),
    sa.Column('server_id', sa.String(36), nullable=False),
    sa.Column('project_id', sa.String(255)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('console_type', sa.String(32), nullable=False),
    # The agent that confirms that the port still is the server's.
    sa.Column('agent_host', sa.String(255), nullable=False),
    sa.Column('host', sa.String(255), nullable=False),
    sa.Column('port', sa.Integer, nullable=False),
    sa.Column('tls_port', sa.Integer),
    sa.Column('internal_access_path', sa.String(255)),
    # Seconds since the epoch, UTC.
    sa.Column('created_at', sa.BigInteger, nullable=False),
    sa.Column('expires_at', sa.BigInteger, nullable=False),
    # Whether the session may see the console and change nothing.
    sa.Column('view_only', sa.Boolean, nullable=False, server_default='0'),
    # When its first session began, and the SHA-256 of that client's secret,
    # where a token is good for one session.
    sa.Column('used_at', sa.BigInteger),
    sa.Column('session_hash', sa.String(64)),
    sa.UniqueConstraint('token_hash'),
    sa.Index(None, 'server_id'),
    sa.Index(None, 'expires_at'),
    mysql_charset='utf8mb4',
)

agents = sa.Table(
    'agents',
    metadata,
    sa.Column('host', sa.String(255), primary_key=True),
    # Which process reports; it makes an id when it starts.
    sa.Column('instance', sa.String(36), nullable=False),
    sa.Column('release', sa.String(64), nullable=False),
    sa.Column('rpc_version', sa.String(16), nullable=False),
    # Where consoles of this host may listen, separated by commas.
    sa.Column('addresses', sa.String(1024), nullable=False),
    sa.Column('servers', sa.Integer, nullable=False),
    # Seconds since the epoch, UTC.
    sa.Column('reported_at', sa.BigInteger, nullable=False),
    # The process in words, and the last one that was not let in beside it.
    sa.Column('process', sa.String(255)),
    sa.Column('refused', sa.String(255)),
    sa.Column('refused_at', sa.BigInteger),
    # SHA-256 in hexadecimal of the key that the host is known by.
    sa.Column('key_hash', sa.String(64), nullable=False),
    mysql_charset='utf8mb4',
)

enrolments = sa.Table(
    'enrolments',
    metadata,
    sa.Column('host', sa.String(255), primary_key=True),
    # SHA-256 in hexadecimal of the word that lets the agent in once.
    sa.Column('word_hash', sa.String(64), nullable=False),
    # Seconds since the epoch, UTC.
    sa.Column('enrolled_at', sa.BigInteger, nullable=False),
    sa.Column('expires_at', sa.BigInteger, nullable=False),
    mysql_charset='utf8mb4',
)
