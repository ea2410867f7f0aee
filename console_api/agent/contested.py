# SPDX-License-Identifier: Apache-2.0
"""The servers of this host that the registry has on another one."""

from collections.abc import Callable
from collections.abc import Collection
import dataclasses
import math
import random
import time

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: The first wait before such a server is reported again, in seconds. It
#: doubles each time; those of several hosts spread by half of it, either way.
_FIRST_WAIT = 1.0
#: A server that migrates is let go sooner.
_TRIES_BEFORE_WARNING = 4


@dataclasses.dataclass
class _Wait:
    due: float = 0.0
    seconds: float = _FIRST_WAIT
    tries: int = 0


class ContestedServers:
    """When to report the servers again that another host has not let go.

    A live migration ends like that: the new host has the server before the
    old one is rid of it, and no host can take a server from another. One
    that two hosts go on to claim is reported every ``longest`` seconds at
    last. For one thread.
    """

    def __init__(
        self,
        host: str,
        longest: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._longest = longest
        self._clock = clock
        self._waits: dict[str, _Wait] = {}

    @property
    def next_due(self) -> float:
        """When the first of them is due, by the clock."""
        dues = (wait.due for wait in self._waits.values())
        return min(dues, default=math.inf)

    def due(self) -> set[str]:
        """Those to be reported now; they stay until :meth:`settle`."""
        now = self._clock()
        return {i for i, wait in self._waits.items() if wait.due <= now}

    def hasten(self, changed: Collection[str]) -> None:
        """Something happened to these servers: it may be the last step."""
        for server_id in changed:
            if server_id in self._waits:
                self._waits[server_id].seconds = _FIRST_WAIT

    def settle(self, asked: Collection[str], kept: Collection[str]) -> None:
        """Those ``asked`` were reported, and another host has ``kept``."""
        for server_id in asked:
            if server_id in kept:
                self._refused(server_id)
            else:
                self._waits.pop(server_id, None)

    def _refused(self, server_id: str) -> None:
        wait = self._waits.setdefault(server_id, _Wait())
        wait.tries += 1
        if wait.tries == _TRIES_BEFORE_WARNING:
            LOG.warning(
                'Server %s is on %s, but another host has reported it and '
                'does not let it go. It is reported again until then',
                server_id,
                self._host,
            )
        wait.seconds = min(wait.seconds, self._longest)
        spread = random.uniform(0.5, 1.5)  # noqa: S311 - nobody gains by it
        wait.due = self._clock() + wait.seconds * spread
        wait.seconds *= 2
