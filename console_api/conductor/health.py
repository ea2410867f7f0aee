# SPDX-License-Identifier: Apache-2.0
"""How a conductor is: its database, its bus, its loop."""

from collections.abc import Callable

from oslo_config import cfg
import oslo_messaging
import prometheus_client

from console_api import context as console_context
from console_api import telemetry
from console_api.conductor import rpcapi
from console_api.db import api as db_api
from console_api.db import servers as db_servers

#: Seconds that the database may take for one row.
_PATIENCE = 2.0
#: What a turn of the purge may take in seconds: the wait before it, and what
#: the database is given for one batch.
_TURN = 60.0 + 600.0 + 60.0
#: A server that is nowhere.
_NOBODY = '00000000-0000-0000-0000-000000000000'
_REASONS = {
    'database': 'the database does not answer',
    'bus': 'calls over the bus are not answered',
}


class Health:
    """Asks what the conductor needs, when somebody wants to know.

    The bus is asked by a call to the conductors of this host: it is well if
    a call reaches them and their answer comes back.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: oslo_messaging.Transport,
        told: telemetry.Telemetry,
    ) -> None:
        # Its own, which has a connection where calls have taken all.
        self._database = db_api.Database(conf, _PATIENCE)
        conductors = rpcapi.ConductorAPI(conf, transport)
        context = console_context.service_context()
        self._questions = {
            'database': telemetry.Question('The database', self._read),
            'bus': telemetry.Question(
                'The message bus',
                lambda: conductors.check(context, conf.host),
            ),
        }
        self.pulse = telemetry.Pulse(_TURN)
        for name, question in self._questions.items():
            _gauge(told, name, question.is_good)
        self._purged = prometheus_client.Counter(
            f'{told.prefix}_tokens_purged',
            'Expired tokens that were removed.',
            registry=told.registry,
        )

    def close(self) -> None:
        """Ask no more."""
        self._database.close()

    def purged(self, count: int) -> None:
        """So many tokens were removed, in one batch of several."""
        self.pulse.beat()
        self._purged.inc(count)

    def troubles(self) -> list[str]:
        """Why it should be started again."""
        return ['the purge stands still'] if self.pulse.has_stopped else []

    def hindrances(self) -> list[str]:
        """Why it is of no use."""
        return [
            _REASONS[name]
            for name, question in self._questions.items()
            if not question.is_good()
        ]

    def _read(self) -> None:
        with self._database.reader() as connection:
            db_servers.get(connection, _NOBODY)


def _gauge(
    told: telemetry.Telemetry, name: str, good: Callable[[], bool]
) -> None:
    up = prometheus_client.Gauge(
        f'{told.prefix}_{name}_up',
        f'Whether the {name} answers.',
        registry=told.registry,
    )
    up.set_function(lambda: float(good()))
