# SPDX-License-Identifier: Apache-2.0
"""What oslo.middleware's ``/healthcheck`` asks: the database and the bus.

Anybody may ask, so an answer names no cause and is kept for some seconds:
questions must not become a load of their own.
"""

import ssl
import threading
import time
from typing import Any

import kombu.connection
from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging
from oslo_middleware.healthcheck import pluginbase

from console_api import rpc
from console_api.db import api as db_api
from console_api.db import servers as db_servers

LOG = logging.getLogger(__name__)

#: Seconds for which an answer is good.
_KEPT = 5.0
#: Seconds that a question may take.
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
    """Logs in at the hosts of ``transport_url``: one has to let it in."""

    name = 'bus'

    def __init__(
        self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]
    ) -> None:
        super().__init__(oslo_conf, conf)
        # Makes the options of the driver known.
        rpc.discard(oslo_conf, rpc.get_transport(oslo_conf))
        self._url = oslo_messaging.TransportURL.parse(oslo_conf)

    def probe(self) -> None:
        """Open a connection as calls do, at the first host that takes one.

        :raises Exception: none does; it is what the last one said
        """
        if self._url.transport != 'rabbit':
            return
        hosts = list(self._url.hosts) or [
            oslo_messaging.TransportHost('localhost')
        ]
        end = time.monotonic() + _PATIENCE
        while hosts:
            host = hosts.pop(0)
            # A host that is silent leaves time for those after it.
            share = (end - time.monotonic()) / (len(hosts) + 1)
            try:
                self._log_in(host, max(share, _PATIENCE / 10))
            except Exception as exc:
                if not hosts:
                    raise
                LOG.warning('Not at %s: %r', host.hostname, exc)
            else:
                return

    def _log_in(
        self, host: oslo_messaging.TransportHost, patience: float
    ) -> None:
        group = self.oslo_conf.oslo_messaging_rabbit
        connection = kombu.connection.Connection(  # type: ignore[no-untyped-call]
            hostname=host.hostname,
            port=host.port or _AMQP,
            userid=host.username,
            password=host.password,
            virtual_host=self._url.virtual_host,
            ssl=self._tls(host),
            login_method=group.rabbit_login_method,
            connect_timeout=patience,
            transport_options={
                'read_timeout': patience,
                'write_timeout': patience,
            },
        )
        # Not through the connection itself, which tries again and again.
        transport = connection.transport
        transport.close_connection(transport.establish_connection())

    def _tls(
        self, host: oslo_messaging.TransportHost
    ) -> dict[str, object] | bool:
        # As the driver has it.
        group = self.oslo_conf.oslo_messaging_rabbit
        if not group.ssl:
            return False
        given: dict[str, object] = {}
        if group.ssl_key_file:
            given['keyfile'] = group.ssl_key_file
        if group.ssl_cert_file:
            given['certfile'] = group.ssl_cert_file
        if group.ssl_ca_file:
            given['ca_certs'] = group.ssl_ca_file
            given['cert_reqs'] = ssl.CERT_REQUIRED
            given['server_hostname'] = host.hostname
        return given or True
