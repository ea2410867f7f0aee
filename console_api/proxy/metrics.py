# SPDX-License-Identifier: Apache-2.0
"""What Prometheus is told: figures of one worker, and those of all in one."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import platform

import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from console_api import figures
from console_api import version
from console_api.consoles import types
from console_api.proxy import closing
from console_api.proxy import lookups
from console_api.proxy import outlook
from console_api.proxy import tally

CONTENT_TYPE = figures.CONTENT_TYPE

_PREFIX = 'console_proxy'
_TURN = 1.0
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Lag:
    """Observes once a second how late the event loop calls."""

    def __init__(self) -> None:
        self.histogram = prometheus_client.Histogram(
            f'{_PREFIX}_loop_lag_seconds',
            'How late the event loop was for what was due.',
            buckets=_LAG_BUCKETS,
            registry=None,
        )
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Observe until ``stop``."""
        self._due = self._loop.time() + _TURN
        self._timer = self._loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Observe no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.histogram.observe(max(0.0, self._loop.time() - self._due))
        self.start()


class Metrics(registry.Collector):
    """The figures of one event loop, made when one asks for them."""

    def __init__(
        self,
        counted: tally.Tally,
        handshakes: Callable[[], int],
        asked: lookups.Lookups,
        lag: Lag,
        announcer: outlook.Announcer | None = None,
    ) -> None:
        self._counted = counted
        self._announcer = announcer
        self._handshakes = handshakes
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        restarts = figures.ThreadRestarts()
        for collector in (self, asked.latency, lag.histogram, restarts):
            self._registry.register(collector)

    def families(self) -> list[figures.Family]:
        """All of it, as JSON can carry it."""
        return figures.families(self._registry)

    def describe(self) -> list[core.Metric]:
        """See prometheus_client; what ``collect`` gives needs no check."""
        return []

    def collect(self) -> Iterator[core.Metric]:
        """See prometheus_client."""
        build = core.GaugeMetricFamily(
            f'{_PREFIX}_build_info',
            'The release that runs.',
            labels=['version', 'python'],
        )
        release = version.version_string(), platform.python_version()
        build.add_metric(release, 1)
        yield build
        yield core.GaugeMetricFamily(
            f'{_PREFIX}_handshakes',
            'Connections that carry no session, or none yet.',
            value=self._handshakes(),
        )
        yield from self._of_sessions()
        yield from self._of_refusals()
        yield self._carried()
        yield _by_outcome(
            'direct_files',
            'Requests for .vv files, by what came of them.',
            tally.FILE_OUTCOMES,
            self._counted.files,
        )
        if self._announcer is not None:
            yield _by_outcome(
                'notifications',
                'Notifications of sessions, by what came of them.',
                ('sent', 'dropped', 'failed'),
                self._announcer.counts,
            )

    def _of_sessions(self) -> Iterator[core.Metric]:
        now = core.GaugeMetricFamily(
            f'{_PREFIX}_sessions', 'Sessions now.', labels=['type']
        )
        started = core.CounterMetricFamily(
            f'{_PREFIX}_sessions_started',
            'Sessions whose token was accepted.',
            labels=['type'],
        )
        ended = core.CounterMetricFamily(
            f'{_PREFIX}_sessions_ended',
            'Sessions that are over, by why.',
            labels=['type', 'reason'],
        )
        current = self._counted.sessions()
        for name in _types():
            now.add_metric([name], current[name])
            started.add_metric([name], self._counted.started[name])
        for labels, count in sorted(self._counted.ended.items()):
            ended.add_metric(labels, count)
        yield from (now, started, ended)

    def _of_refusals(self) -> Iterator[core.Metric]:
        refused = core.CounterMetricFamily(
            f'{_PREFIX}_refusals',
            'Requests for a session that ended before it started, by why.',
            labels=['reason'],
        )
        for name in closing.names():
            refused.add_metric([name], self._counted.refused[name])
        yield refused
        yield core.CounterMetricFamily(
            f'{_PREFIX}_connections_turned_away',
            'Connections beyond max_handshakes or its share of one client.',
            value=self._counted.turned_away,
        )

    def _carried(self) -> core.Metric:
        carried = core.CounterMetricFamily(
            f'{_PREFIX}_carried_bytes',
            'Bytes that guests and clients have sent in sessions.',
            labels=['type', 'direction'],
        )
        from_guests, from_clients = self._counted.carried()
        for name in _types():
            carried.add_metric([name, 'from_guest'], from_guests[name])
            carried.add_metric([name, 'from_client'], from_clients[name])
        return carried


def exposition(
    answers: Mapping[int, Sequence[figures.Family] | None],
) -> bytes:
    """The figures of each worker by its index; None for one without answer."""
    return figures.exposition(_PREFIX, answers)


def _by_outcome(
    name: str, text: str, outcomes: Sequence[str], counts: Mapping[str, int]
) -> core.Metric:
    family = core.CounterMetricFamily(
        f'{_PREFIX}_{name}', text, labels=['outcome']
    )
    for outcome in outcomes:
        family.add_metric([outcome], counts.get(outcome, 0))
    return family


def _types() -> list[str]:
    return [*types.CONSOLE_TYPES, tally.OTHER]
