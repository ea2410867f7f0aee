# SPDX-License-Identifier: Apache-2.0
"""What a report of one host costs its conductor.

The report is decoded, checked and stored as the conductor does it, in this
process; the message bus around it is not. The registry has the servers of
other hosts too.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import json
import pathlib
import sys
from typing import Any
from unittest import mock
import uuid

from oslo_serialization import jsonutils

from benchmarks.scale import cost
from benchmarks.scale import population
from benchmarks.scale import stores
from console_api import context as console_context
from console_api.conductor import endpoint
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.servers import agents
from console_api.servers import reports

_HOST = 'reporting.example.org'
_KEY = 'k' * 43
_ROUNDS = 5


def main() -> int:
    """Measure and print."""
    options = _options()
    rows = [row for kind in options.databases for row in _run(kind, options)]
    if options.json:
        options.json.write_text(
            json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
            + '\n'
        )
    return 0


@dataclasses.dataclass(frozen=True)
class Row:
    """One kind of report to one kind of database."""

    database: str
    report: str
    servers: int
    cost: cost.Cost


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.scale.reports', description=__doc__
    )
    add = parser.add_argument
    add(
        '--databases',
        nargs='+',
        choices=stores.KINDS,
        default=['sqlite'],
        help='one after the other (sqlite)',
    )
    add('--servers', type=int, default=500, help='of the host (500)')
    add('--others', type=int, default=100_000, help='of others (100000)')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


def _run(kind: str, options: argparse.Namespace) -> Iterator[Row]:
    meter = cost.Meter()
    with meter.running(), stores.opened(kind) as made:
        store = made.make(population.Population(options.others, 1000, 1))
        conductor = endpoint.ConductorEndpoint(
            mock.Mock(),
            reports.ReportRecorder(store.database),
            agents.AgentRecorder(store.database, is_open=True),
        )
        _introduce(conductor, options.servers)
        print(
            f'{kind:22}{"CPU ms":>10}{"database":>10}{"p50":>10}{"SQL":>6}',
            flush=True,
        )
        for name, samples in _measured(meter, conductor, options.servers):
            row = Row(kind, name, options.servers, samples.cost())
            print(_line(row), flush=True)
            yield row


def _introduce(conductor: endpoint.ConductorEndpoint, count: int) -> None:
    facts = conductor_rpcapi.AgentFacts(
        instance=str(uuid.UUID(int=1)),
        release='1.0.0',
        rpc_version='1.0',
        addresses=('192.0.2.1',),
        servers=count,
        process='process 1',
    )
    conductor.report_agent(
        console_context.service_context(),
        _HOST,
        dataclasses.asdict(facts),
        key=_KEY,
    )


def _measured(
    meter: cost.Meter, conductor: endpoint.ConductorEndpoint, count: int
) -> Iterator[tuple[str, cost.Samples]]:
    found = {name: cost.Samples() for name in KINDS}
    for turn in range(_ROUNDS):
        for name, make in KINDS.items():
            call, arguments = make(count, turn)
            message = jsonutils.dumps(
                {'host': _HOST, 'key': _KEY, **arguments}
            )

            def deliver(call: str = call, message: str = message) -> None:
                getattr(conductor, call)(
                    console_context.service_context(),
                    **jsonutils.loads(message),
                )

            meter.measure(deliver, found[name])
    yield from found.items()


_Report = tuple[str, dict[str, Any]]


def _full(servers: Sequence[dict[str, Any]]) -> _Report:
    return 'report_servers', {'servers': servers}


def _servers(count: int, **changed: object) -> list[dict[str, Any]]:
    return [
        {
            'id': str(uuid.UUID(int=number)),
            'name': f'reported-{number}',
            'project_id': f'project-{number % 20}',
            'user_id': 'user',
            'vm_state': 'active',
            'task_state': None,
            'power_state': 1,
            'consoles': ['novnc', 'serial'],
            'created_at': '2026-01-01T00:00:00',
            **changed,
        }
        for number in range(count)
    ]


def _changes(count: int, turn: int) -> _Report:
    some = _servers(min(10, count), vm_state='paused', power_state=turn)
    return 'report_changes', {'servers': some, 'gone': [], 'ended': []}


def _renamed(count: int, turn: int) -> _Report:
    servers = _servers(count)
    for server in servers:
        server['name'] += f'-{turn}'
    return _full(servers)


#: In this order each turn; the last one makes room for the next turn.
KINDS: dict[str, Callable[[int, int], _Report]] = {
    'first report': lambda n, _: _full(_servers(n)),
    'unchanged': lambda n, _: _full(_servers(n)),
    'changes of 10': _changes,
    'all stopped': lambda n, _: _full(
        _servers(n, vm_state='stopped', power_state=4)
    ),
    'all renamed': _renamed,
    'all gone': lambda _n, _: _full([]),
}


def _line(row: Row) -> str:
    database = '-' if row.cost.database is None else f'{row.cost.database:.1f}'
    return (
        f'{row.report:22}{row.cost.cpu:>10.1f}{database:>10}'
        f'{row.cost.p50:>10.1f}{row.cost.statements:>6}'
    )


if __name__ == '__main__':
    sys.exit(main())
