# SPDX-License-Identifier: Apache-2.0
"""Bulkheads: a side that does not answer costs those who ask others nothing.

Calls are counted by whom they ask. A few may be under way to each side; more
wait only while it answers, and not for long. One that was silent is not asked
for some seconds, then by one call alone, and by all again once it answers.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
import contextlib
import dataclasses
import enum
import math
import threading
import time

#: How much of the mean time of a call is that of the last one.
_NEWEST = 0.1
#: Who was silent so many seconds ago is as good as unknown.
_FORGOTTEN = 60.0
#: So many means are kept.
_MOST_MEANS = 4096


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of each side; times are in seconds.

    ``most`` calls are under way at once. Who is to wait for a turn for more
    than ``wait`` is refused, and so is everybody who would have to wait while
    no turn has begun or ended for ``patience``. One whose call ended in
    silence is not asked for ``memory``.
    """

    most: int = 2
    patience: float = 1.0
    memory: float = 5.0
    wait: float = 1.0


class RefusedError(Exception):
    """There is no turn now: ``silent`` if there was no answer of late."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__('silent' if silent else 'busy')
        self.silent = silent


@dataclasses.dataclass(frozen=True, eq=False)
class Turn:
    """One call that has begun; ``probing`` whether its side answers again."""

    key: Hashable
    began: float
    probing: bool = False


class Outcome(enum.Enum):
    """How a call ended."""

    ANSWERED = enum.auto()
    SILENT = enum.auto()
    #: It says nothing of the other side.
    NEITHER = enum.auto()


@dataclasses.dataclass
class _Side:
    turns: set[Turn] = dataclasses.field(default_factory=set)
    #: When a call began or ended last, and when one was answered.
    moved: float = -math.inf
    answered: float = -math.inf
    #: Until when it is taken to be silent; None: it is not.
    silent_until: float | None = None


class Bulkheads:
    """The turns of all sides; knows no threads, and is not for several."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._sides: dict[Hashable, _Side] = {}
        #: How long an answer of a side takes; those asked last come last.
        self._means: dict[Hashable, float] = {}

    def ask(self, key: Hashable, waiting: int = 0) -> Turn | None:
        """A turn, or None: wait, as ``waiting`` others do.

        :raises RefusedError: there is none, and waiting is of no use
        """
        now = self._clock()
        side = self._side(key, now)
        if side.silent_until is not None:
            if now < side.silent_until:
                raise RefusedError(silent=True)
            if side.turns:
                raise RefusedError(silent=False)
            return self._begin(side, Turn(key, now, probing=True))
        if len(side.turns) < self.limits.most:
            return self._begin(side, Turn(key, now))
        mean = self._means.get(key, 0.0)
        if (
            now - side.moved >= self.limits.patience
            or (waiting + 1) * mean / self.limits.most > self.limits.wait
        ):
            raise RefusedError(silent=False)
        return None

    def end(self, turn: Turn, outcome: Outcome) -> None:
        """The call of this turn is over."""
        now = self._clock()
        side = self._sides[turn.key]
        side.turns.remove(turn)
        side.moved = now
        if outcome is Outcome.ANSWERED:
            side.answered, side.silent_until = now, None
            self._note(turn.key, now - turn.began)
        elif outcome is Outcome.SILENT and side.answered < turn.began:
            # One that has answered others meanwhile is there.
            side.silent_until = now + self.limits.memory
        if not side.turns and side.silent_until is None:
            del self._sides[turn.key]

    def _side(self, key: Hashable, now: float) -> _Side:
        side = self._sides.get(key)
        if side is None:
            for other, old in list(self._sides.items()):
                until = old.silent_until or now
                if not old.turns and until + _FORGOTTEN < now:
                    del self._sides[other]
            side = self._sides[key] = _Side()
        return side

    @staticmethod
    def _begin(side: _Side, turn: Turn) -> Turn:
        side.turns.add(turn)
        side.moved = turn.began
        return turn

    def _note(self, key: Hashable, seconds: float) -> None:
        mean = self._means.pop(key, seconds)
        self._means[key] = mean + _NEWEST * (seconds - mean)
        if len(self._means) > _MOST_MEANS:
            del self._means[next(iter(self._means))]


class ThreadBulkheads:
    """The same for threads, which wait for their turns.

    ``silence`` are the errors of a call that was not answered; ``neither``
    are those that say nothing of the side. Any other one is an answer.
    """

    def __init__(
        self,
        limits: Limits,
        silence: tuple[type[Exception], ...] = (),
        neither: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books = Bulkheads(limits, clock)
        self._limits = limits
        self._silence = silence
        self._neither = neither
        self._lock = threading.Lock()
        self._queues: dict[Hashable, _Queue] = {}

    @contextlib.contextmanager
    def turn(self, key: Hashable) -> Iterator[Turn]:
        """A turn to call this side, for as long as the block runs.

        :raises RefusedError: there is none, and there will be none soon
        """
        turn = self.begin(key)
        outcome = Outcome.ANSWERED
        try:
            yield turn
        except self._silence:
            outcome = Outcome.SILENT
            raise
        except self._neither:
            outcome = Outcome.NEITHER
            raise
        finally:
            self.end(turn, outcome)

    def begin(self, key: Hashable) -> Turn:
        """A turn, which somebody must ``end``; any thread may.

        :raises RefusedError: as :meth:`turn` does
        """
        with self._lock:
            queue = self._queues.setdefault(key, _Queue(self._lock))
            try:
                turn = self._books.ask(key, queue.waiting)
                return turn or self._wait(key, queue)
            finally:
                if not queue.waiting:
                    self._queues.pop(key, None)

    def end(self, turn: Turn, outcome: Outcome = Outcome.ANSWERED) -> None:
        """The call of this turn is over."""
        with self._lock:
            self._books.end(turn, outcome)
            queue = self._queues.get(turn.key)
            if queue is not None:
                # After an answer there is one turn more, else none.
                answered = outcome is Outcome.ANSWERED
                queue.changed.notify(1 if answered else queue.waiting)

    def _wait(self, key: Hashable, queue: '_Queue') -> Turn:
        end = time.monotonic() + self._limits.wait
        queue.waiting += 1
        try:
            while (left := end - time.monotonic()) > 0:
                queue.changed.wait(min(left, self._limits.patience))
                turn = self._books.ask(key)
                if turn is not None:
                    return turn
        finally:
            queue.waiting -= 1
        raise RefusedError(silent=False)


class _Queue:
    """Those who wait for a turn of one side."""

    def __init__(self, lock: threading.Lock) -> None:
        self.waiting = 0
        self.changed = threading.Condition(lock)
