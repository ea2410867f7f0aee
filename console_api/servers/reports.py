# SPDX-License-Identifier: Apache-2.0
"""Turns the report of a host into rows of the registry."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import re
from typing import Any
import uuid

from oslo_log import log as logging
from oslo_utils import timeutils

from console_api import exception
from console_api.db import api as db_api
from console_api.db import servers as db_servers
from console_api.db import tokens as db_tokens
from console_api.servers import hostkeys

LOG = logging.getLogger(__name__)

#: Of one host: more than any has, and no more than a registry can bear.
MOST_SERVERS = 100_000

#: The longest name that the registry keeps; a longer one is cut.
_NAME_LENGTH = 255
#: Nova knows 0 to 7.
_HIGHEST_POWER_STATE = 255
#: An agent may be newer than its conductor and report a type not known here.
#: Nothing runs in these states. A suspended server may be in memory only;
#: the end of its run is reported as such.
_OFF = ('stopped', 'shelved', 'shelved_offloaded')
_CONSOLE_NAME = re.compile(r'[a-z0-9-]+')


@dataclasses.dataclass(frozen=True)
class ReportedServer:
    """One server as an agent reports it."""

    id: str
    name: str
    project_id: str
    user_id: str
    vm_state: str
    task_state: str | None
    power_state: int
    consoles: str
    created_at: datetime.datetime | None


def parse(values: Mapping[str, Any]) -> ReportedServer:
    """Check what came over the bus; agents are not trusted to be sane.

    :raises BadRequest: a value is missing or is not what it should be
    """
    try:
        created = values['created_at']
        return ReportedServer(
            id=str(uuid.UUID(values['id'])),
            name=_text(values['name'], cut=True),
            project_id=_text(values['project_id']),
            user_id=_text(values['user_id']),
            vm_state=_text(values['vm_state'], 32),
            task_state=(
                None
                if values['task_state'] is None
                else _text(values['task_state'], 64)
            ),
            power_state=_power_state(values['power_state']),
            consoles=_consoles(values['consoles']),
            created_at=None if created is None else _time(created),
        )
    except (
        AttributeError,
        KeyError,
        OverflowError,
        TypeError,
        ValueError,
    ) as exc:
        reason = f'{type(exc).__name__}: {exc}'[:_NAME_LENGTH]
        raise exception.BadRequest(
            f'A reported server is malformed: {reason}'
        ) from exc


def _time(value: str) -> datetime.datetime:
    parsed = datetime.datetime.fromisoformat(value)
    return timeutils.normalize_time(parsed).replace(microsecond=0)


def _power_state(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _HIGHEST_POWER_STATE:
        raise ValueError(f'{value!r:.40} is no power state')
    return int(value)


def _consoles(values: object) -> str:
    if not isinstance(values, list | tuple):
        raise TypeError('consoles are no list')
    names = [_text(value, 32) for value in values]
    if not all(_CONSOLE_NAME.fullmatch(name) for name in names):
        raise ValueError('a console has no name of one')
    return _text(','.join(names))


def _text(value: object, length: int = 255, cut: bool = False) -> str:
    if not isinstance(value, str):
        raise TypeError(f'{value!r:.40} is no text')
    # PostgreSQL keeps no NUL, and no database keeps a lone surrogate.
    clean = value.replace('\0', '').encode('utf-8', 'replace').decode()
    if len(clean) > length and not cut:
        raise ValueError(f'{value[:40]!r}... is longer than {length}')
    return clean[:length]


@dataclasses.dataclass(frozen=True)
class _Report:
    """The servers of a host; all of them unless some are ``named``."""

    host: str | None
    servers: Sequence[ReportedServer]
    named: Collection[str] | None
    ended: Collection[str]


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What makes the registry agree with a report."""

    new: Sequence[db_servers.ServerRecord]
    changed: Sequence[db_servers.ServerRecord]
    gone: Sequence[str]
    kept: Sequence[str]


class ReportRecorder:
    """Writes reports into the registry, one transaction each."""

    def __init__(self, database: db_api.Database) -> None:
        self._database = database

    def place(
        self, host: str | None, servers: Sequence[ReportedServer]
    ) -> None:
        """As :meth:`record`, by who needs no key: not for what an agent says.

        A host of None stands for the servers that were never scheduled.
        """
        report = _Report(host, servers, None, ())
        self._database.write(lambda connection: _store(connection, report))

    def record(
        self,
        host: str,
        servers: Sequence[ReportedServer],
        key_hash: str,
    ) -> list[str]:
        """Add, change and remove until the registry agrees with the host.

        A server that is registered on another host stays there until that
        host reports it gone: no agent can take a server over by naming it.
        The ids of such servers are the answer. The tokens of servers that
        left or stopped are revoked.

        :raises HostNotEnrolled: the host has no agent
        :raises HostKeyRefused: the host is known by another key
        """
        return self._record(_Report(host, servers, None, ()), key_hash)

    def record_changes(
        self,
        host: str,
        servers: Sequence[ReportedServer],
        gone: Collection[str],
        ended: Collection[str],
        key_hash: str,
    ) -> list[str]:
        """As :meth:`record` for the servers named; the others stay.

        ``gone`` are no more on the host; the tokens of those in ``ended``
        are revoked, since what they were for is over. Ids of servers that
        are not this host's have no effect.

        :raises HostNotEnrolled: the host has no agent
        :raises HostKeyRefused: the host is known by another key
        """
        named = {*gone, *(s.id for s in servers)}
        return self._record(_Report(host, servers, named, ended), key_hash)

    def _record(self, report: _Report, key_hash: str) -> list[str]:
        def work(connection: db_api.Connection) -> list[str]:
            assert report.host is not None
            hostkeys.admit(connection, report.host, key_hash)
            return _store(connection, report)

        return self._database.write(work)


def _store(connection: db_api.Connection, report: _Report) -> list[str]:
    """The ids of those that another host has."""
    ours = {record.id: record for record in _registered(connection, report)}
    strangers = db_servers.get_many(
        connection, [s.id for s in report.servers if s.id not in ours]
    )
    over = [i for i in report.ended if i in ours]
    if report.named is not None:
        ours = {i: r for i, r in ours.items() if i in report.named}
    plan = _plan(report.host, report.servers, ours, strangers)
    _check_number(connection, report.host, plan)
    db_servers.remove(connection, plan.gone)
    db_servers.add(connection, plan.new)
    db_servers.change(connection, plan.changed)
    over += [*plan.gone, *_stopped(plan.changed)]
    if over:
        db_tokens.revoke(connection, over)
    return list(plan.kept)


def _check_number(
    connection: db_api.Connection, host: str | None, plan: _Plan
) -> None:
    """Return if the host does not have too many servers then.

    :raises BadRequest: it would, and fill the registry
    """
    if host is None or not plan.new:
        return
    known = db_servers.count_of_host(connection, host)
    if known + len(plan.new) - len(plan.gone) > MOST_SERVERS:
        raise exception.BadRequest(
            f'A host may report {MOST_SERVERS} servers at most.'
        )


def _registered(
    connection: db_api.Connection, report: _Report
) -> list[db_servers.ServerRecord]:
    if report.named is None:
        return db_servers.of_host(connection, report.host)
    ids = sorted({*report.named, *report.ended})
    found = db_servers.get_many(connection, ids)
    return [record for record in found if record.host == report.host]


def _plan(
    host: str | None,
    servers: Iterable[ReportedServer],
    known: dict[str, db_servers.ServerRecord],
    strangers: Iterable[db_servers.ServerRecord],
) -> _Plan:
    """From what is known of this host, and of others' servers it reports."""
    reported = {server.id: server for server in servers}
    known = dict(known)
    kept = []
    for record in strangers:
        if record.host is None:
            known[record.id] = record
        else:
            del reported[record.id]
            kept.append(record.id)
            LOG.warning(
                'Host %(host)s reports server %(id)s, which is registered on '
                '%(owner)s; that host keeps it',
                {'host': host, 'id': record.id, 'owner': record.host},
            )
    now = timeutils.utcnow().replace(microsecond=0)
    wanted = [
        _record(s, host, known.get(s.id), now) for s in reported.values()
    ]
    return _Plan(
        new=[r for r in wanted if r.id not in known],
        changed=[
            r for r in wanted if r.id in known and _differs(r, known[r.id])
        ],
        gone=[i for i in known if i not in reported],
        kept=kept,
    )


def _record(
    server: ReportedServer,
    host: str | None,
    known: db_servers.ServerRecord | None,
    now: datetime.datetime,
) -> db_servers.ServerRecord:
    values = dataclasses.asdict(server)
    created = values.pop('created_at') or now
    return db_servers.ServerRecord(
        **values,
        host=host,
        created_at=created if known is None else known.created_at,
        updated_at=now,
    )


def _differs(
    new: db_servers.ServerRecord, old: db_servers.ServerRecord
) -> bool:
    return dataclasses.replace(new, updated_at=old.updated_at) != old


def _stopped(records: Iterable[db_servers.ServerRecord]) -> Iterable[str]:
    return (r.id for r in records if r.vm_state in _OFF)
