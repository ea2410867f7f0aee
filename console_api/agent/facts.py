# SPDX-License-Identifier: Apache-2.0
"""What an agent says of itself."""

import os
import socket

from oslo_config import cfg

from console_api import version
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.consoles import targets


def process_name() -> str:
    """Which process this is, for the people who look for it."""
    return f'process {os.getpid()} on {socket.gethostname()}'


def addresses(conf: cfg.ConfigOpts) -> tuple[str, ...]:
    """Where consoles of this host listen: of the types that are on.

    An address that is not of this host alone, as the options have it by
    default, is not told unless ``[console] allowed_targets`` here has it.
    """
    allowed = targets.AllowedTargets(conf.console.allowed_targets)
    named: tuple[tuple[bool, str], ...] = (
        (conf.vnc.enabled, conf.vnc.server_proxyclient_address),
        (conf.spice.enabled, conf.spice.server_proxyclient_address),
        (
            conf.serial_console.enabled,
            conf.serial_console.proxyclient_address,
        ),
    )
    return tuple(
        address
        for is_on, address in named
        if is_on and (not targets.is_near(address) or address in allowed)
    )


def collect(
    conf: cfg.ConfigOpts, instance: str, servers: int
) -> conductor_rpcapi.AgentFacts:
    """The facts of the agent in this process."""
    return conductor_rpcapi.AgentFacts(
        instance=instance,
        release=version.version_string(),
        rpc_version=rpcapi.VERSION,
        addresses=addresses(conf),
        servers=servers,
        process=process_name(),
    )
