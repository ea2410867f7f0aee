# SPDX-License-Identifier: Apache-2.0
"""Requests a second, latency and processor time of the API.

The standalone service is measured, in one process with SQLite; with --bus,
the API under gunicorn, which calls an agent and a conductor over that bus;
with --services, what an operator runs: uWSGI, agent, conductor, RabbitMQ,
MariaDB and Keystone, each in processes of their own. Everything listens on
loopback and ends with the benchmark.

With --nova, a Nova that runs is measured in turns with it. NOVA_TOKEN is a
token of a member of the server's project, NOVA_SERVICE_TOKEN one that may
look console tokens up.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import pathlib
import sys
from typing import Any

from benchmarks.api import deployment
from benchmarks.api import load
from benchmarks.api import measure
from benchmarks.api import report
from benchmarks.api import subjects


def main() -> int:
    """Measure and print; 1 if any request failed or a goal was missed."""
    options = _options()
    effort = measure.Effort(
        options.clients,
        load.Limits(options.requests, options.seconds),
        options.rounds,
    )
    with _subject(options) as ours:
        found = [ours]
        if options.nova:
            found.append(subjects.nova(options))
        print(
            f'{"":>11} {"":>9} {"clients":>7} {"req/s":>8} {"p50":>8} '
            f'{"p99":>8}'
        )
        rows = []
        for row in measure.rows(found, effort):
            rows.append(row)
            _show(row)
        memory = {s.name: measure.memory(s) for s in found}
    lines = _judge(rows, memory) if options.services else []
    if lines:
        for name, figures in memory.items():
            print(f'{name}, MiB: {figures}')
        print(report.table(lines))
    if options.json:
        _write(options.json, rows, memory, lines)
    failed = any(row.errors for row in rows)
    return 1 if failed or any(line.met is False for line in lines) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.api', description=__doc__
    )
    add = parser.add_argument
    add('--services', action='store_true', help='all that an operator runs')
    add('--bus', metavar='URL', help='a transport_url: rabbit://...')
    add('--database', metavar='URL', help='with --bus; else SQLite')
    add('--workers', type=int, default=2, help='of gunicorn (2)')
    add('--threads', type=int, default=10, help='a worker (10)')
    add('--nova', metavar='URL', help='http://127.0.0.1:8774/v2.1')
    add('--nova-server', metavar='ID', help='a server with a VNC console')
    add(
        '--nova-process',
        metavar='NAME=PID',
        type=_process,
        action='append',
        default=[],
        help='api, conductor, compute, and what else it takes; repeat it',
    )
    add('--clients', type=_numbers, default=[1, 8, 32], help='1,8,32')
    add('--requests', type=int, default=600, help='a row, at most (600)')
    add('--seconds', type=float, default=20, help='a row, at most (20)')
    add('--rounds', type=int, default=1, help='of each row, in turns (1)')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(',')]


def _process(text: str) -> tuple[str, int]:
    name, _, pid = text.partition('=')
    return name, int(pid)


@contextlib.contextmanager
def _subject(options: argparse.Namespace) -> Iterator[subjects.Subject]:
    if options.services:
        with subjects.ours() as subject:
            yield subject
    elif options.bus is None:
        with deployment.standalone() as deployed:
            yield _without_keystone(deployed)
    else:
        with deployment.distributed(
            options.bus, options.database, options.workers, options.threads
        ) as deployed:
            yield _without_keystone(deployed)


def _without_keystone(deployed: deployment.Deployment) -> subjects.Subject:
    where = (deployed.host, deployed.port)
    found: Any = load.send(*where, load.Request('GET', '/v2.1/servers'))
    server = found['servers'][0]['id']
    return subjects.Subject(
        'console_api',
        *where,
        subjects.requests(*where, '/v2.1', server, 'admin', 'admin'),
        deployed.processes,
    )


def _judge(
    rows: Sequence[measure.Row], memory: dict[str, dict[str, float]]
) -> list[report.Line]:
    figures = {
        name: (
            {(r.name, r.clients): r for r in rows if r.subject == name},
            memory[name],
        )
        for name in memory
    }
    return report.judge(figures['console_api'], figures.get('nova'))


def _show(row: measure.Row) -> None:
    spent = ', '.join(f'{name} {ms} ms' for name, ms in row.cpu.items())
    print(
        f'{row.subject:>11} {row.name:>9} {row.clients:>7} {row.rate:>8} '
        f'{row.p50!s:>8} {row.p99!s:>8}  CPU: {spent} {row.errors or ""}',
        flush=True,
    )


def _write(
    file: pathlib.Path,
    rows: Sequence[measure.Row],
    memory: dict[str, dict[str, float]],
    lines: Sequence[report.Line],
) -> None:
    result = {
        'rows': [dataclasses.asdict(row) for row in rows],
        'memory': memory,
        'goals': [dataclasses.asdict(line) for line in lines],
    }
    file.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    sys.exit(main())
