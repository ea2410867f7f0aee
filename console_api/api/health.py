# SPDX-License-Identifier: Apache-2.0
"""What oslo.middleware's ``/healthcheck`` asks: the database and the bus.

Anybody may ask, so an answer names no cause and is kept for some seconds:
questions must not become a load of their own.
"""

import socket
import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging
from oslo_middleware.healthcheck import pluginbase

from console_api.db import api as db_api
from console_api.db import servers as db_servers

LOG = logging.getLogger(__name__)

#: Seconds for which an answer is good.
_KEPT = 5.0
#: Seconds for one host of the bus to take a connection.
_PATIENCE = 2.0
_AMQP = 5672
#: A server that is nowhere.
_NOBODY = '00000000-0000-0000-0000-000000000000'


class _Check(pluginbase.HealthcheckBaseExtension):
    """One backend; ``name`` is what the answer calls it."""

    name = ''

    def __init__(
        self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]
    ) -> None:
        super().__init__(oslo_conf, conf)
        self._lock = threading.Lock()
        self._until = 0.0
        self._good = False

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        """Whether the backend answers, or did some seconds ago."""
        del server_port
        with self._lock:
            if time.monotonic() >= self._until:
                self._good = self._ask()
                self._until = time.monotonic() + _KEPT
            good = self._good
        state = 'OK' if good else 'unavailable'
        return pluginbase.HealthcheckResult(good, f'{self.name}: {state}')

    def _ask(self) -> bool:
        try:
            self.probe()
        except Exception:  # whatever it is, the backend does not work
            LOG.exception('The health check of the %s failed', self.name)
            return False
        return True

    def probe(self) -> None:
        """Return if the backend works, raise if not."""
        raise NotImplementedError


class DatabaseCheck(_Check):
    """Reads from the registry, which takes the right schema."""

    name = 'database'

    def __init__(
        self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]
    ) -> None:
        super().__init__(oslo_conf, conf)
        self._database = db_api.Database(oslo_conf)

    def probe(self) -> None:
        """Read one row that is not there."""
        with self._database.reader() as connection:
            db_servers.get(connection, _NOBODY)


class BusCheck(_Check):
    """Connects to the hosts of ``transport_url``: one has to be there."""

    name = 'bus'

    def probe(self) -> None:
        """Connect to the first host that takes a connection.

        :raises OSError: none does
        """
        url = oslo_messaging.TransportURL.parse(self.oslo_conf)
        problem: OSError | None = None
        for host in url.hosts:
            if not host.hostname:
                continue
            address = (host.hostname, host.port or _AMQP)
            try:
                with socket.create_connection(address, _PATIENCE):
                    return
            except OSError as exc:
                problem = exc
        if problem is not None:
            raise problem
