# SPDX-License-Identifier: Apache-2.0
"""Options of console tokens."""

from oslo_config import cfg

GROUP = 'consoleauth'
#: A token is good for one session.
SINGLE = 'single'

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

The proxy reads it. One with ``[proxy] authority = rest`` is not told when a
token was made, and counts from the moment at which the session began.
""",
    ),
    cfg.StrOpt(
        'token_use',
        default='reusable',
        choices=[
            ('reusable', 'for any number of sessions, as in Nova'),
            (SINGLE, 'for one session, and for its client to come back'),
        ],
        help="""
What a console token is good for until it expires.

With ``single``, a URL that leaks after it was opened opens nothing more. The
first session uses the token. The proxy gives its client a secret in a cookie,
and with that the client may connect again for ``reconnect_window`` seconds.
Everybody else is told that the token is not valid.

Set it alike on conductors, which decide, on API servers, which look up no used
token, and on proxies: one with ``[proxy] authority = rest`` cannot keep to it
and does not start.
""",
    ),
    cfg.IntOpt(
        'reconnect_window',
        default=300,
        min=0,
        help="""
For how long the client of a session may connect again with its token, in
seconds since the session began, with ``token_use = single``.

It never outlasts the token (``token_ttl``). SPICE in the browser opens
several connections for one session, and so needs some seconds. At 0 nobody
connects again.

The conductor reads it.
""",
    ),
]
