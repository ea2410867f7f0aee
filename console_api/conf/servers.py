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
            (
                'nova-process',
                'The Nova in whose process this runs, as a filter of its API.',
            ),
            ('nova', 'The API of a Nova, see group ``[nova]``.'),
        ],
        help="""
Where the API learns to which project, host and state a server belongs.

Choose ``nova-process`` where the API is a filter in front of Nova's: it asks
Nova's own objects, needs no user in Keystone and waits for no other request.
Choose ``nova`` where that Nova's processes are others. With either, each
agent's ``[DEFAULT] host`` must be the host name that Nova has for the same
host.
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
which then shows nothing. That there is no such server is remembered as long.
With 0, Nova is asked each time.
""",
    ),
    cfg.IntOpt(
        'max_lookups',
        default=4,
        min=1,
        help="""
How many servers each process may be asking Nova's API for at once.

One more request for a console of a server that is not remembered ends with 503
and ``Retry-After`` at once. Only for ``directory = nova``. If Nova answers
those requests in the process that asks, keep it below half of the threads of
that process.
""",
    ),
]
