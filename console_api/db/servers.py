# SPDX-License-Identifier: Apache-2.0
"""Queries on the registry of servers."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import datetime
import re

from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api.db import chunks
from console_api.db import models

_table = models.servers


@dataclasses.dataclass(frozen=True)
class ServerRecord:
    """One server of the registry; times are UTC without a zone."""

    id: str
    name: str
    project_id: str
    user_id: str
    host: str | None
    vm_state: str
    task_state: str | None
    power_state: int
    consoles: str
    created_at: datetime.datetime
    updated_at: datetime.datetime


@dataclasses.dataclass(frozen=True)
class ServerFilter:
    """What a list is narrowed to; None does not narrow.

    It has the servers of ``project_id``, and none where that is missing,
    unless ``all_projects`` asks for those of every project. ``name`` is a
    regular expression that is searched for, as Nova does.
    """

    project_id: str | None = None
    all_projects: bool = False
    host: str | None = None
    name: str | None = None
    vm_states: tuple[str, ...] | None = None
    task_states: tuple[str, ...] | None = None


class PatternError(ValueError):
    """The database does not take the name for a regular expression."""


_COLUMNS = [_table.c[field.name] for field in dataclasses.fields(ServerRecord)]
#: Putting a statement together takes SQLAlchemy as long as running it.
_GET = sa.select(*_COLUMNS).where(_table.c.id == sa.bindparam('wanted'))
_FIND = (
    sa.select(*_COLUMNS, models.agents.c.addresses)
    .outerjoin_from(
        _table, models.agents, models.agents.c.host == _table.c.host
    )
    .where(_table.c.id == sa.bindparam('wanted'))
)


def _record(row: sa.Row[tuple[object, ...]]) -> ServerRecord:
    return ServerRecord(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def find(
    connection: sa.Connection, server_id: str
) -> tuple[ServerRecord, str | None] | None:
    """The server with this id, and what the agent of its host registered.

    These are the agent's addresses, joined by commas; None without an agent.
    """
    row = connection.execute(_FIND, {'wanted': server_id}).one_or_none()
    return None if row is None else (ServerRecord(*row[:-1]), row[-1])


def get(connection: sa.Connection, server_id: str) -> ServerRecord | None:
    """The server with this id."""
    row = connection.execute(_GET, {'wanted': server_id}).one_or_none()
    return None if row is None else _record(row)


def page(
    connection: sa.Connection,
    wanted: ServerFilter,
    after: ServerRecord | None,
    limit: int,
) -> list[ServerRecord]:
    """Up to ``limit`` servers, the newest first, that follow ``after``.

    :raises PatternError: the name is no pattern in this database's dialect
    """
    query = sa.select(*_COLUMNS).where(*_clauses(wanted))
    if after is not None:
        query = _following(query, wanted, after)
    query = query.order_by(_table.c.created_at.desc(), _table.c.id.desc())
    try:
        rows = connection.execute(query.limit(limit)).all()
    except db_exception.DBConnectionError:
        raise
    except (db_exception.DBError, sa.exc.OperationalError) as exc:
        # A server's own dialect of patterns is not known here, and nothing
        # but a bad one makes this SELECT fail there. SQLite searches with
        # Python, whose patterns were checked, but may find itself locked.
        if wanted.name is None or connection.dialect.name == 'sqlite':
            raise
        raise PatternError(wanted.name) from exc
    return [_record(row) for row in rows]


_Query = sa.Select[tuple[object, ...]]


def _following(
    query: _Query, wanted: ServerFilter, after: ServerRecord
) -> _Query:
    # MariaDB and MySQL find no place in an index by the pair alone, and in a
    # large project none at all unless told: they would read all pages before
    # this one.
    states = (wanted.host, wanted.vm_states, wanted.task_states)
    if not wanted.all_projects and states == (None, None, None):
        for dialect in ('mysql', 'mariadb'):
            query = query.with_hint(
                _table,
                'FORCE INDEX (ix_servers_project_id_created_at_id)',
                dialect,
            )
    return query.where(
        _table.c.created_at <= after.created_at,
        sa.tuple_(_table.c.created_at, _table.c.id)
        < sa.tuple_(sa.literal(after.created_at), sa.literal(after.id)),
    )


def _clauses(wanted: ServerFilter) -> Iterable[sa.ColumnElement[bool]]:
    if not wanted.all_projects:
        # Not IS NULL, nor any server that was reported without an owner.
        yield (
            _table.c.project_id == wanted.project_id
            if wanted.project_id
            else sa.false()
        )
    if wanted.host is not None:
        yield _table.c.host == wanted.host
    if wanted.name is not None:
        yield _name_clause(wanted.name)
    if wanted.vm_states is not None:
        yield _table.c.vm_state.in_(wanted.vm_states)
    if wanted.task_states is not None:
        yield _table.c.task_state.in_(wanted.task_states)


def _name_clause(pattern: str) -> sa.ColumnElement[bool]:
    # Most clients send a plain name; LIKE answers that without a
    # regular expression engine on hostile input.
    if re.fullmatch(r'[\w \-:@/,]*', pattern):
        return _table.c.name.contains(pattern, autoescape=True)
    return _table.c.name.regexp_match(pattern)


def of_host(connection: sa.Connection, host: str | None) -> list[ServerRecord]:
    """Every server that is registered on a host, or on none."""
    rows = connection.execute(
        sa.select(*_COLUMNS).where(_table.c.host == host)
    )
    return [_record(row) for row in rows]


def get_many(
    connection: sa.Connection, server_ids: Sequence[str]
) -> list[ServerRecord]:
    """Those of these servers that are registered, on whatever host."""
    found: list[ServerRecord] = []
    for ids in chunks.of(server_ids):
        rows = connection.execute(
            sa.select(*_COLUMNS).where(_table.c.id.in_(ids))
        )
        found.extend(_record(row) for row in rows)
    return found


def add(connection: sa.Connection, records: Sequence[ServerRecord]) -> None:
    """Register servers that are not registered yet.

    Where another transaction was first, ``Database.write`` begins anew.
    """
    if not records:
        return
    try:
        connection.execute(
            _table.insert(), [dataclasses.asdict(r) for r in records]
        )
    except db_exception.DBDuplicateEntry as exc:
        raise db_exception.RetryRequest(exc) from exc


def update(connection: sa.Connection, record: ServerRecord) -> None:
    """Change a registered server, all but the time when it was created."""
    values = dataclasses.asdict(record)
    del values['id'], values['created_at']
    connection.execute(
        _table.update().where(_table.c.id == record.id).values(**values)
    )


def change(connection: sa.Connection, records: Sequence[ServerRecord]) -> None:
    """Make registered servers what these records say, all of it."""
    if len(records) == 1:
        update(connection, records[0])
        return
    # Two statements, however many there are: no UPDATE that every database
    # takes gives each row values of its own. Others see the rows as they
    # were until the transaction ends.
    remove(connection, [record.id for record in records])
    add(connection, records)


def remove(connection: sa.Connection, server_ids: Sequence[str]) -> None:
    """Forget servers."""
    for ids in chunks.of(server_ids):
        connection.execute(_table.delete().where(_table.c.id.in_(ids)))
