# SPDX-License-Identifier: Apache-2.0
"""What an agent or a conductor tells of itself: metrics and health.

Whatever counts something registers with ``Telemetry.registry``.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import json
import math
import platform
import threading
import time
from typing import Any

from oslo_log import log as logging
import oslo_messaging
import prometheus_client

from console_api import figures
from console_api import statusserver
from console_api import version

LOG = logging.getLogger(__name__)

#: For so many seconds an answer is good.
_KEPT = 5.0
#: How long one who asks waits for the answer, in seconds.
_PATIENCE = 3.0
_SILENT = 'it does not answer'
_JSON = 'application/json'

#: Why something is not well; nothing while it is.
Reasons = Callable[[], Sequence[str]]


class Telemetry:
    """The figures of one process; ``prefix`` begins all their names."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        self.registry.register(figures.ThreadRestarts())
        build = prometheus_client.Gauge(
            f'{prefix}_build_info',
            'The release that runs.',
            ['version', 'python'],
            registry=self.registry,
        )
        build.labels(version.version_string(), platform.python_version()).set(
            1
        )
        self._answered = prometheus_client.Counter(
            f'{prefix}_calls_answered',
            'Calls over the message bus, by what came of them.',
            ['method', 'outcome'],
            registry=self.registry,
        )

    def counted(self, endpoint: object) -> object:
        """The endpoint, whose calls are counted from now on."""
        return _CountedEndpoint(endpoint, self._count)

    def _count(self, method: str, outcome: str) -> None:
        self._answered.labels(method, outcome).inc()


class _CountedEndpoint:
    """Looks like the endpoint to oslo.messaging's dispatcher."""

    def __init__(
        self, endpoint: object, count: Callable[[str, str], None]
    ) -> None:
        self._endpoint = endpoint
        self._count = count
        self.target = getattr(endpoint, 'target')  # noqa: B009 - its type

    def __getattr__(self, name: str) -> Any:
        # What is asked for and not there is asked for in vain, uncounted:
        # a caller cannot add a series of its own.
        method = getattr(self._endpoint, name)

        @functools.wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            outcome = 'error'
            try:
                answer = method(*arguments, **named)
                outcome = 'answered'
            except oslo_messaging.ExpectedException:
                outcome = 'refused'
                raise
            finally:
                self._count(name, outcome)
            return answer

        return call


class Question:
    """Asks something that may take long; the answer is kept for seconds.

    ``ask`` raises where the answer is no. It is called in a thread, one at a
    time; who wants to know waits for it, but not for long.
    """

    def __init__(self, what: str, ask: Callable[[], object]) -> None:
        self._what = what
        self._ask = ask
        self._lock = threading.Lock()
        self._until = -math.inf
        self._good = False
        self._asking: threading.Thread | None = None

    def is_good(self) -> bool:
        """Whether the answer is yes, and came in time."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._good
            if self._asking is None:
                self._asking = threading.Thread(
                    target=self._run, name='question', daemon=True
                )
                self._asking.start()
            asking = self._asking
        asking.join(_PATIENCE)
        with self._lock:
            return self._good and time.monotonic() < self._until

    def _run(self) -> None:
        good = True
        try:
            self._ask()
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is a no
            LOG.warning('%s does not answer: %r', self._what, exc)
            good = False
        with self._lock:
            self._good = good
            self._until = time.monotonic() + _KEPT
            self._asking = None


class Pulse:
    """A loop that moves; ``longest`` is how long a turn may take, in s."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._last = math.inf

    def beat(self) -> None:
        """A turn begins."""
        self._last = time.monotonic()

    @property
    def has_stopped(self) -> bool:
        """Whether a turn has taken too long; not before the first one."""
        return time.monotonic() - self._last > self._longest


class Status:
    """Answers for one worker, and at the common address for all of them.

    ``alive`` is why it should be started again, ``ready`` why it is of no use
    at the moment.
    """

    def __init__(
        self,
        place: statusserver.Place,
        told: Telemetry,
        alive: Reasons,
        ready: Reasons,
    ) -> None:
        self._place = place
        self._told = told
        self._reasons = {'alive': alive, 'ready': ready}
        self._servers = [
            statusserver.StatusServer([*place.shared], self._for_all)
        ]
        if place.doors:
            own = place.doors[place.index]
            self._servers.append(
                statusserver.StatusServer([own], self._for_sibling)
            )

    def start(self) -> None:
        """Answer until ``stop``."""
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        """Answer no more."""
        for server in self._servers:
            server.stop()

    def _for_sibling(self, path: str) -> statusserver.Answer | None:
        found = self._own(path.removeprefix('/'))
        if found is None:
            return None
        return statusserver.Answer(200, _JSON, json.dumps(found).encode())

    def _for_all(self, path: str) -> statusserver.Answer | None:
        if path == '/metrics':
            text = figures.exposition(self._told.prefix, self._all('figures'))
            return statusserver.Answer(200, figures.CONTENT_TYPE, text)
        if path == '/healthz':
            return _document('alive', self._all('alive'), all)
        if path in ('/readyz', '/healthcheck'):
            # The others do the work while one is replaced.
            return _document('ready', self._all('ready'), any)
        return None

    def _all(self, kind: str) -> dict[int, Any]:
        """What each worker says; None for one that says nothing."""
        answers: dict[int, Any] = {}
        for index in range(len(self._place.doors) or 1):
            if index == self._place.index:
                answers[index] = self._own(kind)
                continue
            data = statusserver.ask(self._place.doors[index], f'/{kind}')
            answers[index] = None if data is None else json.loads(data)
        return answers

    def _own(self, kind: str) -> Any:
        if kind == 'figures':
            return figures.families(self._told.registry)
        reasons = self._reasons.get(kind)
        return None if reasons is None else list(reasons())


def _document(
    word: str,
    answers: Mapping[int, Sequence[str] | None],
    over: Callable[[list[bool]], bool],
) -> statusserver.Answer:
    workers: dict[int, dict[str, object]] = {}
    for index, found in answers.items():
        reasons = [_SILENT] if found is None else list(found)
        workers[index] = {word: not reasons, 'reasons': reasons}
    good = over([bool(worker[word]) for worker in workers.values()])
    body = json.dumps({word: good, 'workers': workers}, indent=1) + '\n'
    return statusserver.Answer(200 if good else 503, _JSON, body.encode())
