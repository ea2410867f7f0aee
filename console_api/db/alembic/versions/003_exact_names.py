# SPDX-License-Identifier: Apache-2.0
"""Names of hosts and ids are equal only if every character is.

MariaDB and MySQL take ``compute1`` for ``COMPUTE1`` and for ``cömpute1``
otherwise, which the other databases and the rest of the service do not. The
names of servers are still searched without regard to case there.
"""

from alembic import op

revision = '003'
down_revision = '002'
branch_labels = None
depends_on = None

_TABLES = ('servers', 'console_tokens', 'agents')


def upgrade() -> None:
    if op.get_bind().dialect.name not in ('mysql', 'mariadb'):
        return
    for table in _TABLES:
        op.execute(
            f'ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 '
            'COLLATE utf8mb4_bin'
        )
    op.execute(
        'ALTER TABLE servers MODIFY name VARCHAR(255) '
        'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL'
    )
