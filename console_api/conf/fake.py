# SPDX-License-Identifier: Apache-2.0
"""Options of the driver of simulated servers."""

from oslo_config import cfg

GROUP = 'fake'

OPTS = [
    cfg.StrOpt(
        'inventory',
        help="""
A YAML file of the servers to simulate; unset, there are two of them.

Each may be in any state, so that every answer of the service can be tried.
``inventory.example.yaml`` shows and explains all that can be said.
""",
    ),
]
