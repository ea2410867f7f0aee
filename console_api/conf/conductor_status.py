# SPDX-License-Identifier: Apache-2.0
"""Options of the address at which a conductor tells of itself."""

from oslo_config import cfg

GROUP = 'conductor_status'

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help="""
The address for ``/metrics``, ``/healthz`` and ``/readyz``.

Whoever reaches it may read them: there is neither TLS nor a login. They name
no user, no server and no token. Keep users away from it where you set another
address than one of loopback.

Related options:

* ``[conductor_status] port``
""",
    ),
    cfg.PortOpt(
        'port',
        help="""
The TCP port for ``/metrics``, ``/healthz`` and ``/readyz``; unset, there is
none.

One port stands for all workers: whichever takes the request asks the others.

Related options:

* ``[conductor_status] host``
* ``[conductor] workers``
""",
    ),
]
