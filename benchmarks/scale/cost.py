# SPDX-License-Identifier: Apache-2.0
"""What calls cost: this thread's time, the database's, statements, latency."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib
import statistics
import time
from typing import Any

import sqlalchemy as sa


@dataclasses.dataclass
class Samples:
    """Of each call: seconds of this thread, statements and seconds in all.

    ``database`` is what the database spent on all of them, in seconds; None
    where it is part of this thread, or on another machine.
    """

    cpu: list[float] = dataclasses.field(default_factory=list)
    wall: list[float] = dataclasses.field(default_factory=list)
    statements: list[int] = dataclasses.field(default_factory=list)
    database: float | None = 0.0

    def cost(self) -> 'Cost':
        """Medians; the database's share is a mean."""
        return Cost(
            cpu=_ms(statistics.median(self.cpu)),
            database=(
                None
                if self.database is None
                else _ms(self.database / len(self.cpu))
            ),
            p50=_ms(statistics.median(self.wall)),
            statements=statistics.median_low(self.statements),
        )


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one call; times in milliseconds."""

    cpu: float
    database: float | None
    p50: float
    statements: int

    @property
    def spent(self) -> float:
        """The processor time of this thread and the database."""
        return self.cpu + (self.database or 0.0)


class Meter:
    """Measures calls of this thread, whatever connections they use."""

    def __init__(self) -> None:
        self._statements = 0
        self._serving: set[int] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Watch every engine until the context ends."""
        hooks: tuple[tuple[Any, str, Callable[..., None]], ...] = (
            (sa.Engine, 'before_cursor_execute', self._count),
            (sa.pool.Pool, 'connect', self._connected),
        )
        for target, event, function in hooks:
            sa.event.listen(target, event, function)
        try:
            yield
        finally:
            for target, event, function in hooks:
                sa.event.remove(target, event, function)

    def measure(self, call: Callable[[], object], samples: Samples) -> None:
        """Do it once and keep what it cost."""
        statements, database = self._statements, self._database()
        wall, cpu = time.perf_counter(), time.thread_time()
        call()
        samples.cpu.append(time.thread_time() - cpu)
        samples.wall.append(time.perf_counter() - wall)
        samples.statements.append(self._statements - statements)
        after = self._database()
        if not after:
            samples.database = None
        elif samples.database is not None:
            samples.database += sum(
                spent - database.get(thread, 0.0)
                for thread, spent in after.items()
            )

    def _count(self, *_: object) -> None:
        self._statements += 1

    def _connected(self, connection: Any, _record: object) -> None:
        thread = _serving(connection)
        if thread is not None:
            self._serving.add(thread)

    def _database(self) -> dict[int, float]:
        spent = {thread: _thread_time(thread) for thread in self._serving}
        # Without those that have ended.
        return {t: seconds for t, seconds in spent.items() if seconds}


def _serving(connection: Any) -> int | None:
    """The thread of the database's that serves a connection."""
    module = type(connection).__module__
    if module.startswith('psycopg2'):
        return int(connection.get_backend_pid())
    if not module.startswith('pymysql'):
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT tid FROM information_schema.processlist '
            'WHERE id = connection_id()'
        )
        return int(cursor.fetchone()[0])


def _thread_time(thread: int) -> float | None:
    """Seconds that a thread of this machine has run, to the nanosecond."""
    try:
        text = pathlib.Path(f'/proc/{thread}/schedstat').read_text()
    except OSError:
        return None
    return int(text.split()[0]) / 1e9


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
