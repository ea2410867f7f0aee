# SPDX-License-Identifier: Apache-2.0
"""Notifications of sessions, for audits; a session never waits for them."""

import collections
from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import datetime
import logging
import queue
import time

from console_api import threads

LOG = logging.getLogger(__name__)

#: Notifications that wait for the bus; one more is dropped.
MOST = 1000
#: Of the payloads; 1.1 added view_only.
_VERSION = '1.1'
#: Seconds between two lines in the log about such.
_PAUSE = 60.0

#: Sends one; blocks for as long as it takes.
Send = Callable[[str, Mapping[str, object]], None]


class Announcer:
    """Sends in a thread of its own, in the order of the events."""

    def __init__(self, send: Send, most: int = MOST) -> None:
        #: How many were sent, dropped, or failed.
        self.counts: collections.Counter[str] = collections.Counter()
        self._send = send
        self._told = -_PAUSE
        self._queue: queue.Queue[tuple[str, Mapping[str, object]] | None]
        self._queue = queue.Queue(most)
        # A bus that is away must not hold up the end of the process.
        self._thread = threads.Supervised('notifications', self._run)
        self._thread.start()

    def announce(self, event: str, facts: Mapping[str, object]) -> None:
        """Send this soon; it is dropped where too many wait."""
        try:
            self._queue.put_nowait((event, payload(event, facts)))
        except queue.Full:
            self.counts['dropped'] += 1
            now = time.monotonic()
            if now >= self._told + _PAUSE:
                self._told = now
                LOG.error(
                    'Notifications are dropped: %d wait for the bus',
                    self._queue.qsize(),
                )

    def close(self, patience: float) -> None:
        """Send what waits, for at most so many seconds."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=patience)
            self._thread.join(patience)

    def _run(self) -> None:
        while (waiting := self._queue.get()) is not None:
            try:
                self._send(*waiting)
                self.counts['sent'] += 1
            except Exception as exc:  # noqa: BLE001 - the next may go out
                self.counts['failed'] += 1
                LOG.error('No notification was sent: %s', type(exc).__name__)


def payload(event: str, facts: Mapping[str, object]) -> dict[str, object]:
    """The facts of a session in the form of versioned notifications."""
    phase = event.rpartition('.')[2]
    now = datetime.datetime.now(datetime.UTC)
    data = {'occurred_at': now.strftime('%Y-%m-%dT%H:%M:%SZ'), **facts}
    return {
        'nova_object.name': f'ConsoleSession{phase.capitalize()}Payload',
        'nova_object.namespace': 'console_api',
        'nova_object.version': _VERSION,
        'nova_object.data': data,
    }
