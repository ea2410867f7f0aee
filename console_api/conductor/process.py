# SPDX-License-Identifier: Apache-2.0
"""The conductor put together: registry, tokens, RPC server and purge."""

import threading

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import timeutils

from console_api import bulkhead
from console_api import exception
from console_api import rpc
from console_api import telemetry
from console_api import threads
from console_api.agent import rpcapi as agent_rpcapi
from console_api.conductor import endpoint
from console_api.conductor import health
from console_api.conf import conductor as conductor_conf
from console_api.conf import consoleauth
from console_api.consoles import broker as console_broker
from console_api.consoles import targets
from console_api.consoles import tokens
from console_api.db import api as db_api
from console_api.db import limits
from console_api.db import tokens as db_tokens
from console_api.servers import agents as agent_reports
from console_api.servers import proofs
from console_api.servers import reports

LOG = logging.getLogger(__name__)

_PREFIX = 'console_conductor'
#: How often expired tokens are removed, in seconds, and how many at a time.
_PURGE_INTERVAL = 60
_PURGE_BATCH = 500
#: It has more threads than an API, so that more of them may wait for a host
#: that answers, as after a restart of its servers.
_AGENTS = bulkhead.Limits(wait=3.0, crowd=32)


class Conductor:
    """Everything between the database and those who may not touch it."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.telemetry = telemetry.Telemetry(_PREFIX)
        self._database = db_api.Database(conf)
        # Nobody waits for it, and it has to get on where all is slow.
        self._purged = db_api.Database(conf, limits.PURGE)
        self._transport = rpc.get_transport(conf)
        self.broker = console_broker.ConsoleBroker(
            self._database,
            agent_rpcapi.AgentAPI(
                conf,
                self._transport,
                proofs.HostProofs(self._database),
                _AGENTS,
            ),
            conf.consoleauth.token_ttl,
            targets.AllowedTargets(conf.console.allowed_targets),
            tokens.Use(
                conf.consoleauth.token_use == consoleauth.SINGLE,
                conf.consoleauth.reconnect_window,
            ),
        )
        self.recorder = reports.ReportRecorder(self._database)
        self._is_open = conf.conductor.enrolment == conductor_conf.OPEN
        self._server = rpc.get_server(
            self._transport,
            rpc.CONDUCTOR_TOPIC,
            conf.host,
            [self.telemetry.counted(self._endpoint())],
        )
        self._health = health.Health(conf, self._transport, self.telemetry)
        self._stopped = threading.Event()
        self._purger = threads.Supervised(
            'purge', self._purge_loop, self._stopped
        )

    def _endpoint(self) -> object:
        return endpoint.ConductorEndpoint(
            self.broker,
            self.recorder,
            agent_reports.AgentRecorder(self._database, self._is_open),
        )

    def start(self) -> None:
        """Answer calls and remove what has expired."""
        if self._is_open:
            LOG.warning(
                'Any host may join: [conductor] enrolment is open, which is '
                'for laboratories'
            )
        self._server.start()
        self._purger.start()

    def stop(self) -> None:
        """Finish the calls that run, then release everything."""
        self._stopped.set()
        self._purger.join()
        self._server.stop()
        self._server.wait()
        self._transport.cleanup()
        self._database.close()
        self._purged.close()
        self._health.close()

    def troubles(self) -> list[str]:
        """Why it should be started again; none while it lives."""
        return self._health.troubles()

    def hindrances(self) -> list[str]:
        """Why it is of no use; none while it answers and records."""
        return self._health.hindrances()

    def purge(self) -> int:
        """Remove expired tokens, in short transactions; how many."""
        removed = 0
        while not self._stopped.is_set():
            count = self._purged.write(_purge_batch)
            removed += count
            self._health.purged(count)
            if count < _PURGE_BATCH:
                break
        return removed

    def _purge_loop(self) -> None:
        while not self._stopped.wait(_PURGE_INTERVAL):
            self._health.pulse.beat()
            try:
                self.purge()
            except exception.DatabaseUnavailable:
                LOG.warning('Expired tokens stay until the next turn')
            except Exception:
                LOG.exception('Expired tokens could not be removed')


def _purge_batch(connection: db_api.Connection) -> int:
    now = int(timeutils.utcnow_ts())
    return db_tokens.purge(connection, now, _PURGE_BATCH)
