# SPDX-License-Identifier: Apache-2.0
"""Figures beside their goals: as a table, as JSON and as a drawing."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import pathlib
from xml.sax import saxutils

from benchmarks.proxy import measure

OURS = 'console_api'


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure; ``goal`` is the most that is good, or the least.

    With ``peer`` the goal is so many times that peer's figure of this run.
    """

    key: str
    text: str
    unit: str
    goal: float | None = None
    at_least: bool = False
    peer: str | None = None


ROWS = (
    Row('idle', 'memory of an idle session', 'KiB', 8),
    Row('busy', '... after 4 MiB each way', 'KiB', 10),
    Row('all', '10,000 idle sessions, in all', 'MiB', 120),
    Row('last_open', '... opening the last 500 / the first 500', 'x', 1.25),
    Row('ready', 'time to a ready session, p50', 'ms', 10),
    Row('opens', 'sessions opened, 16 at once', '1/s', 1500, at_least=True),
    Row('open_cpu', 'processor time of an open and close', 'ms'),
    Row('open_load', '... and what the client takes for it', 'ms'),
    Row('down', 'guest to client', 's/GiB', 0.5),
    Row('up', 'client to guest, 64 KiB frames', 's/GiB', 0.6),
    Row('up_small', 'client to guest, 1 KiB frames', 's/GiB', 2.2),
    Row('up_single', '... each in a write of its own', 's/GiB'),
    Row('echo', 'echo of 16 bytes, p50', 'us', 1.25, peer='haproxy'),
    Row('many', 'echoes in 50 of many sessions', '1/s', 0.9, True, 'haproxy'),
    Row('gap', 'two writes 1 ms apart arrive within', 'ms', 3),
    Row('stall', 'growth: client reads nothing of 500 MiB', 'MiB', 1),
    Row('flood', 'growth: guest reads nothing of a flood', 'MiB', 1),
    Row('silent', 'memory of a silent connection', 'KiB', 8),
    Row('silent_closed', '... closed after (timeout of 5 s)', 's', 7),
    Row('tls_idle', 'TLS: memory of an idle session', 'KiB', 60),
    Row('tls_down', 'TLS: guest to client', 's/GiB', 1.2),
    Row('tls_up', 'TLS: client to guest, 64 KiB frames', 's/GiB'),
)

Results = Mapping[str, measure.Figures]


@dataclasses.dataclass(frozen=True)
class Judged:
    """A row with the limit that its goal means in this run."""

    row: Row
    limit: float | None
    met: bool | None


def judge(row: Row, results: Results) -> Judged:
    """Whether our figure keeps the goal; None where that cannot be said."""
    limit = row.goal
    if limit is not None and row.peer is not None:
        base = results.get(row.peer, {}).get(row.key)
        limit = None if base is None else limit * base
    value = results.get(OURS, {}).get(row.key)
    if limit is None or value is None:
        return Judged(row, limit, None)
    return Judged(
        row, limit, value >= limit if row.at_least else value <= limit
    )


def table(results: Results) -> str:
    """All figures for the terminal."""
    names = list(results)
    lines = [
        f'{"":42} {"":6}'
        + ''.join(f'{name:>13}' for name in names)
        + f'{"goal":>12}'
    ]
    for row in ROWS:
        judged = judge(row, results)
        cells = ''.join(
            f'{number(results[name].get(row.key)):>13}' for name in names
        )
        lines.append(
            f'{row.text:42} {row.unit:6}{cells}'
            f'{_goal(judged):>12}  {_verdict(judged, results)}'
        )
    return '\n'.join(lines)


def number(value: float | None) -> str:
    """Three digits of it, or as many as stand before the point."""
    if value is None:
        return '-'
    if abs(value) >= 100:
        return f'{value:,.0f}'
    return f'{value:.3g}'


def _goal(judged: Judged) -> str:
    if judged.limit is None:
        return ''
    return ('>= ' if judged.row.at_least else '<= ') + number(judged.limit)


def _verdict(judged: Judged, results: Results) -> str:
    if judged.met is None or judged.limit is None:
        return ''
    if judged.met:
        return 'met'
    value = results[OURS][judged.row.key]
    return f'missed: {number(value / judged.limit)} x the goal'


def as_json(results: Results, machine: Mapping[str, str]) -> str:
    """All figures, goals and verdicts, and where they come from."""
    rows = []
    for row in ROWS:
        judged = judge(row, results)
        rows.append(
            {
                'key': row.key,
                'text': row.text,
                'unit': row.unit,
                'goal': judged.limit,
                'at_least': row.at_least,
                'met': judged.met,
                'figures': {
                    name: figures.get(row.key)
                    for name, figures in results.items()
                },
            }
        )
    return json.dumps({'machine': dict(machine), 'rows': rows}, indent=2)


def draw(results: Results, path: pathlib.Path) -> None:
    """Write an SVG: each figure as a share of the largest one in its row."""
    measured = results.get(OURS, {})
    shown = [row for row in ROWS if measured.get(row.key) is not None]
    parts = _legend(list(results))
    top = 50
    for row in shown:
        better = ' (more is better)' if row.at_least else ''
        parts.append(_text(10, top + 22, f'{row.text}, {row.unit}{better}'))
        parts += _bars(row, results, top)
        top += 16 * len(results) + 14
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{top}"'
        ' font-family="sans-serif" font-size="12">\n'
        f'<rect width="760" height="{top}" fill="#fff"/>\n'
        + '\n'.join(parts)
        + '\n</svg>\n'
    )


_COLOURS = ('#1666b0', '#c2571a', '#6b7280')


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for place, name in enumerate(names):
        left = 330 + 130 * place
        colour = _COLOURS[place]
        parts.append(
            f'<rect x="{left}" y="16" width="12" height="12" fill="{colour}"/>'
        )
        parts.append(_text(left + 18, 27, name))
    return parts


def _bars(row: Row, results: Results, top: int) -> list[str]:
    values = [figures.get(row.key) for figures in results.values()]
    largest = max(abs(value) for value in values if value is not None)
    parts = []
    for place, value in enumerate(values):
        y = top + 16 * place
        width = 0.0
        if value is not None and largest:
            width = max(1.0, 320 * max(value, 0) / largest)
            parts.append(
                f'<rect x="330" y="{y}" width="{width:.0f}" height="12" '
                f'fill="{_COLOURS[place]}"/>'
            )
        parts.append(_text(336 + int(width), y + 11, number(value)))
    return parts


def _text(left: int, base: int, text: str) -> str:
    return (
        f'<text x="{left}" y="{base}" fill="#111">'
        f'{saxutils.escape(text)}</text>'
    )
