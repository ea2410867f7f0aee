# SPDX-License-Identifier: Apache-2.0
"""What is known of the agents: the last report of each, its addresses."""

from collections.abc import Mapping
import dataclasses
import re
from typing import Any
import uuid

from oslo_log import log as logging
from oslo_utils import timeutils

from console_api import exception
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.servers import enrolment
from console_api.servers import hostkeys

LOG = logging.getLogger(__name__)

#: What the columns of the table hold.
_MOST_SERVERS = 2**31 - 1
_LONGEST_ADDRESSES = 1024
_RELEASE = re.compile(r'[!-~]{1,64}')
_PROCESS = re.compile(r'[ -~]{1,255}')
_RPC_VERSION = re.compile(r'[0-9]{1,4}\.[0-9]{1,4}')
#: A host name or an IP address; the table separates them by commas.
_ADDRESS = re.compile(r'[A-Za-z0-9_.:%-]{1,255}')


@dataclasses.dataclass(frozen=True)
class ReportedAgent:
    """What an agent says of itself, and the hash of the key that it has."""

    instance: str
    release: str
    rpc_version: str
    addresses: str
    servers: int
    key_hash: str
    process: str | None = None


def parse(values: object, key_hash: str) -> ReportedAgent:
    """Check what came over the bus; agents are not trusted to be sane.

    :raises BadRequest: a value is missing or is not what it should be
    """
    if not isinstance(values, Mapping):
        raise exception.BadRequest('An agent says nothing of itself.')
    try:
        return ReportedAgent(
            instance=str(uuid.UUID(values['instance'])),
            release=_text(values['release'], _RELEASE),
            rpc_version=_text(values['rpc_version'], _RPC_VERSION),
            addresses=_addresses(values['addresses']),
            servers=_count(values['servers']),
            key_hash=key_hash,
            # Agents of older releases do not tell.
            process=(
                None
                if values.get('process') is None
                else _text(values['process'], _PROCESS)
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        reason = f'{type(exc).__name__}: {exc}'[:200]
        raise exception.BadRequest(
            f'What an agent says of itself is malformed: {reason}'
        ) from exc


def _text(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f'{value!r:.40}')
    return value


def _addresses(values: Any) -> str:
    if not isinstance(values, list | tuple):
        raise TypeError('addresses are no list')
    text = ','.join(sorted({_text(value, _ADDRESS) for value in values}))
    if len(text) > _LONGEST_ADDRESSES:
        raise ValueError('too many addresses')
    return text


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError('servers are no number')
    if not 0 <= value <= _MOST_SERVERS:
        raise ValueError('servers are out of range')
    return value


class AgentRecorder:
    """Keeps one row for the agent of each host.

    With ``is_open`` an agent of a host that has none is let in without a
    word.
    """

    def __init__(
        self, database: db_api.Database, is_open: bool = False
    ) -> None:
        self._database = database
        self._is_open = is_open

    def record(
        self,
        host: str,
        agent: ReportedAgent,
        held: bool = False,
        word_hash: str | None = None,
    ) -> None:
        """Remember that this agent has just reported.

        The addresses with which it was let in stay: an agent that was
        captured later cannot name others. Another enrolment makes room for
        new ones. An agent that has the host already (``held``) does not take
        it back.

        :raises HostTaken: it is another agent's meanwhile
        :raises HostNotEnrolled: the host has no agent, and the word is no
            good
        :raises HostKeyRefused: the host is known by another key
        """
        record = _record(host, agent)
        entry = enrolment.Entry(word_hash, self._is_open)
        holder = self._database.write(
            lambda connection: _store(connection, record, held, entry)
        )
        _check(record, holder)

    def holder(self, host: str) -> str | None:
        """Which instance has the host."""
        with self._database.reader() as connection:
            known = db_agents.get(connection, host)
        return None if known is None else known.instance

    def claim(
        self,
        host: str,
        agent: ReportedAgent,
        holder: str | None,
        word_hash: str | None = None,
    ) -> None:
        """Let the agent have a host that ``holder`` has, None: nobody.

        :raises HostTaken: another agent was quicker
        :raises HostNotEnrolled: the host has no agent, and the word is no
            good
        :raises HostKeyRefused: the host is known by another key
        """
        record = _record(host, agent)
        entry = enrolment.Entry(word_hash, self._is_open)
        taker = self._database.write(
            lambda connection: _claim(connection, record, holder, entry)
        )
        _check(record, taker)

    def refuse(self, host: str, process: object, key_hash: str) -> None:
        """Remember a process that ends because the host has an agent.

        :raises BadRequest: that is no name of a process
        :raises HostNotEnrolled: the host has no agent
        :raises HostKeyRefused: the host is known by another key
        """
        try:
            name = _text(process, _PROCESS)
        except ValueError as exc:
            raise exception.BadRequest('A process has no name.') from exc
        now = int(timeutils.utcnow_ts())

        def work(connection: db_api.Connection) -> None:
            hostkeys.admit(connection, host, key_hash)
            db_agents.refuse(connection, host, name, now)

        self._database.write(work)


def _record(host: str, agent: ReportedAgent) -> db_agents.AgentRecord:
    return db_agents.AgentRecord(
        host=host,
        reported_at=int(timeutils.utcnow_ts()),
        **dataclasses.asdict(agent),
    )


def _check(
    record: db_agents.AgentRecord, holder: db_agents.AgentRecord | None
) -> None:
    if holder is not None:
        other = holder.process or f'agent {holder.instance}'
        LOG.error(
            'Host %(host)s is that of %(other)s; %(refused)s is refused',
            {
                'host': record.host,
                'other': other,
                'refused': record.process or f'agent {record.instance}',
            },
        )
        raise exception.HostTaken(record.host, other)


def _claim(
    connection: db_api.Connection,
    record: db_agents.AgentRecord,
    holder: str | None,
    entry: enrolment.Entry,
) -> db_agents.AgentRecord | None:
    """None, or who has the host instead."""
    if enrolment.admit(connection, record, entry) is None:
        return None
    if holder is not None and db_agents.claim(connection, record, holder):
        return None
    known = hostkeys.admit(connection, record.host, record.key_hash)
    # What was given up after it was committed is asked for once more.
    if known.instance == record.instance:
        return None
    _refuse(connection, record)
    return known


def _refuse(
    connection: db_api.Connection, record: db_agents.AgentRecord
) -> None:
    db_agents.refuse(
        connection,
        record.host,
        record.process or f'agent {record.instance}',
        record.reported_at,
    )


def _store(
    connection: db_api.Connection,
    record: db_agents.AgentRecord,
    held: bool,
    entry: enrolment.Entry,
) -> db_agents.AgentRecord | None:
    """None, or who has the host instead."""
    known = enrolment.admit(connection, record, entry)
    if known is None:
        return None
    if held and known.instance != record.instance:
        _refuse(connection, record)
        return known
    if not {*record.addresses.split(',')} <= {*known.addresses.split(',')}:
        LOG.warning(
            'The agent of %(host)s names the addresses %(new)s, but %(old)s '
            'are registered and stay. If that is a change of yours: '
            'console-api-manage agent enrol %(host)s',
            {
                'host': record.host,
                'new': record.addresses,
                'old': known.addresses,
            },
        )
    db_agents.update(
        connection,
        dataclasses.replace(
            record,
            addresses=known.addresses,
            refused=known.refused,
            refused_at=known.refused_at,
        ),
    )
    return None
