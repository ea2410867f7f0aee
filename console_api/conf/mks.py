# SPDX-License-Identifier: Apache-2.0
"""Options of MKS consoles."""

from oslo_config import cfg

GROUP = 'mks'

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Whether MKS consoles are offered.

Where it is off, a request for one ends with 400.
""",
    ),
    cfg.URIOpt(
        'mksproxy_base_url',
        default='http://127.0.0.1:6090/',
        help="""
The address that the URL of an MKS console starts with.

The agent puts the token into its query. Users reach it from outside, so name
the public side of the proxy. It may have a query of its own and no fragment.
""",
    ),
]
