# SPDX-License-Identifier: Apache-2.0
"""Bulkheads: a side that does not answer costs those who ask others nothing.

Calls are counted by whom they ask. A few may be under way to each side; more
wait only while it answers, and not for long. One that was silent is not asked
for some seconds, then by one call alone, and by all again once it answers.
"""

import collections
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
#: What is left of the patience with a crowd.
_LEAST = 0.2
#: Who was silent so many seconds ago is as good as unknown.
_FORGOTTEN = 60.0
#: So many means are kept.
_MOST_MEANS = 4096


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of each side; times are in seconds.

    ``most`` calls are under way at once. Who is to wait for a turn for more
    than ``wait`` is refused, and so is everybody who would have to wait while
    no turn has begun or ended for ``patience``, which shrinks to a fifth as
    ``crowd`` others come to wait. One whose call ended in silence is not
    asked for ``memory``. No more than ``line`` wait at all.
    """

    most: int = 2
    patience: float = 1.0
    memory: float = 5.0
    wait: float = 1.0
    crowd: float = math.inf
    line: float = math.inf

    def patience_of(self, waiting: int) -> float:
        """The patience where so many wait."""
        return self.patience * max(_LEAST, 1 - waiting / self.crowd)


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
        expected = (waiting + 1) * mean / self.limits.most
        if expected > self.limits.wait or waiting >= self.limits.line:
            raise RefusedError(silent=False)
        self.check(key, waiting)
        return None

    def check(self, key: Hashable, waiting: int) -> None:
        """Return if something happens there, for which one may wait.

        :raises RefusedError: it does not
        """
        still = self._clock() - self._sides[key].moved
        if still >= self.limits.patience_of(waiting):
            raise RefusedError(silent=False)

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
        self._queues: dict[Hashable, collections.deque[_Waiter]] = {}

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
            queue = self._queues.get(key)
            turn = self._books.ask(key, len(queue or ()))
            if turn is not None:
                return turn
            if queue is None:
                queue = self._queues[key] = collections.deque()
            waiter = _Waiter(self._lock)
            queue.append(waiter)
            try:
                return self._wait(key, queue, waiter)
            finally:
                if waiter in queue:
                    queue.remove(waiter)
                if not queue and self._queues.get(key) is queue:
                    del self._queues[key]

    def end(self, turn: Turn, outcome: Outcome = Outcome.ANSWERED) -> None:
        """The call of this turn is over: that of the next one may begin."""
        with self._lock:
            self._books.end(turn, outcome)
            queue = self._queues.get(turn.key)
            while queue:
                waiter = queue[0]
                try:
                    waiter.turn = self._books.ask(turn.key)
                except RefusedError as exc:
                    waiter.refused = exc
                else:
                    if waiter.turn is None:
                        break
                queue.popleft()
                waiter.told.notify()

    def _wait(
        self,
        key: Hashable,
        queue: 'collections.deque[_Waiter]',
        waiter: '_Waiter',
    ) -> Turn:
        end = time.monotonic() + self._limits.wait
        while True:
            left = end - time.monotonic()
            patience = self._limits.patience_of(len(queue))
            waiter.told.wait(max(0.0, min(left, patience)))
            if waiter.refused is not None:
                raise waiter.refused
            if waiter.turn is not None:
                return waiter.turn
            if time.monotonic() >= end:
                raise RefusedError(silent=False)
            self._books.check(key, len(queue))


class _Waiter:
    """One who waits for a turn, until it has one or is refused."""

    def __init__(self, lock: threading.Lock) -> None:
        self.told = threading.Condition(lock)
        self.turn: Turn | None = None
        self.refused: RefusedError | None = None
