# SPDX-License-Identifier: Apache-2.0
"""console-api-conductor: runs on controllers, beside the database."""

import sys

from oslo_config import cfg

from console_api import service
from console_api import systemd
from console_api import workers
from console_api.conductor import process


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    return service.run(_main)


def _main() -> None:
    conf = cfg.CONF
    service.prepare(conf, sys.argv[1:])
    service.start_logging(conf)
    workers.run(
        conf.conductor.workers,
        lambda ready, _: _serve(ready),
        lambda: service.reload(conf),
    )


def _serve(ready: workers.Ready) -> None:
    conf = cfg.CONF
    conductor = process.Conductor(conf)
    conductor.start()
    service.wait_for_signal(lambda: service.reload(conf), ready)
    systemd.notify(systemd.STOPPING)
    conductor.stop()
