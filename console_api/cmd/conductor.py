# SPDX-License-Identifier: Apache-2.0
"""console-api-conductor: runs on controllers, beside the database."""

import dataclasses
import sys

from oslo_config import cfg

from console_api import service
from console_api import statusserver
from console_api import systemd
from console_api import telemetry
from console_api import workers
from console_api.conductor import process
from console_api.conf import conductor_status


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    return service.run(_main)


def _main() -> None:
    conf = cfg.CONF
    service.prepare(conf, sys.argv[1:])
    service.start_logging(conf)
    count = conf.conductor.workers
    with statusserver.Place.open(conf, conductor_status.GROUP, count) as place:
        workers.run(
            count,
            lambda ready, index: _serve(
                ready, dataclasses.replace(place, index=index)
            ),
            lambda: service.reload(conf),
        )


def _serve(ready: workers.Ready, place: statusserver.Place) -> None:
    conf = cfg.CONF
    conductor = process.Conductor(conf)
    status = telemetry.Status(
        place, conductor.telemetry, conductor.troubles, conductor.hindrances
    )
    # Before: where the bus is away, the start waits for it.
    status.start()
    conductor.start()
    service.wait_for_signal(lambda: service.reload(conf), ready)
    systemd.notify(systemd.STOPPING)
    status.stop()
    conductor.stop()
