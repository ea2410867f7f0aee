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
