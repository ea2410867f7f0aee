# SPDX-License-Identifier: Apache-2.0
"""Options of the REST API."""

from oslo_config import cfg

GROUP = 'api'

OPTS = [
    cfg.StrOpt(
        'paste_config',
        default='api-paste.ini',
        help="""
The Paste Deploy file that puts the pipeline of the API together.

A relative path is looked for beside the configuration files, then in
``/etc/console-api``, then where the package is installed.
""",
    ),
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Callers show a token that Keystone issued.'),
            (
                'noauth',
                'Callers say who they are; for one host and tests alone. The '
                'API refuses to listen on any but a loopback address.',
            ),
        ],
        help="""
How the API learns who its caller is.

With ``noauth``, requests that a browser sends for pages of other sites are
refused, but for those in ``[cors] allowed_origin``.
""",
    ),
    cfg.StrOpt(
        'compute_link_prefix',
        help="""
The URL that the links in the answers start with.

Set it where clients reach the API by another name than the one in their
requests and no ``X-Forwarded-*`` header says so. Unset, links follow the
request.
""",
    ),
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=1,
        help="""
The largest number of servers in one answer, and the number without a limit.
""",
    ),
    cfg.IntOpt(
        'max_requests',
        default=10,
        min=1,
        help="""
How many requests one process of the API works on at once.

Twice as many others wait, for ``max_wait`` at most. A request that waits for
an agent counts too, and so does its connection to the database: raise it where
the processor idles while requests wait. Give the WSGI server about five times
as many threads, for those that wait and those that are refused.
""",
    ),
    cfg.FloatOpt(
        'max_wait',
        default=1.0,
        min=0.1,
        help="""
How long a request may wait until it is worked on, in seconds.

One that would wait longer, by the time that the last ones took, is answered
503 with ``Retry-After`` at once, so that those that are let in are answered in
time. The documents of versions and ``/healthcheck`` do not wait.
""",
    ),
    cfg.StrOpt(
        'response_validation',
        default='warn',
        choices=[
            ('warn', 'Log an answer that does not fit its schema, send it.'),
            ('error', 'Answer 500 instead; for tests.'),
            ('ignore', 'Do not check; saves some CPU time.'),
        ],
        help="""
What to do with an answer of the API that does not fit its own schema.
""",
    ),
]
