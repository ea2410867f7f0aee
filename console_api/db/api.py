# SPDX-License-Identifier: Apache-2.0
"""Transactions on the service's own database."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from typing import Any
from typing import TypeVar

from oslo_config import cfg
from oslo_db import api as db_retry
from oslo_db import exception as db_exception
from oslo_db import options as db_options
from oslo_db.sqlalchemy import enginefacade
from oslo_log import log as logging
import sqlalchemy
from sqlalchemy import pool
from sqlalchemy.engine.interfaces import DBAPIConnection

from console_api import exception
from console_api.conf import base as base_options
from console_api.db import limits

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')

#: A transaction's connection, for those who only hand it on.
Connection = sqlalchemy.Connection

#: Connections that stay open, one for each thread of an API process. oslo.db
#: keeps five; one more for each request beyond costs more than the request.
_KEPT = 10

#: A caller waits for an answer. oslo.db's own choice, to try ten times with
#: ten seconds between, would keep a request for 100 s.
_DEFAULTS = {
    'max_retries': 0,
    'retry_interval': 1,
    'pool_timeout': 10,
    'max_pool_size': _KEPT,
}


class Database:
    """Connections to ``[database] connection``, pooled by oslo.db.

    A transaction takes ``seconds`` at most, unless given those of ``[DEFAULT]
    database_timeout``.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, seconds: float | None = None
    ) -> None:
        register_opts(conf)
        usual = float(conf.database_timeout)
        self._limits = limits.Limits(
            usual if seconds is None else seconds, usual / 2
        )
        self._manager = enginefacade.transaction_context()
        self._engine: sqlalchemy.Engine | None = None
        # All of them: what is not given here would be read from the
        # configuration of the process, which may be another service's.
        settings = {
            option.dest: conf.database[option.dest]
            for option in db_options.database_opts
        }
        settings['connection_parameters'] = _parameters(conf)
        # For eventlet: a thread that has given a connection back would stand
        # in line for the interpreter again.
        settings['thread_checkin'] = False
        if str(conf.database.connection).startswith('sqlite'):
            # oslo.db hands it to a pool that does not take it.
            settings['pool_timeout'] = None
        self._manager.configure(**settings)
        self._manager.append_on_engine_create(_keep_connections)
        self._manager.append_on_engine_create(_lock_rows_only)
        if conf.database.mysql_wsrep_sync_wait is None:
            self._manager.append_on_engine_create(_see_all_nodes)
        self._manager.append_on_engine_create(_end_once)
        self._manager.append_on_engine_create(self._limits.install)

    def write(self, work: Callable[[sqlalchemy.Connection], _T]) -> _T:
        """What ``work`` returns, in a transaction of its own.

        The transaction is repeated as a whole when the database gave it up
        for another one, while there is time: ``work`` must change nothing but
        the database.

        :raises DatabaseUnavailable: the database did not do it
        """
        with _translated(), self._limits.transaction():
            done: _T = self._write(work)
            return done

    @db_retry.wrap_db_retry(  # type: ignore[untyped-decorator]
        max_retries=8,
        retry_interval=0.02,
        max_retry_interval=0.5,
        retry_on_deadlock=True,
    )
    def _write(self, work: Callable[[sqlalchemy.Connection], _T]) -> _T:
        self._limits.check()
        with self._transaction() as connection:
            return work(connection)

    @contextlib.contextmanager
    def reader(self) -> Iterator[sqlalchemy.Connection]:
        """A transaction that only reads.

        :raises DatabaseUnavailable: the database did not answer
        """
        with (
            _translated(),
            self._limits.transaction(),
            self.engine().connect() as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def writer(self) -> Iterator[sqlalchemy.Connection]:
        """A transaction that is committed at the end, or not at all.

        :raises DatabaseUnavailable: the database did not do it
        """
        with (
            _translated(),
            self._limits.transaction(),
            self._transaction() as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlalchemy.Connection]:
        # enginefacade would find out for each transaction that there is none
        # around it, in more time than the transaction takes.
        with self.engine().begin() as connection:
            if connection.dialect.name == 'sqlite':
                # Two transactions that read first and write later cannot both
                # go on in SQLite: take the lock before reading, and wait.
                connection.exec_driver_sql('COMMIT')
                connection.exec_driver_sql('BEGIN IMMEDIATE')
            yield connection

    def engine(self) -> sqlalchemy.Engine:
        """The engine itself, for migrations; what it does has no deadline."""
        if self._engine is None:
            engine = self._manager.writer.get_engine()
            assert isinstance(engine, sqlalchemy.Engine)
            self._engine = engine
        return self._engine

    def close(self) -> None:
        """Give up the pooled connections."""
        self._manager.dispose_pool()


def _parameters(conf: cfg.ConfigOpts) -> str:
    # oslo.db speaks with MariaDB and MySQL in three bytes a character where
    # the URL says nothing; a server's name may need four.
    given = str(conf.database.connection_parameters or '')
    url = str(conf.database.connection or '')
    if not url.startswith('mysql') or 'charset=' in url + given:
        return given
    return '&'.join(filter(None, (given, 'charset=utf8mb4')))


#: Away, starting, stopping, full, locked: PEP 249 has one name for them, and
#: oslo.db others for some. A pool that is empty for long is one more.
_OUTAGES = (
    db_exception.DBConnectionError,
    db_exception.DBDeadlock,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.TimeoutError,
)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _OUTAGES as exc:
        # The error itself may show what the statement was to store.
        cause = getattr(exc, 'inner_exception', None) or exc
        LOG.error(
            'The database failed: %s', getattr(cause, 'orig', None) or cause
        )
        raise exception.DatabaseUnavailable() from exc


def _keep_connections(engine: sqlalchemy.Engine) -> None:
    # oslo.db opens a file of SQLite anew for each transaction, which costs
    # more than the statements in it. SQLAlchemy's own choice for a file is a
    # pool, and SQLite's connections may change their thread between uses.
    if isinstance(engine.pool, pool.NullPool):
        engine.pool = pool.QueuePool(
            engine.pool._creator,  # noqa: SLF001 - as its recreate() does
            pool_size=_KEPT,
            dialect=engine.dialect,
            _dispatch=engine.pool.dispatch,
        )


def _end_once(engine: sqlalchemy.Engine) -> None:
    # Each transaction here ends by commit or rollback. The pool would send
    # one more ROLLBACK after a COMMIT; no option of oslo.db says otherwise.
    engine.pool._reset_on_return = pool.base.ResetStyle.reset_none  # noqa: SLF001


def _on_mysql(
    choose: Callable[[Any], None],
) -> Callable[[sqlalchemy.Engine], None]:
    """Has ``choose`` the cursor of each new connection of MariaDB or MySQL."""

    def install(engine: sqlalchemy.Engine) -> None:
        if engine.dialect.name in ('mysql', 'mariadb'):
            sqlalchemy.event.listen(engine, 'connect', connected)

    def connected(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        choose(cursor)
        cursor.close()

    return install


@_on_mysql
def _lock_rows_only(cursor: Any) -> None:
    # MariaDB's and MySQL's own choice locks the gaps between rows too: who
    # removes expired tokens would keep out those who add new ones. Nothing
    # here reads twice and wants to see the same.
    cursor.execute('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')


#: SELECT is 1, UPDATE and DELETE are 2.
_WAIT_FOR_ALL = 3


@_on_mysql
def _see_all_nodes(cursor: Any) -> None:
    # A node of a Galera cluster may not have taken in yet what was stored at
    # another one: a console that was just created would not be found there,
    # and not be revoked. It is told to catch up before each transaction.
    cursor.execute(
        "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_sync_wait')"
    )
    found = dict(cursor.fetchall())
    if found.get('wsrep_on') == 'ON' and found['wsrep_sync_wait'] == '0':
        cursor.execute(f'SET SESSION wsrep_sync_wait = {_WAIT_FOR_ALL}')


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options of the database known before they are read."""
    conf.register_opts(base_options.OPTS)
    conf.register_opts(db_options.database_opts, group='database')
    for name, value in _DEFAULTS.items():
        conf.set_default(name, value, group='database')
