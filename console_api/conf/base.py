# SPDX-License-Identifier: Apache-2.0
"""Options of the service as a whole."""

import socket

from oslo_config import cfg

GROUP = 'DEFAULT'

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default=socket.gethostname(),
        sample_default='<current hostname>',
        help="""
The name of this host on the message bus.

An agent reports its servers under this name and is called under it. The name
has letters, digits, hyphens, underscores and single dots between them, 200
characters at most; an address of IPv6 is none. Change it
only where two hosts have the same host name, and before the first start: the
servers of the old name stay behind.
""",
    ),
    cfg.StrOpt(
        'rpc_exchange',
        default='console_api',
        help="""
The exchange of the message bus through which processes call each other.

It must be the same in the file of every process. Set it to ``amq.topic``, in a
virtual host that no other service uses, where the processes have users of
RabbitMQ that are held to their own queues: such a user could delete an
exchange of another name, and make it anew as one that hands everything to
everybody.
""",
    ),
    cfg.StrOpt(
        'cert',
        help="""
The file with the certificate that the console proxy shows to its clients, in
PEM; unset, the proxy speaks no TLS.

The certificates of the authorities between it and a root follow in the same
file, each behind the one that it has issued. With it the proxy's port takes
``https`` and ``wss``. New files are noticed within ten seconds, and at once at
SIGHUP; sessions go on. If the new ones are no good the old certificate stays,
and the log says why.

Related options: ``key``, ``ssl_only``, ``[console] ssl_minimum_version``,
``[console] ssl_ciphers``.
""",
    ),
    cfg.StrOpt(
        'key',
        help="""
The file with the key of ``cert``, in PEM and without a password; unset, the
key is in the same file.
""",
    ),
    cfg.BoolOpt(
        'ssl_only',
        default=False,
        help="""
Whether the proxy's port takes TLS alone.

With ``cert`` alone the port takes plain HTTP as well: users are sent to what
the base URLs say. Set this where nobody should come without TLS; plain HTTP is
then answered 400.

Related options: ``cert``.
""",
    ),
    cfg.IntOpt(
        'database_timeout',
        default=10,
        min=2,
        max=600,
        help="""
How long a request waits for the database, in seconds.

It is the time of one transaction: for a connection, the statements, locks that
others hold, and the repeats when the database gives the transaction up for
another one. The request then ends with 503 and its connection is closed. A
request has two transactions at most and waits for an agent between them, for
up to ``[agent] rpc_timeout``.

Half of it at most goes to a new connection, or to a lock that others hold. The
timeouts that ``[database] connection`` or ``connection_parameters`` name take
precedence. The upgrade of the schema is not limited, and the removal of
expired tokens has ten minutes for each 500.

Related options: ``[database] pool_timeout``, which limits the wait for a
connection that other requests have.
""",
    ),
]
