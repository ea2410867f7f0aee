# SPDX-License-Identifier: Apache-2.0
"""console-api-agent: runs on each hypervisor host."""

import contextlib
import os
import signal
import sys

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api import statusserver
from console_api import systemd
from console_api import telemetry
from console_api.agent import process
from console_api.conf import agent_status


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    return service.run(_main)


def _main() -> None:
    service.prepare(cfg.CONF, sys.argv[1:])
    service.start_logging(cfg.CONF)
    reasons: list[str] = []

    def lost(reason: str) -> None:
        reasons.append(reason)
        os.kill(os.getpid(), signal.SIGTERM)

    agent = process.Agent(cfg.CONF, lost=lost)
    try:
        with contextlib.ExitStack() as stack:
            _tell(agent, stack)
            agent.check_alone()
            agent.start()
            service.wait_for_signal(
                lambda: service.reload(cfg.CONF),
                lambda: systemd.notify(systemd.READY),
            )
            systemd.notify(systemd.STOPPING)
    finally:
        agent.stop()
    if reasons:
        raise exception.ConfigurationError(reasons[0])


def _tell(agent: process.Agent, stack: contextlib.ExitStack) -> None:
    """Tell of the agent, where that is wanted, until the stack is closed."""
    place = stack.enter_context(
        statusserver.Place.open(cfg.CONF, agent_status.GROUP)
    )
    status = telemetry.Status(
        place, agent.telemetry, agent.troubles, agent.hindrances
    )
    status.start()
    stack.callback(status.stop)
