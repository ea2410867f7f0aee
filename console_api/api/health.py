# SPDX-License-Identifier: Apache-2.0
"""What oslo.middleware's ``/healthcheck`` asks: the database and the bus.

Anybody may ask, so an answer names no cause and is kept for some seconds:
questions must not become a load of their own.
"""

import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_middleware.healthcheck import pluginbase

from console_api import busprobe
from console_api import rpc
from console_api.db import api as db_api
from console_api.db import servers as db_servers

LOG = logging.getLogger(__name__)

#: Seconds for which an answer is good.
_KEPT = 5.0
#: Seconds that a question may take.
_PATIENCE = 2.0
#: A server that is nowhere.
_NOBODY = '00000000-0000-0000-0000-000000000000'


class _Check(pluginbase.HealthcheckBaseExtension):
    """One backend; ``name`` is what the answer calls it."""

    name = ''

    def __init__(
        self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]
    ) -> None:
        super().__init__(oslo_conf, conf)
        self._asking = threading.Lock()
        self._until = 0.0
        self._good = False

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        """Whether the backend answers, or did some seconds ago.

        One thread asks at a time. Meanwhile the others say what was true
        before it began; where that is long ago they wait, but not for ever.
        """
        del server_port
        good = self._good_now()
        state = 'OK' if good else 'unavailable'
        return pluginbase.HealthcheckResult(good, f'{self.name}: {state}')

    def _good_now(self) -> bool:
        overdue = time.monotonic() - self._until
        if overdue < 0:
            return self._good
        patience = 0 if overdue < _KEPT else _PATIENCE
        if not self._asking.acquire(timeout=patience):
            return self._good and patience == 0
        try:
            if time.monotonic() >= self._until:
                self._good = self._ask()
                self._until = time.monotonic() + _KEPT
            return self._good
        finally:
            self._asking.release()

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
        # Its own, which has a connection where requests have taken all.
        self._database = db_api.Database(oslo_conf, _PATIENCE)

    def probe(self) -> None:
        """Read one row that is not there."""
        with self._database.reader() as connection:
            db_servers.get(connection, _NOBODY)


class BusCheck(_Check):
    """Sends to the hosts of ``transport_url``: one has to take it."""

    name = 'bus'

    def __init__(
        self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]
    ) -> None:
        super().__init__(oslo_conf, conf)
        # Makes the options of the driver known.
        rpc.discard(oslo_conf, rpc.get_transport(oslo_conf))
        self._probe = busprobe.BusProbe(oslo_conf, _PATIENCE)

    def probe(self) -> None:
        """Send as calls do, to the first host that takes it.

        :raises Exception: none does; it is what the last one said
        """
        self._probe.check()
