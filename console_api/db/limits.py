# SPDX-License-Identifier: Apache-2.0
"""How long the database may keep a transaction waiting."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import math
import threading
import time
from typing import Any

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection

from console_api.db import guard

#: No limit but that of a connection.
UNLIMITED = math.inf
#: For the removal of what has expired, a few rows at a time, in seconds.
PURGE = 600.0
#: Between the server's limit of a statement and the driver's, in seconds.
_GRACE = 1.0
#: A connection that was in use so many seconds ago is not asked whether it
#: still is one: two questions for each console would be a third of all trips.
FRESH = 1.0


class Limits:
    """Settings of an engine and its driver.

    ``seconds`` is the time of a transaction, of which each connection that it
    opens takes ``connecting`` at most, and each lock a half.
    """

    def __init__(self, seconds: float, connecting: float) -> None:
        self._seconds = seconds
        self._connecting = min(connecting, seconds / 2)
        self._guard = guard.Guard()
        self._current = threading.local()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """The time runs from here on, or from where an outer one began."""
        if self._until is not None:
            yield
            return
        self._current.until = time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._current.until = None

    def check(self) -> None:
        """Return while there is time.

        :raises TimeoutError: of SQLAlchemy: there is none left
        """
        if self._left(self._seconds) <= 0:
            raise sqlalchemy.exc.TimeoutError(
                f'not done within {self._seconds:g} s'
            )

    @property
    def _until(self) -> float | None:
        until: float | None = getattr(self._current, 'until', None)
        return until

    def _left(self, most: float) -> float:
        if self._until is None:
            return most
        return min(most, self._until - time.monotonic())

    def install(self, engine: sqlalchemy.Engine) -> None:
        """From now on all connections of the engine are limited."""
        sqlalchemy.event.listen(engine, 'do_connect', self._connect)
        driver = _DRIVERS.get(engine.dialect.driver)
        if driver is not None and driver.descriptor is not None:
            sqlalchemy.event.listen(engine, 'checkout', self._checkout)
            sqlalchemy.event.listen(engine, 'checkin', self._checkin)
            ping = engine.dialect.do_ping
            # The pool asks an old connection before it hands it out.
            setattr(engine.dialect, 'do_ping', self._limited(ping))  # noqa: B010
        # One that was opened before is not limited.
        engine.dispose()

    def _limited(
        self, ping: Callable[[DBAPIConnection], bool]
    ) -> Callable[[DBAPIConnection], bool]:
        def limited(connection: DBAPIConnection) -> bool:
            if self._guard.idle(connection) < FRESH:
                return True
            self._watch(connection, self._connecting)
            try:
                alive = ping(connection)
            finally:
                whole = self._guard.leave(connection)
            return alive and whole

        return limited

    def _connect(
        self,
        dialect: sqlalchemy.Dialect,
        _record: object,
        arguments: list[Any],
        settings: dict[str, Any],
    ) -> DBAPIConnection:
        self.check()
        driver = _DRIVERS.get(dialect.driver)
        if driver is None:
            return dialect.connect(*arguments, **settings)
        given = dict(settings)
        patience = max(1, math.ceil(self._left(self._connecting)))
        driver.prepare(settings, patience, self._seconds)
        connection = dialect.connect(*arguments, **settings)
        if driver.descriptor is not None:
            self._guard.know(connection, driver.descriptor(connection))
            self._watch(connection, self._seconds)
        driver.finish(connection, given, self._seconds)
        return connection

    def _checkout(
        self, connection: DBAPIConnection, _record: object, _proxy: object
    ) -> None:
        self._watch(connection, self._seconds)

    def _checkin(
        self,
        connection: DBAPIConnection | None,
        record: sqlalchemy.pool.ConnectionPoolEntry,
    ) -> None:
        # The server may answer in the moment in which the time is over, so
        # that nobody has noticed that the connection was cut.
        if connection is not None and not self._guard.leave(connection):
            record.invalidate()

    def _watch(self, connection: DBAPIConnection, most: float) -> None:
        # Migrations use the engine alone, without a time.
        if self._until is not None:
            until = time.monotonic() + self._left(most)
            self._guard.watch(connection, until)


def _nothing(
    _connection: DBAPIConnection, _given: dict[str, Any], _seconds: float
) -> None:
    """All was said when it connected."""


@dataclasses.dataclass(frozen=True)
class _Driver:
    """How a driver is told; what the operator has given stays as it is.

    ``prepare`` has the keywords of a new connection, the seconds for it and
    those of a transaction. ``finish`` has the new connection and what was
    given. ``descriptor`` is that of the connection's socket.
    """

    prepare: Callable[[dict[str, Any], int, float], None]
    finish: Callable[[DBAPIConnection, dict[str, Any], float], None] = _nothing
    descriptor: Callable[[Any], int] | None = None


def _prepare_sqlite(
    settings: dict[str, Any], _patience: int, seconds: float
) -> None:
    # The wait for another's lock; a file answers or fails.
    if seconds != UNLIMITED:
        settings.setdefault('timeout', seconds)


def _prepare_pymysql(
    settings: dict[str, Any], patience: int, _seconds: float
) -> None:
    # Its connect_timeout ends before the server's greeting.
    for name in ('connect_timeout', 'read_timeout', 'write_timeout'):
        settings.setdefault(name, patience)


def _finish_pymysql(
    connection: Any, given: dict[str, Any], seconds: float
) -> None:
    usual = None if seconds == UNLIMITED else seconds
    if 'read_timeout' not in given:
        # The server shall give a statement up first, and say so.
        patience = None if usual is None else usual + _GRACE
        connection._read_timeout = patience  # noqa: SLF001 - no other way
    if 'write_timeout' not in given:
        connection._write_timeout = usual  # noqa: SLF001
    if usual is None:
        return
    variables = {'innodb_lock_wait_timeout': max(1, int(usual / 2))}
    if 'MariaDB' in connection.get_server_info():
        variables['max_statement_time'] = int(usual)
    first = str(given.get('init_command') or '')
    settings = [
        f'SESSION {name} = {value}'
        for name, value in variables.items()
        if name not in first
    ]
    if settings:
        with connection.cursor() as cursor:
            cursor.execute(f'SET {", ".join(settings)}')


def _prepare_psycopg2(
    settings: dict[str, Any], patience: int, seconds: float
) -> None:
    settings.setdefault('connect_timeout', patience)
    if seconds == UNLIMITED:
        return
    milliseconds = int(seconds * 1000)
    # For a server that is cut off: data that nobody confirms.
    settings.setdefault('tcp_user_timeout', milliseconds)
    # The last one counts, so the operator's come behind.
    settings['options'] = (
        f'-c statement_timeout={milliseconds} '
        f'-c lock_timeout={milliseconds // 2} '
        f'{settings.get("options", "")}'
    ).rstrip()


_DRIVERS = {
    'pysqlite': _Driver(_prepare_sqlite),
    'pymysql': _Driver(
        _prepare_pymysql,
        _finish_pymysql,
        lambda connection: connection._sock.fileno(),  # noqa: SLF001
    ),
    'psycopg2': _Driver(
        _prepare_psycopg2,
        descriptor=lambda connection: connection.fileno(),
    ),
}
