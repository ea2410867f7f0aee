# SPDX-License-Identifier: Apache-2.0
"""Queries on console tokens."""

from collections.abc import Sequence
import dataclasses

import sqlalchemy as sa

from console_api.db import chunks
from console_api.db import models

_table = models.console_tokens


@dataclasses.dataclass(frozen=True)
class TokenRecord:
    """One stored token; times in seconds since the epoch, UTC."""

    token_hash: str
    server_id: str
    project_id: str | None
    user_id: str | None
    console_type: str
    agent_host: str
    host: str
    port: int
    tls_port: int | None
    internal_access_path: str | None
    created_at: int
    expires_at: int
    view_only: bool = False
    used_at: int | None = None
    session_hash: str | None = None


_COLUMNS = [_table.c[field.name] for field in dataclasses.fields(TokenRecord)]
#: Putting a statement together takes SQLAlchemy as long as running it.
_GET = sa.select(*_COLUMNS).where(
    _table.c.token_hash == sa.bindparam('wanted'),
    _table.c.expires_at > sa.bindparam('now'),
)
_FIND = (
    sa.select(*_COLUMNS, models.agents.c.addresses)
    .outerjoin_from(
        _table, models.agents, models.agents.c.host == _table.c.agent_host
    )
    .where(
        _table.c.token_hash == sa.bindparam('wanted'),
        _table.c.expires_at > sa.bindparam('now'),
    )
)
_ADD = _table.insert()


def add(connection: sa.Connection, record: TokenRecord) -> None:
    """Store a token."""
    connection.execute(_ADD, {**vars(record)})


def get(
    connection: sa.Connection, token_hash: str, now: int
) -> TokenRecord | None:
    """The token of this hash, unless it has expired at ``now``."""
    row = connection.execute(
        _GET, {'wanted': token_hash, 'now': now}
    ).one_or_none()
    return None if row is None else TokenRecord(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def find(
    connection: sa.Connection, token_hash: str, now: int
) -> tuple[TokenRecord, str | None] | None:
    """The token as :func:`get` finds it, and what its agent registered.

    These are the agent's addresses, joined by commas; None without an agent.
    """
    row = connection.execute(
        _FIND, {'wanted': token_hash, 'now': now}
    ).one_or_none()
    return None if row is None else (TokenRecord(*row[:-1]), row[-1])


def claim(
    connection: sa.Connection,
    token_hash: str,
    session_hash: str | None,
    now: int,
) -> bool:
    """Use a token that nobody has used; of many at once, one does.

    ``session_hash`` is what its client is known by later.
    """
    done = connection.execute(
        _table.update()
        .where(
            _table.c.token_hash == token_hash,
            _table.c.expires_at > now,
            _table.c.used_at.is_(None),
        )
        .values(used_at=now, session_hash=session_hash)
    )
    return done.rowcount == 1


def revoke(connection: sa.Connection, server_ids: Sequence[str]) -> int:
    """Forget the tokens of these servers; returns how many there were."""
    return sum(
        connection.execute(
            _table.delete().where(_table.c.server_id.in_(ids))
        ).rowcount
        for ids in chunks.of(server_ids)
    )


def purge(connection: sa.Connection, now: int, limit: int) -> int:
    """Forget up to ``limit`` tokens that have expired at ``now``.

    Returns how many there were. What another transaction is about to change
    is left to it. Others wait for nothing but the rows that go.
    """
    # Read without locks first: locks on a range of expires_at would keep out
    # those who add tokens.
    ids = connection.scalars(
        sa.select(_table.c.id)
        .where(_table.c.expires_at <= now)
        .order_by(_table.c.expires_at)
        .limit(limit)
    ).all()
    if ids and _skips_locked(connection.dialect):
        ids = connection.scalars(
            sa.select(_table.c.id)
            .where(_table.c.id.in_(ids))
            .with_for_update(skip_locked=True)
        ).all()
    if ids:
        connection.execute(_table.delete().where(_table.c.id.in_(ids)))
    return len(ids)


def _skips_locked(dialect: sa.Dialect) -> bool:
    if dialect.name == 'postgresql':
        return True
    if dialect.name not in ('mysql', 'mariadb'):
        return False
    since = (10, 6) if getattr(dialect, 'is_mariadb', False) else (8, 0, 1)
    return (dialect.server_version_info or ()) >= since


@dataclasses.dataclass(frozen=True)
class TokenSummary:
    """A stored token as an operator may see it: nothing to use it with."""

    id: int
    server_id: str
    console_type: str
    agent_host: str
    project_id: str | None
    user_id: str | None
    created_at: int
    expires_at: int


_SUMMARY = [_table.c[field.name] for field in dataclasses.fields(TokenSummary)]


def valid(
    connection: sa.Connection, now: int, limit: int
) -> list[TokenSummary]:
    """Up to ``limit`` tokens that are good at ``now``, soonest to end first.

    These are the tokens of every server.
    """
    return _summaries(connection, _table.c.expires_at > now, limit)


def valid_of(
    connection: sa.Connection, server_id: str, now: int, limit: int
) -> list[TokenSummary]:
    """The same, of this server alone."""
    wanted = sa.and_(
        _table.c.server_id == server_id, _table.c.expires_at > now
    )
    return _summaries(connection, wanted, limit)


def _summaries(
    connection: sa.Connection, wanted: sa.ColumnElement[bool], limit: int
) -> list[TokenSummary]:
    query = (
        sa.select(*_SUMMARY)
        .where(wanted)
        .order_by(_table.c.expires_at, _table.c.id)
        .limit(limit)
    )
    return [TokenSummary(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


def revoke_one(connection: sa.Connection, token_id: int) -> bool:
    """Forget the token of this number; whether there was one."""
    done = connection.execute(_table.delete().where(_table.c.id == token_id))
    return done.rowcount > 0
