# SPDX-License-Identifier: Apache-2.0
"""Rows for an operator: a table on the terminal, or JSON for a program."""

from collections.abc import Sequence
import dataclasses
import datetime
import enum
import json
from typing import Any


class Format(enum.Enum):
    """What the option ``-f`` takes."""

    TABLE = 'table'
    JSON = 'json'


def show(kind: Format, row_type: type, rows: Sequence[Any]) -> None:
    """Print dataclass objects, one a line or as one JSON list."""
    names = [field.name for field in dataclasses.fields(row_type)]
    if kind is Format.JSON:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
        return
    lines = [names, *([_cell(getattr(r, n)) for n in names] for r in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        print('  '.join(cell.ljust(width) for cell, width in cells).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return '-'
    # A server's name must not steer the terminal.
    return ''.join(c if c.isprintable() else '?' for c in str(value))


def time(seconds: int) -> str:
    """A time of the database in ISO 8601, UTC."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')
