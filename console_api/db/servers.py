# SPDX-License-Identifier: Apache-2.0
"""Queries on the registry of servers."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api.db import chunks
from console_api.db import models
from console_api.db import names

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


@dataclasses.dataclass(frozen=True)
class _Place:
    """A place in a list: behind this server."""

    created_at: datetime.datetime
    id: str


_Query = sa.Select[tuple[Any, ...]]

#: Names that are searched at a time.
_BATCH = 1000

_COLUMNS: list[sa.ColumnElement[Any]] = [
    _table.c[field.name] for field in dataclasses.fields(ServerRecord)
]
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

    :raises PatternError: the name is no regular expression
    :raises CostlyError: there are too many names for this expression
    """
    place = None if after is None else _Place(after.created_at, after.id)
    if wanted.name is None:
        clauses = list(_clauses(wanted))
    elif (like := names.as_like(wanted.name)) is not None:
        name = _table.c.name.like(like, escape=names.ESCAPE)
        clauses = [*_clauses(wanted), name]
    else:
        return _search(connection, wanted, place, limit)
    query = _page(_COLUMNS, wanted, clauses, place).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def _search(
    connection: sa.Connection,
    wanted: ServerFilter,
    after: _Place | None,
    limit: int,
) -> list[ServerRecord]:
    # As LIKE does it there.
    case_sensitive = connection.dialect.name == 'postgresql'
    search = names.Search(str(wanted.name), case_sensitive)
    columns = [_table.c.created_at, _table.c.id, _table.c.name]
    clauses = list(_clauses(wanted))
    found: list[str] = []
    while len(found) < limit:
        query = _page(columns, wanted, clauses, after).limit(_BATCH)
        rows = connection.execute(query).all()
        found += [row.id for row in rows if search.matches(row.name)]
        if len(rows) < _BATCH:
            break
        after = _Place(rows[-1].created_at, rows[-1].id)
    records = {one.id: one for one in get_many(connection, found[:limit])}
    return [records[id_] for id_ in found[:limit] if id_ in records]


def _page(
    columns: Sequence[sa.ColumnElement[Any]],
    wanted: ServerFilter,
    clauses: Sequence[sa.ColumnElement[bool]],
    after: _Place | None,
) -> _Query:
    query = sa.select(*columns).where(*clauses)
    if after is not None:
        query = _following(query, wanted, after)
    return query.order_by(_table.c.created_at.desc(), _table.c.id.desc())


def _following(query: _Query, wanted: ServerFilter, after: _Place) -> _Query:
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
    if wanted.vm_states is not None:
        yield _table.c.vm_state.in_(wanted.vm_states)
    if wanted.task_states is not None:
        yield _table.c.task_state.in_(wanted.task_states)


def count_of_host(connection: sa.Connection, host: str) -> int:
    """How many servers are registered on this host."""
    query = sa.select(sa.func.count()).where(_table.c.host == host)
    return int(connection.execute(query).scalar_one())


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
