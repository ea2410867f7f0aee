# SPDX-License-Identifier: Apache-2.0
"""What a request costs with few servers in the registry and with many.

The API runs in this process over databases of several sizes at once, and
agents answer at once. All sizes take turns, request by request, so that what
else the machine does falls on each of them. The databases are made on the
servers of this machine and dropped at the end.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import json
import os
import pathlib
import platform
import random
import sys

from benchmarks.scale import cost
from benchmarks.scale import population
from benchmarks.scale import questions
from benchmarks.scale import stores

_WARM_UP = 3


def main() -> int:
    """Measure and print."""
    options = _options()
    rows = [row for kind in options.databases for row in _run(kind, options)]
    if options.json:
        found = {
            'machine': _machine(),
            'rows': [dataclasses.asdict(row) for row in rows],
        }
        options.json.write_text(json.dumps(found, indent=2) + '\n')
    return 0


@dataclasses.dataclass(frozen=True)
class Row:
    """One request over one database; ``ratio`` is to the smallest one.

    It compares the processor time of the client and of the database.
    """

    database: str
    request: str
    servers: int
    cost: cost.Cost
    ratio: float


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.scale', description=__doc__
    )
    add = parser.add_argument
    add(
        '--databases',
        nargs='+',
        choices=stores.KINDS,
        default=['sqlite'],
        help='one after the other (sqlite)',
    )
    add('--servers', type=_numbers, default=[100, 100_000], help='100,100000')
    add('--agents', type=int, default=1000, help='at most (1000)')
    add('--tokens', type=int, default=100_000, help='at most (100000)')
    add('--requests', type=int, default=100, help='of each kind (100)')
    add('--only', nargs='+', metavar='TEXT', help='requests with this in it')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return sorted(int(word) for word in text.split(','))


def _run(kind: str, options: argparse.Namespace) -> Iterator[Row]:
    meter = cost.Meter()
    with meter.running(), stores.opened(kind) as made:
        several = []
        for servers in options.servers:
            print(f'{kind}: {servers:,} servers', file=sys.stderr, flush=True)
            people = population.Population(
                servers, options.agents, min(servers, options.tokens)
            )
            several.append(made.make(people))
        print(_head(kind, options.servers))
        for name, question in questions.QUESTIONS.items():
            if options.only and not any(w in name for w in options.only):
                continue
            costs = _measure(meter, several, question, options.requests)
            found = [
                Row(kind, name, servers, one, _ratio(one, costs[0]))
                for servers, one in zip(options.servers, costs, strict=True)
            ]
            print(_line(found), flush=True)
            yield from found


def _measure(
    meter: cost.Meter,
    several: Sequence[stores.Store],
    question: questions.Question,
    requests: int,
) -> list[cost.Cost]:
    samples = [cost.Samples() for _ in several]
    chance = random.Random(1)
    for turn in range(-_WARM_UP, requests):
        for store, kept in zip(several, samples, strict=True):
            seen = cost.Samples() if turn < 0 else kept
            ask = functools.partial(question, store, chance)
            meter.measure(ask, seen)
    return [kept.cost() for kept in samples]


def _ratio(one: cost.Cost, first: cost.Cost) -> float:
    return round(one.spent / max(first.spent, 1e-9), 2)


def _head(kind: str, sizes: Sequence[int]) -> str:
    over = ''.join(f'{f"{size:,} servers":>37}' for size in sizes)
    under = f'{"CPU":>10}{"database":>9}{"p50":>7}{"SQL":>4}{"ratio":>7}'
    return f'{kind:22}{over}\n{"ms":22}{under * len(sizes)}'


def _line(rows: Sequence[Row]) -> str:
    cells = ''
    for row in rows:
        database = (
            '-' if row.cost.database is None else f'{row.cost.database:.2f}'
        )
        cells += (
            f'{row.cost.cpu:>10.2f}{database:>9}{row.cost.p50:>7.2f}'
            f'{row.cost.statements:>4}{row.ratio:>7.2f}'
        )
    return f'{rows[0].request:22}{cells}'


def _machine() -> dict[str, str]:
    return {
        'processors': str(os.cpu_count()),
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
    }


if __name__ == '__main__':
    sys.exit(main())
