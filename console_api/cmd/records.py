# SPDX-License-Identifier: Apache-2.0
"""What console-api-manage does with tokens, servers and agents."""

import argparse
import dataclasses
import sys
import uuid

from oslo_config import cfg
from oslo_utils import timeutils

from console_api import exception
from console_api import hostnames
from console_api.cmd import output
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import enrolments as db_enrolments
from console_api.db import limits
from console_api.db import tokens as db_tokens
from console_api.servers import directory
from console_api.servers import enrolment
from console_api.servers import registry

#: Rows that are removed in one transaction.
_BATCH = 500


@dataclasses.dataclass(frozen=True)
class _Token:
    id: int
    server_id: str
    type: str
    host: str
    project_id: str | None
    user_id: str | None
    created_at: str
    expires_at: str


@dataclasses.dataclass(frozen=True)
class _Server:
    id: str
    name: str
    project_id: str
    host: str | None
    vm_state: str
    task_state: str | None
    consoles: str


@dataclasses.dataclass(frozen=True)
class _Agent:
    """All None but the host and its word: the agent has not come yet."""

    host: str
    servers: int | None = None
    last_report: str | None = None
    silent_seconds: int | None = None
    addresses: str | None = None
    release: str | None = None
    rpc_version: str | None = None
    process: str | None = None
    refused: str | None = None
    refused_at: str | None = None
    has_key: bool = False
    #: Until when a word that was not used is good.
    word_until: str | None = None


def purge(conf: cfg.ConfigOpts) -> None:
    """Remove the tokens that have expired, a few at a time."""
    database = db_api.Database(conf, limits.PURGE)
    removed = 0
    while True:
        count = database.write(
            lambda connection: db_tokens.purge(connection, _now(), _BATCH)
        )
        removed += count
        if count < _BATCH:
            break
    print(f'{removed} expired tokens removed')


def list_tokens(conf: cfg.ConfigOpts) -> None:
    """Show the tokens that are good now."""
    options = conf.category
    with db_api.Database(conf).reader() as connection:
        if options.server is None:
            found = db_tokens.valid(connection, _now(), options.limit)
        else:
            found = db_tokens.valid_of(
                connection, options.server, _now(), options.limit
            )
    rows = [
        _Token(
            id=token.id,
            server_id=token.server_id,
            type=token.console_type,
            host=token.agent_host,
            project_id=token.project_id,
            user_id=token.user_id,
            created_at=output.time(token.created_at),
            expires_at=output.time(token.expires_at),
        )
        for token in found
    ]
    output.show(options.format, _Token, rows)


def revoke_tokens(conf: cfg.ConfigOpts) -> None:
    """Make tokens void: one by its number, or all of a server.

    :raises ConfigurationError: there is none
    """
    options = conf.category

    def revoke(connection: db_api.Connection) -> int:
        if options.server is not None:
            return db_tokens.revoke(connection, [options.server])
        return int(db_tokens.revoke_one(connection, options.id))

    count = db_api.Database(conf).write(revoke)
    if not count:
        raise exception.ConfigurationError('there is no such token')
    print(f'{count} tokens revoked')


def list_servers(conf: cfg.ConfigOpts) -> None:
    """Show the servers of the registry, the newest first."""
    options = conf.category
    found = registry.Registry(db_api.Database(conf)).list(
        directory.ServerQuery(
            project_id=options.project,
            all_projects=options.project is None,
            host=options.on_host,
            name=options.in_name,
            limit=options.limit,
        )
    )
    rows = [
        _Server(
            id=server.id,
            name=server.name,
            project_id=server.project_id,
            host=server.host,
            vm_state=server.vm_state,
            task_state=server.task_state,
            consoles=','.join(server.consoles),
        )
        for server in found
    ]
    output.show(options.format, _Server, rows)


def list_agents(conf: cfg.ConfigOpts) -> None:
    """Show the agents, those that have not come yet, and their reports."""
    now = _now()
    with db_api.Database(conf).reader() as connection:
        found = db_agents.every(connection)
        words = {
            word.host: output.time(word.expires_at)
            for word in db_enrolments.every(connection)
        }
    rows = [_agent(agent, now, words.pop(agent.host, None)) for agent in found]
    rows += [_Agent(host, word_until=word) for host, word in words.items()]
    rows.sort(key=lambda row: row.host)
    output.show(conf.category.format, _Agent, rows)


def _agent(
    agent: db_agents.AgentRecord, now: int, word_until: str | None
) -> _Agent:
    return _Agent(
        host=agent.host,
        servers=agent.servers,
        last_report=output.time(agent.reported_at),
        silent_seconds=max(0, now - agent.reported_at),
        addresses=agent.addresses,
        release=agent.release,
        rpc_version=agent.rpc_version,
        process=agent.process,
        refused=agent.refused,
        refused_at=(
            None if agent.refused_at is None else output.time(agent.refused_at)
        ),
        has_key=True,
        word_until=word_until,
    )


def enrol_agent(conf: cfg.ConfigOpts) -> None:
    """Print a word with which the agent of a host is let in.

    It is alone on standard output, so that it can go into a file as it is.
    """
    host, hours = conf.category.of_host, conf.category.hours
    word = enrolment.issue(db_api.Database(conf), host, hours * 3600)
    print(word.reveal())
    sys.stderr.write(
        f'good once, for {hours} hours: put it into [agent] '
        f'enrolment_word_file on {host}\n'
    )


def forget_agent(conf: cfg.ConfigOpts) -> None:
    """Remove what is known of a host; it is kept out until it is enrolled.

    :raises ConfigurationError: nothing is known of it
    """
    host = conf.category.of_host

    def forget(connection: db_api.Connection) -> bool:
        enrolled = db_enrolments.remove(connection, host)
        return db_agents.remove(connection, host) or enrolled

    if not db_api.Database(conf).write(forget):
        raise exception.ConfigurationError(f'no agent of {host} is known')
    print(f'{host} is forgotten; console-api-manage agent enrol lets it in')


def host_name(text: str) -> str:
    """The name of a host.

    :raises ArgumentTypeError: no host is called so
    """
    if not hostnames.is_valid(text):
        raise argparse.ArgumentTypeError(
            f'no host is called {text!r}: a name has {hostnames.RULE}'
        )
    return text


def server_id(text: str) -> str:
    """The id as the tables have it.

    :raises ArgumentTypeError: it is not a UUID
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f'{text!r} is no UUID') from exc


def _now() -> int:
    return int(timeutils.utcnow_ts())
