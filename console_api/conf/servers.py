# SPDX-License-Identifier: Apache-2.0
"""Options of where the facts of servers come from."""

from oslo_config import cfg

GROUP = 'servers'

OPTS = [
    cfg.StrOpt(
        'directory',
        default='registry',
        choices=[
            ('registry', "The service's own database, which agents fill."),
            ('nova', 'The API of a Nova, see group ``[nova]``.'),
        ],
        help="""
Where the API learns to which project, host and state a server belongs.

Choose ``nova`` where the API is a filter in front of Nova's. Each agent's
``[DEFAULT] host`` must then be the host name that Nova has for the same host.
""",
    ),
    cfg.FloatOpt(
        'cache_time',
        default=3.0,
        min=0,
        max=60,
        help="""
How long the facts of a server that Nova told are taken as true, in seconds.

A server that was stopped or moved within this time may still get a console,
which then shows nothing. With 0, Nova is asked each time.
""",
    ),
]
