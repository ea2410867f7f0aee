# SPDX-License-Identifier: Apache-2.0
"""A hypervisor host hangs while many use it: what do the others notice?

The agent of one of two hosts is stopped. Clients of the API and pages go on to
ask for its consoles, as the real ones would. Others create consoles, list
servers and open sessions of the other host, first without that crowd and then
with it, in turns. All is real but the servers.
"""

import argparse
import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
import functools
import os
import signal
import statistics
import sys
import time
from typing import Any
from urllib import parse
import uuid

import yaml

from benchmarks.faults import comeback
from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import processes

_PROJECT = 'a' * 32
_GOOD, _SILENT = (str(uuid.UUID(int=number)) for number in (1, 2))
_CALLER = f'alice:{_PROJECT}:member'
_SETTINGS: processes.Settings = {
    'api': {'auth_strategy': 'noauth'},
    'proxy': {'max_sessions_per_client': 0, 'max_sessions_per_server': 0},
}
#: How many of each kind ask at once, and the pause of each, in seconds.
_OTHERS = 2
_PAUSE = 0.1

#: Seconds that it took, or None: refused.
_Take = Callable[[], Awaitable[float | None]]


def main() -> int:
    """Measure and print; 1 if somebody else was refused."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.faults.silent', description=__doc__
    )
    parser.add_argument('--clients', type=int, default=40)
    parser.add_argument('--pages', type=int, default=100)
    parser.add_argument('--seconds', type=float, default=40)
    parser.add_argument('--rounds', type=int, default=1)
    options = parser.parse_args()
    with _services() as deployed:
        return asyncio.run(_Cloud(deployed, options).measure())


@contextlib.contextmanager
def _services() -> Iterator[deployment.Deployment]:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(bus.RabbitMQ())
        database = stack.enter_context(databases.MariaDB())
        deployed = deployment.Deployment(
            broker.url,
            database.url,
            [_server(_GOOD)],
            _SETTINGS,
            wsgi='gunicorn',
        )
        yield stack.enter_context(deployed)


def _server(name: str) -> dict[str, Any]:
    return {
        'id': name,
        'name': f'server-{name[-1]}',
        'project_id': _PROJECT,
        'consoles': ['novnc'],
    }


class _Cloud:
    """Two hosts, of which the second one will be silent."""

    def __init__(
        self, deployed: deployment.Deployment, options: argparse.Namespace
    ) -> None:
        self._deployed = deployed
        self._options = options
        self._refused = 0
        # More than there are clients, so that none waits for a thread here.
        self._threads = futures.ThreadPoolExecutor(options.clients + 16)

    async def measure(self) -> int:
        """Print the table; the exit status."""
        agent = self._second_host()
        for server in (_GOOD, _SILENT):
            processes.wait_for(
                functools.partial(self._token, server), f'no {server}'
            )
        tokens = {
            server: self._token(server) or '' for server in (_GOOD, _SILENT)
        }
        asked: dict[str, _Take] = {
            'create': lambda: self._call('POST', _GOOD),
            'list': lambda: self._call('GET', ''),
            'open': lambda: self._open(tokens[_GOOD]),
        }
        rows: dict[tuple[str, bool], list[float]] = {}
        for _ in range(self._options.rounds):
            await self._others(asked, rows, crowded=False)
            os.kill(agent.process.pid, signal.SIGSTOP)
            crowd = self._crowd(tokens[_SILENT])
            await self._others(asked, rows, crowded=True)
            for one in crowd:
                one.cancel()
            await asyncio.wait(crowd)
            os.kill(agent.process.pid, signal.SIGCONT)
        _print(rows)
        print(f'others refused: {self._refused}')
        return 1 if self._refused else 0

    def _second_host(self) -> processes.Process:
        folder = self._deployed.folder
        inventory = folder / 'second.yaml'
        inventory.write_text(yaml.safe_dump({'servers': [_server(_SILENT)]}))
        word = folder / 'second.word'
        word.write_text(self._deployed.manage('agent', 'enrol', 'compute-2'))
        file = folder / 'second.conf'
        processes.write_settings(
            file,
            {
                'DEFAULT': {'host': 'compute-2'},
                'agent': {
                    'enrolment_word_file': word,
                    'key_file': folder / 'second.key',
                },
                'fake': {'inventory': inventory},
            },
        )
        agent = self._deployed.useFixture(
            processes.Process(
                processes.command('console-api-agent'),
                f'--config-file={self._deployed.configuration}',
                f'--config-file={file}',
            )
        )
        agent.wait_until('READY=1')
        return agent

    def _token(self, server: str) -> str | None:
        answer = self._ask('POST', server)
        if answer.status != 200:
            return None
        query = parse.urlsplit(answer.json['remote_console']['url']).query
        return parse.parse_qs(query)['path'][0].rpartition('token=')[2]

    def _ask(self, method: str, server: str) -> deployment.Answer:
        """POST: a console of the server. GET: the list of servers."""
        path = f'/{server}/remote-consoles' if server else '/detail'
        vnc = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
        return deployment.call(
            f'{self._deployed.url}/servers{path}',
            method,
            vnc if server else None,
            X_Auth_Token=_CALLER,
            X_OpenStack_Nova_API_Version='2.6',
        )

    async def _call(self, method: str, server: str) -> float | None:
        began = time.monotonic()
        answer = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._ask, method, server
        )
        return time.monotonic() - began if answer.status == 200 else None

    async def _open(self, token: str) -> float | None:
        """Open a session and close it."""
        began = time.monotonic()
        code = await comeback.knock(self._deployed.proxy_port, token)
        return None if code else time.monotonic() - began

    def _crowd(self, token: str) -> 'list[asyncio.Task[None]]':
        async def client() -> None:
            while True:
                if await self._call('POST', _SILENT) is None:
                    # What Retry-After says at the least.
                    await asyncio.sleep(1)

        async def page() -> None:
            tries, code = 0, 4002
            while True:
                await asyncio.sleep(comeback.pause(code, tries))
                tries += 1
                code = await comeback.knock(self._deployed.proxy_port, token)

        return [
            *(asyncio.create_task(client()) for _ in range(self.clients)),
            *(asyncio.create_task(page()) for _ in range(self._options.pages)),
        ]

    @property
    def clients(self) -> int:
        """Clients of the API that want consoles of the silent host."""
        return int(self._options.clients)

    async def _others(
        self,
        asked: dict[str, _Take],
        rows: dict[tuple[str, bool], list[float]],
        *,
        crowded: bool,
    ) -> None:
        end = time.monotonic() + self._options.seconds

        async def one(name: str, take: _Take) -> None:
            times = rows.setdefault((name, crowded), [])
            while time.monotonic() < end:
                seconds = await take()
                if seconds is None:
                    self._refused += 1
                else:
                    times.append(seconds)
                await asyncio.sleep(_PAUSE)

        await asyncio.gather(
            *(one(*item) for item in asked.items() for _ in range(_OTHERS))
        )


def _print(rows: dict[tuple[str, bool], list[float]]) -> None:
    print(f'{"":8}{"without, ms":>20}{"with, ms":>20}{"ratio":>14}')
    print(f'{"":8}{"p50":>10}{"p99":>10}{"p50":>10}{"p99":>10}{"p99":>14}')
    for name in dict.fromkeys(name for name, _ in rows):
        cells = []
        for crowded in (False, True):
            part = statistics.quantiles(rows[name, crowded], n=100)
            cells += [part[49] * 1000, part[98] * 1000]
        text = ''.join(f'{cell:10.1f}' for cell in cells)
        print(f'{name:8}{text}{cells[3] / cells[1]:14.2f}')


if __name__ == '__main__':
    sys.exit(main())
