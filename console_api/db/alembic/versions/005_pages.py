# SPDX-License-Identifier: Apache-2.0
"""Pages of a host and of a state cost the same in a table of any size."""

from alembic import op

revision = '005'
down_revision = '004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for first in ('host', 'vm_state'):
        op.create_index(
            f'ix_servers_{first}_created_at_id',
            'servers',
            [first, 'created_at', 'id'],
        )
    op.create_index('ix_servers_task_state', 'servers', ['task_state'])
    op.drop_index('ix_servers_host', 'servers')
