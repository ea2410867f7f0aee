# SPDX-License-Identifier: Apache-2.0
"""What agents know controllers by: from the database, kept for seconds."""

from collections.abc import Callable
import threading
import time

from console_api.agent import rpcapi
from console_api.db import agents as db_agents
from console_api.db import api as db_api

#: Seconds; a host that is forgotten and let in anew has another key.
_KEPT = 10.0
#: More hosts than a cloud has; beyond, all are read again.
_MOST = 10_000


class HostProofs:
    """The proof for the agent of each host."""

    def __init__(
        self,
        database: db_api.Database,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}

    def __call__(self, host: str) -> str | None:
        """None where the host has no agent with a key.

        :raises DatabaseUnavailable: it could not be read
        """
        now = self._clock()
        with self._lock:
            until, shown = self._known.get(host, (0.0, ''))
        if now < until:
            return shown
        with self._database.reader() as connection:
            agent = db_agents.get(connection, host)
        if agent is None or agent.key_hash is None:
            return None
        shown = rpcapi.proof(agent.key_hash)
        with self._lock:
            if len(self._known) > _MOST:
                self._known.clear()
            self._known[host] = now + _KEPT, shown
        return shown
