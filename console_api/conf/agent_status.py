# SPDX-License-Identifier: Apache-2.0
"""Options of the address at which an agent tells of itself."""

from oslo_config import cfg

GROUP = 'agent_status'

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

* ``[agent_status] port``
""",
    ),
    cfg.PortOpt(
        'port',
        help="""
The TCP port for ``/metrics``, ``/healthz`` and ``/readyz``; unset, there is
none.

Related options:

* ``[agent_status] host``
""",
    ),
]
