# SPDX-License-Identifier: Apache-2.0
"""A registry of any size whose parts of interest are equally large in all.

Half of the servers belong to one project, the others to projects of 50. So
many servers have a rare state, spread over the whole table, whatever its size.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import datetime
import itertools
import time
from typing import Any
import uuid

import sqlalchemy as sa

from console_api.consoles import tokens as console_tokens
from console_api.db import models

#: The project of every second server.
LARGE = 'large'
#: The servers of each other project.
SMALL_SIZE = 50
#: Servers in a rare state, and as many with a rare task.
RARE = 25

_BEGIN = datetime.datetime.fromisoformat('2026-01-01')
_NAMESPACE = uuid.UUID('6ba7b811-9dad-11d1-80b4-00c04fd430c8')
#: An agent is one of a thousand, or has at least so many servers.
_SERVERS_OF_AN_AGENT = 50
_BATCH = 2000


@dataclasses.dataclass(frozen=True)
class Population:
    """How many rows there are; ``agents`` at the most."""

    servers: int
    agents: int
    tokens: int

    @property
    def hosts(self) -> int:
        """How many agents there are."""
        return max(1, min(self.agents, self.servers // _SERVERS_OF_AN_AGENT))

    def fill(self, engine: sa.Engine) -> None:
        """Put all rows into the empty tables of a database."""
        for table, rows in (
            (models.agents, self._agents()),
            (models.servers, self._servers()),
            (models.console_tokens, self._tokens()),
        ):
            for batch in _batches(rows):
                with engine.begin() as connection:
                    connection.execute(table.insert(), batch)

    def _agents(self) -> Iterator[dict[str, Any]]:
        for number in range(self.hosts):
            yield {
                'host': host(number),
                'instance': str(uuid.uuid5(_NAMESPACE, f'agent {number}')),
                'release': '1.0',
                'rpc_version': '1.0',
                'addresses': f'192.0.2.1,{address(number)}',
                'servers': self.servers // self.hosts,
                'reported_at': int(time.time()),
                'key_hash': 'a' * 64,
            }

    def _servers(self) -> Iterator[dict[str, Any]]:
        # In the order of ids: a table that is kept in the order of its key
        # is filled from one end.
        rare = max(1, self.servers // RARE)
        for key, number in sorted(
            (server_id(n), n) for n in range(self.servers)
        ):
            yield {
                'id': key,
                'name': name(number),
                'project_id': project(number),
                'user_id': 'user',
                'host': host(number % self.hosts),
                'vm_state': 'error' if number % rare == 1 else 'active',
                'task_state': 'rebooting' if number % rare == 2 else None,
                'power_state': 1,
                'consoles': 'novnc,serial',
                'created_at': created_at(number),
                'updated_at': created_at(number),
            }

    def _tokens(self) -> Iterator[dict[str, Any]]:
        now = int(time.time())
        for number in range(self.tokens):
            yield {
                'token_hash': token(number).digest(),
                'server_id': server_id(number % self.servers),
                'project_id': project(number),
                'user_id': 'user',
                'console_type': 'novnc',
                'agent_host': host(number % self.hosts),
                'host': '192.0.2.1',
                'port': 5900,
                'created_at': now,
                # Good for longer than any run.
                'expires_at': now + 86400 + number % 600,
            }


def name(number: int) -> str:
    """What a server is called."""
    return f'server-{number}'


def server_id(number: int) -> str:
    """The id of a server; in their order, numbers are not."""
    return str(uuid.uuid5(_NAMESPACE, f'server {number}'))


def project(number: int) -> str:
    """Whose server it is."""
    if number % 2:
        return LARGE
    return f'small-{number // 2 // SMALL_SIZE}'


def host(number: int) -> str:
    """The name of an agent's host."""
    return f'host-{number}.example.org'


def address(number: int) -> str:
    """Where consoles of a host listen."""
    return f'198.18.{number // 250 % 250}.{number % 250 + 1}'


def created_at(number: int) -> datetime.datetime:
    """When a server was made; the highest number is the newest."""
    return _BEGIN + datetime.timedelta(seconds=number)


def token(number: int) -> console_tokens.Token:
    """One of the tokens that are stored."""
    return console_tokens.Token(f'{number:064x}')


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := list(itertools.islice(left, _BATCH)):
        yield batch
