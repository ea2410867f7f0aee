# SPDX-License-Identifier: Apache-2.0
"""Requests a second, latency and processor time of the API.

Without --bus, the standalone service is measured: one process, SQLite. With
it, the API runs under gunicorn and calls an agent and a conductor over that
bus. Everything listens on loopback and ends with the benchmark.
"""

import argparse
from collections.abc import Iterator
import contextlib
import dataclasses
import json
import pathlib
import sys
from typing import Any
from urllib import parse

from benchmarks.api import cpu
from benchmarks.api import deployment
from benchmarks.api import load

_VERSION = {'OpenStack-API-Version': 'compute 2.99'}
_WARM_UP = load.Limits(requests=20, seconds=30)


def main() -> int:
    """Measure and print; 1 if any request failed."""
    options = _options()
    limits = load.Limits(options.requests, options.seconds)
    rows = []
    with _deployed(options) as deployed:
        print(f'{"":>10} {"clients":>7} {"req/s":>8} {"p50":>8} {"p99":>8}')
        for name, request in _requests(deployed).items():
            load.run(deployed.host, deployed.port, request, 1, _WARM_UP)
            for clients in options.clients:
                row = _measure(deployed, name, request, clients, limits)
                rows.append(row)
                _show(row)
    if options.json:
        options.json.write_text(
            json.dumps([dataclasses.asdict(r) for r in rows], indent=2) + '\n'
        )
    return 1 if any(row.errors for row in rows) else 0


@dataclasses.dataclass(frozen=True)
class Row:
    """One request at one number of clients; times in milliseconds.

    ``cpu`` is processor time a request, by process.
    """

    name: str
    clients: int
    requests: int
    rate: float
    p50: float | None
    p99: float | None
    cpu: dict[str, float]
    errors: dict[str, int]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.api', description=__doc__
    )
    add = parser.add_argument
    add('--bus', metavar='URL', help='a transport_url: rabbit://...')
    add('--database', metavar='URL', help='with --bus; else SQLite')
    add('--workers', type=int, default=2, help='of gunicorn (2)')
    add('--threads', type=int, default=10, help='a worker (10)')
    add('--clients', type=_numbers, default=[1, 8, 32], help='1,8,32')
    add('--requests', type=int, default=600, help='a row, at most (600)')
    add('--seconds', type=float, default=20, help='a row, at most (20)')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(',')]


@contextlib.contextmanager
def _deployed(
    options: argparse.Namespace,
) -> Iterator[deployment.Deployment]:
    if options.bus is None:
        with deployment.standalone() as deployed:
            yield deployed
    else:
        with deployment.distributed(
            options.bus, options.database, options.workers, options.threads
        ) as deployed:
            yield deployed


def _requests(deployed: deployment.Deployment) -> dict[str, load.Request]:
    listing = load.Request('GET', '/v2.1/servers')
    found: Any = load.send(deployed.host, deployed.port, listing)
    create = load.Request(
        'POST',
        f'/v2.1/servers/{found["servers"][0]["id"]}/remote-consoles',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        _VERSION,
    )
    made: Any = load.send(deployed.host, deployed.port, create)
    url = parse.unquote(made['remote_console']['url'])
    token = url.rpartition('token=')[2]
    return {
        'discovery': load.Request('GET', '/v2.1/'),
        'create': create,
        'token': load.Request(
            'GET', f'/v2.1/os-console-auth-tokens/{token}', None, _VERSION
        ),
    }


def _measure(
    deployed: deployment.Deployment,
    name: str,
    request: load.Request,
    clients: int,
    limits: load.Limits,
) -> Row:
    before = {n: cpu.spent(p) for n, p in deployed.processes.items()}
    result = load.run(deployed.host, deployed.port, request, clients, limits)
    after = {n: cpu.spent(p) for n, p in deployed.processes.items()}
    answered = max(1, len(result.latencies))
    return Row(
        name,
        clients,
        len(result.latencies),
        round(result.rate, 1),
        _ms(result.percentile(0.5)),
        _ms(result.percentile(0.99)),
        {n: round((after[n] - before[n]) * 1e3 / answered, 2) for n in after},
        result.errors,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 2)


def _show(row: Row) -> None:
    spent = ', '.join(f'{name} {ms} ms' for name, ms in row.cpu.items())
    print(
        f'{row.name:>10} {row.clients:>7} {row.rate:>8} {row.p50!s:>8} '
        f'{row.p99!s:>8}  CPU: {spent} {row.errors or ""}',
        flush=True,
    )


if __name__ == '__main__':
    sys.exit(main())
