# SPDX-License-Identifier: Apache-2.0
"""What console-api-manage does with tokens, servers and agents."""

import dataclasses
import uuid

from oslo_config import cfg
from oslo_utils import timeutils

from console_api import exception
from console_api.cmd import output
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import limits
from console_api.db import tokens as db_tokens
from console_api.servers import directory
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
    host: str
    servers: int
    last_report: str
    silent_seconds: int
    addresses: str
    release: str
    rpc_version: str
    process: str | None
    refused: str | None
    refused_at: str | None
    has_key: bool


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
    """Show the agents and when each has last reported."""
    now = _now()
    with db_api.Database(conf).reader() as connection:
        found = db_agents.every(connection)
    rows = [
        _Agent(
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
                None
                if agent.refused_at is None
                else output.time(agent.refused_at)
            ),
            has_key=agent.key_hash is not None,
        )
        for agent in found
    ]
    output.show(conf.category.format, _Agent, rows)


def forget_agent(conf: cfg.ConfigOpts) -> None:
    """Remove what is known of an agent; its next report starts anew.

    :raises ConfigurationError: there is none of that host
    """
    host = conf.category.of_host
    known = db_api.Database(conf).write(
        lambda connection: db_agents.remove(connection, host)
    )
    if not known:
        raise exception.ConfigurationError(f'no agent of {host} is known')
    print(f'{host} is forgotten until it reports again')


def server_id(text: str) -> str:
    """The id as the tables have it.

    :raises ValueError: it is not a UUID
    """
    return str(uuid.UUID(text))


def _now() -> int:
    return int(timeutils.utcnow_ts())
