# SPDX-License-Identifier: Apache-2.0
"""Options of console tokens."""

from oslo_config import cfg

GROUP = 'consoleauth'

OPTS = [
    cfg.IntOpt(
        'token_ttl',
        default=600,
        min=1,
        help="""
How long a console token is good for, in seconds.

A session that was opened in time goes on after it, unless
``enforce_session_timeout`` is set.
""",
    ),
    cfg.BoolOpt(
        'enforce_session_timeout',
        default=False,
        help="""
Whether a session ends when its token expires, ``token_ttl`` after the URL was
made.

The proxy reads it.
""",
    ),
]
