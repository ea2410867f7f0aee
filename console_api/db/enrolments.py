# SPDX-License-Identifier: Apache-2.0
"""Queries on the hosts whose agents may come."""

import dataclasses

from oslo_db import exception as db_exception
import sqlalchemy as sa

from console_api.db import models

_table = models.enrolments


@dataclasses.dataclass(frozen=True)
class EnrolmentRecord:
    """A host that the operator let in; times in seconds since the epoch, UTC.

    ``word_hash`` is the SHA-256 of the word that its agent has to say.
    """

    host: str
    word_hash: str
    enrolled_at: int
    expires_at: int


_COLUMNS = [
    _table.c[field.name] for field in dataclasses.fields(EnrolmentRecord)
]


def put(connection: sa.Connection, record: EnrolmentRecord) -> None:
    """Let a host in; the word that it had before is void.

    Where another transaction was first, ``Database.write`` begins anew.
    """
    remove(connection, record.host)
    try:
        connection.execute(_table.insert(), dataclasses.asdict(record))
    except db_exception.DBDuplicateEntry as exc:
        raise db_exception.RetryRequest(exc) from exc


def use(
    connection: sa.Connection, host: str, word_hash: str, now: int
) -> bool:
    """Use the word of a host up; of many at once, one does."""
    done = connection.execute(
        _table.delete().where(
            _table.c.host == host,
            _table.c.word_hash == word_hash,
            _table.c.expires_at > now,
        )
    )
    return done.rowcount == 1


def every(connection: sa.Connection) -> list[EnrolmentRecord]:
    """All hosts whose words were not used, by host."""
    rows = connection.execute(sa.select(*_COLUMNS).order_by(_table.c.host))
    return [EnrolmentRecord(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def remove(connection: sa.Connection, host: str) -> bool:
    """Forget the word of a host; whether there was one."""
    done = connection.execute(_table.delete().where(_table.c.host == host))
    return done.rowcount > 0
