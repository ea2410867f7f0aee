# SPDX-License-Identifier: Apache-2.0
"""Helper threads that an error does not end for good.

A thread that ends by an error leaves its process at work without it, and
nobody knows. So each one is a :class:`Supervised`, or is for one call or one
client and tells its error to whoever waits for it.
"""

import collections
from collections.abc import Callable
from collections.abc import Mapping
import functools
import os
import signal
import threading
import time
import traceback

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: The pause before a thread is started again, in seconds. It doubles up to the
#: second figure, and is the first one again for what ran for the third.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_STABLE = 60.0


class _Restarts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: collections.Counter[str] = collections.Counter()

    def count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._counts)


@functools.cache
def _restarts() -> _Restarts:
    """Those of this process: who tells of them knows no threads."""
    return _Restarts()


def restarts() -> Mapping[str, int]:
    """How often each thread of this process was started again, by name."""
    return _restarts().counts()


class Supervised(threading.Thread):
    """A daemon that calls ``work`` until that returns.

    Where it raises instead, this is one line in the log and one more in
    ``restarts``, and after a pause ``work`` is called again: it must be fit
    for that. The pause ends when ``stopped`` is set, and the thread with it.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        stopped: threading.Event | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._stopped = stopped or threading.Event()

    def run(self) -> None:
        """See ``Supervised``."""
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                self._work()
            except BaseException as exc:  # noqa: BLE001 - also SystemExit
                if time.monotonic() - began >= _STABLE:
                    pause = _FIRST_PAUSE
                self._tell(exc, pause)
            else:
                return
            if self._stopped.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _tell(self, exc: BaseException, pause: float) -> None:
        _restarts().count(self.name)
        LOG.error(
            'The thread %s failed and goes on in %.1f s: %r at %s',
            self.name,
            pause,
            exc,
            _place(exc),
        )


def end_process(name: str, exc: BaseException) -> None:
    """End this process as SIGTERM does: it is no good without the thread."""
    LOG.critical(
        'The thread %s failed and the process ends: %r at %s',
        name,
        exc,
        _place(exc),
    )
    os.kill(os.getpid(), signal.SIGTERM)


def _place(exc: BaseException) -> str:
    """Where it was raised; the log has one line for it, not a traceback."""
    frames = traceback.extract_tb(exc.__traceback__)
    if not frames:
        return 'an unknown place'
    last = frames[-1]
    return f'{os.path.basename(last.filename)}:{last.lineno}'
