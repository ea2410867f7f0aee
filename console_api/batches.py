# SPDX-License-Identifier: Apache-2.0
"""One answer for all who ask the same at the same moment."""

from collections.abc import Callable
from collections.abc import Hashable
from concurrent import futures
import dataclasses
import threading
import time
from typing import Generic
from typing import TypeVar

from console_api import bulkhead

_T = TypeVar('_T')


class _Batch(futures.Future[_T]):
    """A call, and all who wait for what it returns."""

    began: float | None = None


@dataclasses.dataclass
class _Line(Generic[_T]):
    """The call that is under way, and the one after it."""

    current: _Batch[_T] | None = None
    following: _Batch[_T] | None = None


class Batches(Generic[_T]):
    """Lets those who ask about one thing share their calls; for threads.

    Who asks while a call is under way has the answer of the next one: each
    answer is of a call that began after its question. A call that has been
    under way for ``patience`` seconds is not waited for.
    """

    def __init__(
        self, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line[_T]] = {}

    def run(self, key: Hashable, call: Callable[[], _T]) -> _T:
        """What ``call`` returns or raises, or that of another with the key.

        ``call`` must end by itself.

        :raises RefusedError: the call before has no answer yet
        """
        with self._lock:
            line = self._lines.setdefault(key, _Line())
            batch, before = line.following, line.current
            if batch is not None:
                leads = False
            else:
                leads, batch = True, _Batch[_T]()
                line.following = batch
        if leads:
            self._lead(key, line, batch, before, call)
        return batch.result()

    def _lead(
        self,
        key: Hashable,
        line: _Line[_T],
        batch: _Batch[_T],
        before: _Batch[_T] | None,
        call: Callable[[], _T],
    ) -> None:
        ready = before is None or self._wait(before)
        with self._lock:
            line.following = None
            if ready:
                batch.began = self._clock()
                line.current = batch
            elif line.current is None:
                self._lines.pop(key, None)
        if not ready:
            batch.set_exception(bulkhead.RefusedError(silent=False))
            return
        try:
            answer = call()
        except BaseException as exc:  # noqa: BLE001 - of each who waits
            self._end(key, line)
            batch.set_exception(exc)
        else:
            self._end(key, line)
            batch.set_result(answer)

    def _wait(self, before: _Batch[_T]) -> bool:
        """Whether the call is over, or soon was."""
        assert before.began is not None
        left = before.began + self._patience - self._clock()
        done, _ = futures.wait([before], max(left, 0.0))
        return bool(done)

    def _end(self, key: Hashable, line: _Line[_T]) -> None:
        with self._lock:
            line.current = None
            if line.following is None:
                del self._lines[key]
