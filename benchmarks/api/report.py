# SPDX-License-Identifier: Apache-2.0
"""The figures beside the goals and beside the peer's."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from benchmarks.api import measure

#: Rows by request and clients, and memory, of one subject.
Figures = tuple[Mapping[tuple[str, int], measure.Row], Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure and what it should be; without a peer, ``times`` is moot."""

    title: str
    unit: str
    figure: Callable[[Figures], float | None]
    most: float | None = None
    times: float | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """A goal with the figures for it; ``met`` is None where it is moot."""

    title: str
    unit: str
    ours: float | None
    peer: float | None
    ratio: float | None
    goal: str
    met: bool | None


def _rate(name: str, clients: int) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        row = figures[0].get((name, clients))
        return None if row is None else row.rate

    return figure


def _p50(name: str, clients: int) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        row = figures[0].get((name, clients))
        return None if row is None else row.p50

    return figure


def _p99(name: str, clients: int) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        row = figures[0].get((name, clients))
        return None if row is None else row.p99

    return figure


def _spent(name: str, clients: int) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        row = figures[0].get((name, clients))
        return None if row is None else round(sum(row.cpu.values()), 2)

    return figure


def _memory(figures: Figures) -> float | None:
    return round(sum(figures[1].values()), 1)


GOALS = (
    Goal('create, 1 client', '1/s', _rate('create', 1), times=5),
    Goal('create, 8 clients', '1/s', _rate('create', 8), times=5),
    Goal('create, 32 clients', '1/s', _rate('create', 32), times=5),
    Goal('create, 1 client, p50', 'ms', _p50('create', 1), most=8),
    Goal('create, 1 client, p99', 'ms', _p99('create', 1)),
    Goal('create, 1 client, processor', 'ms', _spent('create', 1), most=8),
    Goal('create, 8 clients, processor', 'ms', _spent('create', 8), most=8),
    Goal('token, 8 clients', '1/s', _rate('token', 8), times=2),
    Goal('discovery, 8 clients', '1/s', _rate('discovery', 8), times=3),
    Goal('API, conductor, agent', 'MiB', _memory, most=250),
)


def judge(ours: Figures, peer: Figures | None) -> list[Line]:
    """Each goal with its figures."""
    return [_line(goal, ours, peer) for goal in GOALS]


def _line(goal: Goal, ours: Figures, peer: Figures | None) -> Line:
    mine = goal.figure(ours)
    other = None if peer is None else goal.figure(peer)
    ratio = mine / other if mine is not None and other else None
    wanted, met = '', None
    if goal.most is not None:
        wanted = f'at most {goal.most:g}'
        met = None if mine is None else mine <= goal.most
    elif goal.times is not None:
        wanted = f'at least {goal.times:g} x'
        met = None if ratio is None else ratio >= goal.times
    return Line(
        goal.title,
        goal.unit,
        mine,
        other,
        None if ratio is None else round(ratio, 2),
        wanted,
        met,
    )


def table(lines: Sequence[Line]) -> str:
    """The lines as text."""
    titles = ('', 'unit', 'ours', 'peer', 'ratio', 'goal', 'met')
    cells: list[tuple[str, ...]] = [titles]
    for line in lines:
        met = {True: 'yes', False: 'no', None: ''}[line.met]
        figures = (_text(f) for f in (line.ours, line.peer, line.ratio))
        cells.append((line.title, line.unit, *figures, line.goal, met))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def _text(figure: float | None) -> str:
    return '' if figure is None else f'{figure:,.4g}'
