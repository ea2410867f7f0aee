# SPDX-License-Identifier: Apache-2.0
"""Many sessions are lost at once and come back: how long does that take?

Pages wait as the real ones do. RabbitMQ, MariaDB, conductor, agent and proxy
are real, the servers simulated. Prints when the sessions were back, and what
they were told before.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import hashlib
import random
import resource
import secrets
import statistics
import sys
import time
from typing import Any
import uuid

import sqlalchemy as sa

from benchmarks.api import cpu
from tests.fixtures import bus
from tests.fixtures import deployment
from tests.fixtures import private
from tests.fixtures import processes

_PROJECT = 'a' * 32
_SERVERS = 20
#: As web/src/retry.js: the codes and the milliseconds of its pauses.
_BUSY, _LOST = 4012, 1006
_FIRST, _FIRST_BUSY, _LONGEST = 1.0, 4.0, 15.0
#: A page that is not back by then never is, in seconds.
_PATIENCE = 180.0
_SETTINGS: processes.Settings = {
    'api': {'auth_strategy': 'noauth'},
    # All of them come from one address here.
    'proxy': {
        'max_handshakes': 4000,
        'max_handshakes_per_client': 0,
        'max_sessions_per_client': 0,
        'max_sessions_per_server': 0,
    },
}
_REQUEST = """GET /?token={token} HTTP/1.1\r
Host: 127.0.0.1:{port}\r
Origin: http://127.0.0.1:{port}\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
\r
"""


def main() -> int:
    """Measure and print; 1 if a page was told 4002 or is not back."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.faults.comeback', description=__doc__
    )
    parser.add_argument('--pages', type=int, default=2000)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with _services() as (deployed, database_url):
        tokens = _tokens(deployed, database_url, options.pages)
        watched = {
            name: getattr(deployed, name).process.pid
            for name in ('proxy', 'conductor', 'agent')
        }
        before = {name: cpu.spent(pid) for name, pid in watched.items()}
        crowd = asyncio.run(_run(deployed.proxy_port, tokens))
        for name, pid in watched.items():
            print(f'{name}: {cpu.spent(pid) - before[name]:.1f} s of CPU')
    return crowd.report()


class Crowd:
    """What has become of the pages."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.times: list[float] = []
        self.told: Counter[int] = Counter()
        self.is_back = asyncio.Event()

    def add(self, seconds: float) -> None:
        """One more is back, after so many seconds."""
        self.times.append(seconds)
        if len(self.times) == self.pages:
            self.is_back.set()

    def report(self) -> int:
        """Print it; the exit status."""
        told = ', '.join(f'{n} x {code}' for code, n in self.told.items())
        print(f'{len(self.times)} of {self.pages} are back; told: {told}')
        if len(self.times) > 1:
            part = statistics.quantiles(self.times, n=100)
            print(
                f'p50 {part[49]:.1f} s, p99 {part[98]:.1f} s, '
                f'last {max(self.times):.1f} s'
            )
        whole = len(self.times) == self.pages
        return 0 if whole and not self.told[4002] else 1


@contextlib.contextmanager
def _services() -> Iterator[tuple[deployment.Deployment, str]]:
    servers = [
        {
            'id': str(uuid.UUID(int=number + 1)),
            'name': f'server-{number}',
            'project_id': _PROJECT,
            'consoles': ['novnc'],
        }
        for number in range(_SERVERS)
    ]
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(bus.RabbitMQ())
        database = stack.enter_context(private.MariaDB())
        deployed = deployment.Deployment(
            broker.url, database.url, servers, _SETTINGS
        )
        yield stack.enter_context(deployed), database.url


def _tokens(
    deployed: deployment.Deployment, database_url: str, count: int
) -> list[str]:
    """So many tokens, in equal parts for the servers.

    One of each server is had of the API and the others are made like it: a
    page costs no create when it comes back.
    """
    for number in range(_SERVERS):
        url = f'{deployed.url}/servers/{uuid.UUID(int=number + 1)}'
        processes.wait_for(lambda url=url: _create(url), f'no console: {url}')
    made = [secrets.token_urlsafe(32) for _ in range(count)]
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        table = sa.Table(
            'console_tokens', sa.MetaData(), autoload_with=connection
        )
        rows = connection.execute(sa.select(table)).mappings().all()
        connection.execute(
            sa.insert(table),
            [_like(rows, number, token) for number, token in enumerate(made)],
        )
    return made


def _create(url: str) -> bool:
    answer = deployment.call(
        f'{url}/remote-consoles',
        'POST',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        X_Auth_Token=f'alice:{_PROJECT}:member',
        X_OpenStack_Nova_API_Version='2.6',
    )
    return answer.status == 200


def _like(rows: Sequence[Any], number: int, token: str) -> dict[str, Any]:
    row = dict(rows[number % len(rows)])
    row.pop('id', None)
    row['token_hash'] = hashlib.sha256(token.encode()).hexdigest()
    return row


async def _run(port: int, tokens: list[str]) -> Crowd:
    crowd = Crowd(len(tokens))
    over = asyncio.Event()
    pages = [
        asyncio.ensure_future(_page(port, token, crowd, over))
        for token in tokens
    ]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await crowd.is_back.wait()
    over.set()
    await asyncio.wait(pages)
    return crowd


async def _page(
    port: int, token: str, crowd: Crowd, over: asyncio.Event
) -> None:
    """Come back as a page does, and stay until it is over."""
    began = time.monotonic()
    code = _LOST
    tries = 0
    while not over.is_set():
        await asyncio.sleep(pause(code, tries))
        tries += 1
        async with contextlib.AsyncExitStack() as stack:
            code = await _knock(port, token, stack)
            if code == 0:
                crowd.add(time.monotonic() - began)
                await over.wait()
                return
        crowd.told[code] += 1


def pause(code: int, tries: int) -> float:
    """How long a page waits after this end, in seconds."""
    if code == _BUSY:
        longest = min(_FIRST_BUSY * 2**tries, _LONGEST)
        return max(_FIRST / 2, longest * random.random())
    longest = min(_FIRST * 2**tries, _LONGEST)
    return longest * random.uniform(0.5, 1)


async def knock(port: int, token: str) -> int:
    """Open a session and close it; the close code, or 0 where it began."""
    async with contextlib.AsyncExitStack() as stack:
        return await _knock(port, token, stack)


async def _knock(
    port: int, token: str, stack: contextlib.AsyncExitStack
) -> int:
    """The close code, or 0 for a session that lasts as long as the stack."""
    try:
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        stack.callback(writer.transport.abort)
        writer.write(_REQUEST.format(token=token, port=port).encode())
        head = await reader.readuntil(b'\r\n\r\n')
        if b' 101 ' not in head.partition(b'\r\n')[0]:
            return _LOST
        first, length = await reader.readexactly(2)
        if first & 0x0F != 8:
            return 0
        reason = await reader.readexactly(length & 0x7F)
        return int.from_bytes(reason[:2], 'big')
    except (OSError, asyncio.IncompleteReadError):
        return _LOST


if __name__ == '__main__':
    sys.exit(main())
