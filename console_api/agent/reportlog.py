# SPDX-License-Identifier: Apache-2.0
"""What became of the reports of an agent, for those who watch it."""

from collections.abc import Iterator
import contextlib
import math
import time

import prometheus_client

from console_api import telemetry

_ACCEPTED = 'accepted'
_FAILED = 'failed'
#: What a turn of the loop may take beyond the wait between two reports, in
#: seconds: three calls of a minute, and a driver that is slow.
_SLOW = 300.0


class ReportLog:
    """Counts reports; ``interval`` in seconds is the wait between them."""

    def __init__(self, told: telemetry.Telemetry, interval: float) -> None:
        # A wait after a failure is up to half as long again.
        self.pulse = telemetry.Pulse(1.5 * interval + _SLOW)
        self._accepted = -math.inf
        self._failing = False
        self._reports = prometheus_client.Counter(
            f'{told.prefix}_reports',
            'Reports to the conductors, by what came of them.',
            ['kind', 'outcome'],
            registry=told.registry,
        )
        for kind in ('all', 'changes'):
            for outcome in (_ACCEPTED, _FAILED):
                self._reports.labels(kind, outcome)
        self._servers = prometheus_client.Gauge(
            f'{told.prefix}_servers',
            'Servers in the last report of all of them.',
            registry=told.registry,
        )
        age = prometheus_client.Gauge(
            f'{told.prefix}_report_age_seconds',
            'Time since the last report that was accepted; infinite before.',
            registry=told.registry,
        )
        age.set_function(lambda: time.monotonic() - self._accepted)

    @contextlib.contextmanager
    def sending(self, kind: str) -> Iterator[None]:
        """What is done within is a report: it is accepted unless it fails."""
        outcome = _FAILED
        try:
            yield
            outcome = _ACCEPTED
        finally:
            self._reports.labels(kind, outcome).inc()
            self._failing = outcome is _FAILED
        self.accepted()

    def accepted(self) -> None:
        """A conductor knows of the agent."""
        self._accepted = time.monotonic()

    def listed(self, count: int) -> None:
        """The host has so many servers."""
        self._servers.set(count)

    def hindrances(self) -> list[str]:
        """Why the conductors do not know what is here; none if they do."""
        if self._failing:
            return ['the last report was not accepted']
        if self._accepted == -math.inf:
            return ['no report was accepted yet']
        return []
