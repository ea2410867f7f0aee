# SPDX-License-Identifier: Apache-2.0
"""Options of the conductor."""

from oslo_config import cfg

GROUP = 'conductor'

OPTS = [
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        help="""
How many processes answer on this host.

One process uses one processor core. Raise it, or start conductors on more
hosts, where many agents report or many sessions open at once. How many calls
one process answers at once is ``[DEFAULT] executor_thread_pool_size``.
""",
    ),
]
