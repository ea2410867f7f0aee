# SPDX-License-Identifier: Apache-2.0
"""Processor time of processes and their children, from /proc."""

from collections.abc import Iterable
import os
import pathlib

_TICKS = os.sysconf('SC_CLK_TCK')


def spent(pid: int) -> float:
    """Seconds of processor time of a process and all below it, so far."""
    times: dict[int, float] = {}
    parents: dict[int, int] = {}
    for entry in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            text = (entry / 'stat').read_text()
        except OSError:
            # It has ended since.
            continue
        # The name, in parentheses, may hold anything.
        fields = text.rpartition(')')[2].split()
        number = int(entry.name)
        parents[number] = int(fields[1])
        times[number] = (int(fields[11]) + int(fields[12])) / _TICKS
    return sum(times.get(p, 0.0) for p in _tree(pid, parents))


def _tree(root: int, parents: dict[int, int]) -> Iterable[int]:
    yield root
    for pid, parent in parents.items():
        if parent == root:
            yield from _tree(pid, parents)
