# SPDX-License-Identifier: Apache-2.0
"""What an agent says of itself."""

import os
import socket

from oslo_config import cfg

from console_api import version
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi


def process_name() -> str:
    """Which process this is, for the people who look for it."""
    return f'process {os.getpid()} on {socket.gethostname()}'


def collect(
    conf: cfg.ConfigOpts, instance: str, servers: int
) -> conductor_rpcapi.AgentFacts:
    """The facts of the agent in this process."""
    return conductor_rpcapi.AgentFacts(
        instance=instance,
        release=version.version_string(),
        rpc_version=rpcapi.VERSION,
        addresses=(
            conf.vnc.server_proxyclient_address,
            conf.spice.server_proxyclient_address,
            conf.serial_console.proxyclient_address,
        ),
        servers=servers,
        process=process_name(),
    )
