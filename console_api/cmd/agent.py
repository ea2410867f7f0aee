# SPDX-License-Identifier: Apache-2.0
"""console-api-agent: runs on each hypervisor host."""

import os
import signal
import sys

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api import systemd
from console_api.agent import process


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
        agent.check_alone()
        agent.start()
    except exception.ConfigurationError:
        agent.stop()
        raise
    service.wait_for_signal(
        lambda: service.reload(cfg.CONF),
        lambda: systemd.notify(systemd.READY),
    )
    systemd.notify(systemd.STOPPING)
    agent.stop()
    if reasons:
        raise exception.ConfigurationError(reasons[0])
