# SPDX-License-Identifier: Apache-2.0
"""All agents of a cloud start at once: how long, and who has to wait?

The agents come for the first time, and then they come again, as after a
failure of power or with a new release. The API, a conductor, RabbitMQ and
MariaDB are real; the agents share a process, and two clients ask for consoles
of a server on one more host all the while.
"""

import argparse
from collections.abc import Iterator
import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.api import cpu
from benchmarks.api import deployment
from benchmarks.api import load
from benchmarks.api import subjects
from tests.fixtures import bus
from tests.fixtures import databases

#: Clients that create consoles, and how long they are asked to at a time.
_CLIENTS = 2
_SLICE = 1.0

_COLUMNS = (
    *('claimed', 'reported', 'again', 'conductor'),
    *('creates', 'p50', 'p99', 'slowest'),
)
_UNITS = ('s', 's', '', 'CPU s', '', 'ms', 'ms', 'ms')


@dataclasses.dataclass(frozen=True)
class Row:
    """What one start of all took.

    ``claimed`` and ``reported`` are the seconds until all agents had their
    host, and until all servers were stored; ``again`` is how many reports
    failed and were sent again. ``conductor`` is its processor time in seconds.
    ``creates`` were answered, at the times ``p50``, ``p99`` and ``slowest``
    in ms; ``errors`` counts those that were not, by status.
    """

    name: str
    claimed: float
    reported: float
    again: int
    conductor: float
    creates: int
    p50: float
    p99: float
    slowest: float
    errors: dict[str, int]


def main() -> int:
    """Measure and print; 1 if a create failed."""
    options = _options()
    rows = []
    with _services() as (url, deployed):
        print(_line('', *_COLUMNS), _line('', *_UNITS), sep='\n', flush=True)
        for row in _measured(options, url, deployed):
            rows.append(row)
            _show(row)
    if options.json:
        found = [dataclasses.asdict(row) for row in rows]
        options.json.write_text(json.dumps(found, indent=2) + '\n')
    return 1 if any(row.errors for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.scale.restart', description=__doc__
    )
    add = parser.add_argument
    add('--agents', type=int, default=1000, help='(1000)')
    add('--servers', type=int, default=100, help='of each agent (100)')
    add('--interval', type=int, default=60, help='inventory_interval (60)')
    add('--quiet', type=float, default=5, help='seconds before (5)')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


@contextlib.contextmanager
def _services() -> Iterator[tuple[str, deployment.Deployment]]:
    """A virtual host and a database of their own, and the service on them."""
    with (
        bus.RabbitMQ() as broker,
        databases.MariaDB() as database,
        deployment.distributed(broker.url, database.url, 2, 10) as deployed,
    ):
        yield broker.url, deployed


def _measured(
    options: argparse.Namespace, url: str, deployed: deployment.Deployment
) -> Iterator[Row]:
    where = (deployed.host, deployed.port)
    server = _server(*where)
    create = subjects.requests(*where, '/v2.1', server, 'admin', 'admin')[
        'create'
    ]
    limits = load.Limits(10**9, options.quiet)
    quiet = load.run(*where, create, _CLIENTS, limits)
    yield _row('nobody starts', (0.0, 0.0, 0), 0.0, quiet)
    for name in ('first start', 'all again'):
        before = cpu.spent(deployed.processes['conductor'])
        with _fleet(options, url) as fleet, _load(where, create) as found:
            outcome = _start(fleet)
        spent = cpu.spent(deployed.processes['conductor']) - before
        yield _row(name, outcome, spent, found)


def _server(host: str, port: int) -> str:
    """The server of the agent that answers calls, once it is reported."""
    deadline = time.monotonic() + deployment.PATIENCE
    while time.monotonic() < deadline:
        found: Any = load.send(
            host, port, load.Request('GET', '/v2.1/servers')
        )
        if found['servers']:
            return str(found['servers'][0]['id'])
        time.sleep(0.2)
    raise RuntimeError('the agent did not report its servers')


@contextlib.contextmanager
def _fleet(
    options: argparse.Namespace, url: str
) -> Iterator['subprocess.Popen[str]']:
    numbers = (options.agents, options.servers, options.interval)
    with subprocess.Popen(
        [
            *(sys.executable, '-m', 'benchmarks.scale.fleet', url),
            *map(str, numbers),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _expect(process, 'ready')
            yield process
        finally:
            # As a host that fails: an end in order would take its time.
            process.kill()


@contextlib.contextmanager
def _load(
    where: tuple[str, int], create: load.Request
) -> Iterator[load.Result]:
    """Creates until the context ends; what came of them is added up."""
    total = load.Result()
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            limits = load.Limits(10**9, _SLICE)
            found = load.run(*where, create, _CLIENTS, limits)
            total.wall += found.wall
            total.latencies += found.latencies
            for status, count in found.errors.items():
                total.errors[status] = total.errors.get(status, 0) + count

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield total
    finally:
        ended.set()
        thread.join()


def _start(process: 'subprocess.Popen[str]') -> tuple[float, float, int]:
    assert process.stdin is not None
    process.stdin.write('\n')
    process.stdin.flush()
    (claimed,) = _expect(process, 'claimed')
    reported, again = _expect(process, 'reported')
    return claimed, reported, int(again)


def _expect(process: 'subprocess.Popen[str]', word: str) -> list[float]:
    assert process.stdout is not None
    said, *numbers = process.stdout.readline().split() or ['']
    if said != word:
        raise RuntimeError(f'the fleet said {said!r}, not {word!r}')
    return [float(number) for number in numbers]


def _row(
    name: str,
    outcome: tuple[float, float, int],
    conductor: float,
    found: load.Result,
) -> Row:
    p50, p99, slowest = (
        round((found.percentile(part) or 0.0) * 1e3, 1)
        for part in (0.5, 0.99, 1.0)
    )
    claimed, reported, again = outcome
    return Row(
        name,
        claimed,
        reported,
        again,
        round(conductor, 1),
        len(found.latencies),
        p50,
        p99,
        slowest,
        found.errors,
    )


def _show(row: Row) -> None:
    *cells, errors = dataclasses.astuple(row)
    print(_line(*cells), errors or '', flush=True)


def _line(name: object, *cells: object) -> str:
    return f'{name!s:14}' + ''.join(f'{cell!s:>10}' for cell in cells)


if __name__ == '__main__':
    sys.exit(main())
