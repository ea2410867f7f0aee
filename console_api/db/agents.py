# SPDX-License-Identifier: Apache-2.0
"""Queries on the agents that report."""

import dataclasses

from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api.db import models

_table = models.agents


@dataclasses.dataclass(frozen=True)
class AgentRecord:
    """The agent of one host; times in seconds since the epoch, UTC.

    ``refused`` is the last process that was not let in beside ``process``,
    ``key_hash`` the SHA-256 of the key that the host is known by.
    """

    host: str
    instance: str
    release: str
    rpc_version: str
    addresses: str
    servers: int
    reported_at: int
    key_hash: str
    process: str | None = None
    refused: str | None = None
    refused_at: int | None = None


def addresses(joined: str) -> tuple[str, ...]:
    """Where consoles of a host may listen, from its column."""
    return tuple(filter(None, joined.split(',')))


_COLUMNS = [_table.c[field.name] for field in dataclasses.fields(AgentRecord)]
#: Putting a statement together takes SQLAlchemy as long as running it.
_GET = sa.select(*_COLUMNS).where(_table.c.host == sa.bindparam('wanted'))


def get(connection: sa.Connection, host: str) -> AgentRecord | None:
    """The agent of this host."""
    row = connection.execute(_GET, {'wanted': host}).one_or_none()
    return None if row is None else AgentRecord(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def every(connection: sa.Connection) -> list[AgentRecord]:
    """All agents, by host."""
    rows = connection.execute(sa.select(*_COLUMNS).order_by(_table.c.host))
    return [AgentRecord(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def add(connection: sa.Connection, record: AgentRecord) -> None:
    """Store an agent that is not known yet.

    Where another transaction was first, ``Database.write`` begins anew.
    """
    try:
        connection.execute(_table.insert(), dataclasses.asdict(record))
    except db_exception.DBDuplicateEntry as exc:
        raise db_exception.RetryRequest(exc) from exc


def update(connection: sa.Connection, record: AgentRecord) -> None:
    """Change what is known of an agent; the key stays."""
    values = dataclasses.asdict(record)
    del values['host'], values['key_hash']
    connection.execute(
        _table.update().where(_table.c.host == record.host).values(**values)
    )


def rebind(connection: sa.Connection, record: AgentRecord) -> None:
    """Let this agent have its host, by its own key and its own addresses.

    Where another transaction has removed it, ``Database.write`` begins anew.
    """
    done = connection.execute(
        _table.update()
        .where(_table.c.host == record.host)
        .values(
            instance=record.instance,
            process=record.process,
            addresses=record.addresses,
            key_hash=record.key_hash,
        )
    )
    if not done.rowcount:
        raise db_exception.RetryRequest(db_exception.DBError())


def claim(connection: sa.Connection, record: AgentRecord, holder: str) -> bool:
    """Let an agent have its host if ``holder`` has it; whether it did.

    The key must be the one that the host is known by. The registered
    addresses stay, and so does the number of servers.
    """
    done = connection.execute(
        _table.update()
        .where(
            _table.c.host == record.host,
            _table.c.instance == holder,
            _table.c.key_hash == record.key_hash,
        )
        .values(
            instance=record.instance,
            process=record.process,
            release=record.release,
            rpc_version=record.rpc_version,
            reported_at=record.reported_at,
        )
    )
    return done.rowcount > 0


def refuse(
    connection: sa.Connection, host: str, process: str, now: int
) -> None:
    """Remember a process that was not let in beside the agent of a host."""
    connection.execute(
        _table.update()
        .where(_table.c.host == host)
        .values(refused=process, refused_at=now)
    )


def remove(connection: sa.Connection, host: str) -> bool:
    """Forget the agent of a host; whether there was one."""
    done = connection.execute(_table.delete().where(_table.c.host == host))
    return done.rowcount > 0
