# SPDX-License-Identifier: Apache-2.0
"""Processor time and memory of processes and their children, from /proc."""

from collections.abc import Iterator
import contextlib
import os
import pathlib

_PROC = pathlib.Path('/proc')
_TICKS = os.sysconf('SC_CLK_TCK')


def spent(pid: int) -> float:
    """Seconds of processor time of a process and all below it, so far."""
    seconds = 0.0
    for number in _tree(pid):
        # Whatever is not there any more has ended since.
        with contextlib.suppress(OSError):
            fields = _fields(number)
            seconds += (int(fields[11]) + int(fields[12])) / _TICKS
    return seconds


def memory(pid: int) -> float:
    """MiB of a process and all below it; what they share counts once.

    A page that others use too counts in part (PSS). Zero for what may not be
    looked into.
    """
    kib = 0
    for number in _tree(pid):
        with contextlib.suppress(OSError):
            text = (_PROC / str(number) / 'smaps_rollup').read_text()
            kib += sum(
                int(line.split()[1])
                for line in text.splitlines()
                if line.startswith('Pss:')
            )
    return kib / 1024


def _fields(pid: int) -> list[str]:
    text = (_PROC / str(pid) / 'stat').read_text()
    # The name, in parentheses, may hold anything.
    return text.rpartition(')')[2].split()


def _tree(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in _PROC.glob('[0-9]*'):
        with contextlib.suppress(OSError):
            number = int(entry.name)
            parents[number] = int(_fields(number)[1])
    return list(_below(root, parents))


def _below(root: int, parents: dict[int, int]) -> Iterator[int]:
    yield root
    for pid, parent in parents.items():
        if parent == root:
            yield from _below(pid, parents)
