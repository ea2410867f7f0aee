# SPDX-License-Identifier: Apache-2.0
"""The options of each address at which processes tell of themselves."""

from oslo_config import cfg

_WORKERS = """
One port stands for all workers: whichever takes the request asks the others.
"""


def options(group: str, workers_of: str | None = None) -> list[cfg.Opt]:
    """Those of this group; ``workers_of`` names the group of the workers."""
    related = f'* ``[{group}] host``\n'
    if workers_of is not None:
        related += f'* ``[{workers_of}] workers``\n'
    return [
        cfg.HostAddressOpt(
            'host',
            default='127.0.0.1',
            help=f"""
The address for ``/metrics``, ``/healthz`` and ``/readyz``.

Whoever reaches it may read them: there is neither TLS nor a login. They name
no user, no server and no token. Keep users away from it where you set another
address than one of loopback.

Related options:

* ``[{group}] port``
""",
        ),
        cfg.PortOpt(
            'port',
            help=f"""
The TCP port for ``/metrics``, ``/healthz`` and ``/readyz``; unset, there is
none.
{_WORKERS if workers_of is not None else ''}
Related options:

{related}""",
        ),
    ]
