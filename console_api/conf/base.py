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

An agent reports its servers under this name and is called under it. Change it
only where two hosts have the same host name, and before the first start: the
servers of the old name stay behind.
""",
    ),
]
