# SPDX-License-Identifier: Apache-2.0
"""Options of the conductor."""

from oslo_config import cfg

GROUP = 'conductor'

OPERATOR = 'operator'
OPEN = 'open'

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
    cfg.StrOpt(
        'enrolment',
        default=OPERATOR,
        choices=[
            (
                OPERATOR,
                'A host that ``console-api-manage agent enrol`` has let in, '
                'and whose agent has the word that it printed.',
            ),
            (
                OPEN,
                'Any host whose name is free. Whoever can send a message to '
                'the conductors can then add a host with servers of any '
                'project and consoles at any address, so this is for '
                'laboratories where nobody else is on the bus. The log warns '
                'of it at each start.',
            ),
        ],
        help="""
Which hosts may have an agent that the conductors do not know yet.

Related options: ``[agent] enrolment_word_file``.
""",
    ),
]
