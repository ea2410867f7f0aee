# SPDX-License-Identifier: Apache-2.0
"""The measurements: each takes a subject and gives figures by name."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import pathlib
import resource
import statistics
import subprocess
import time
from typing import TypeAlias

from benchmarks.proxy import subjects

_MIB = 1024 * 1024
_GIB = 1024 * _MIB
#: Bytes of a write of a client that has much to say.
_BLOCK = 256 * 1024
#: Longest life of one client, in seconds.
_DEADLINE = 240
#: Until memory and the ends of processes have settled, in seconds.
_SETTLE = 0.5

Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is done; a process for each session takes less of all."""

    idle: int
    busy: int
    opens: int
    bytes: int
    small_bytes: int
    echoes: int
    many: int
    silent: int


FULL = Effort(1000, 100, 3000, 2 * _GIB, _GIB // 2, 20000, 500, 1000)
#: For websockify: a process of 3 MiB and more for each session.
FORKING = Effort(40, 20, 300, _GIB, _GIB // 32, 5000, 200, 40)


@dataclasses.dataclass(frozen=True)
class Bench:
    """One subject, the program that loads it and how much of it."""

    program: pathlib.Path
    subject: subjects.Subject
    effort: Effort

    def run(self, mode: str, *arguments: float) -> Figures:
        """What a client reports that runs to its end."""
        with self.running(mode, *arguments) as report:
            return report

    @contextlib.contextmanager
    def running(self, mode: str, *arguments: float) -> Iterator[Figures]:
        """A client that keeps its sessions open meanwhile."""
        process = self.start(mode, *arguments)
        try:
            yield json.loads(self.line(process) or 'null')
        finally:
            self.finish(process)

    def start(self, mode: str, *arguments: float) -> 'subprocess.Popen[str]':
        """A client that has just been started."""
        subject = self.subject
        command = [str(self.program), mode, '127.0.0.1', str(subject.port)]
        command += [str(int(subject.framed)), 'the-token-of-the-benchmark']
        return subprocess.Popen(
            ['timeout', str(_DEADLINE), *command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def line(process: 'subprocess.Popen[str]') -> str:
        """The next line that it prints."""
        assert process.stdout is not None
        return process.stdout.readline()

    @staticmethod
    def finish(process: 'subprocess.Popen[str]') -> None:
        """Let it close its sessions, and wait until the subject has too.

        :raises RuntimeError: it failed
        """
        process.communicate(timeout=_DEADLINE)
        if process.returncode:
            raise RuntimeError(f'the client failed: {process.args!r}')
        time.sleep(_SETTLE)

    def memory(self, mode: str, *arguments: float) -> tuple[float, Figures]:
        """KiB that a client costs while it holds its sessions."""
        before = self.subject.own()
        with self.running(mode, *arguments) as report:
            time.sleep(_SETTLE)
            return self.subject.own() - before, report


def warm_up(bench: Bench) -> None:
    """The first sessions load what all others share."""
    bench.run('open', 4, 1, 4 * _MIB)


def idle(bench: Bench) -> Figures:
    """Sessions that wait for something to happen."""
    grown, _ = bench.memory('open', bench.effort.idle, 4)
    return {'idle': grown / bench.effort.idle}


def busy(bench: Bench) -> Figures:
    """Sessions that have carried 4 MiB each way."""
    grown, _ = bench.memory('open', bench.effort.busy, 1, 4 * _MIB)
    return {'busy': grown / bench.effort.busy}


def opening(bench: Bench) -> Figures:
    """One after the other, and 16 at once."""
    alone = bench.run('open', bench.effort.opens // 10, 1)
    before, load_before = bench.subject.cpu(), _load_cpu()
    at_once = bench.run('open', bench.effort.opens, 16)
    spent = bench.subject.cpu() - before
    return {
        'ready': alone['p50'] * 1e3,
        'opens': at_once['rate'],
        'open_cpu': spent / bench.effort.opens * 1e3,
        'open_load': (_load_cpu() - load_before) / bench.effort.opens * 1e3,
    }


def _load_cpu() -> float:
    """Processor time of the clients that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ten_thousand(bench: Bench) -> Figures:
    """10,000 sessions in one process, opened four at once.

    Where fewer descriptors are allowed, their memory is extrapolated.
    """
    if bench.effort is not FULL:
        return {}
    count = subjects.most()
    with bench.running('open', count, 4) as report:
        time.sleep(_SETTLE)
        return {
            'all': bench.subject.pss() / 1024 * 10000 / count,
            'last_open': report['last'] / report['first'],
        }


def bulk(bench: Bench) -> Figures:
    """Large transfers in one session."""
    effort = bench.effort
    plans = {
        'down': ('down', effort.bytes),
        'up': ('up', effort.bytes, 65536, _BLOCK),
        'up_small': ('up', effort.small_bytes, 1024, _BLOCK),
        'up_single': ('up', effort.small_bytes, 1024, 0),
    }
    found = {}
    for name, (mode, size, *rest) in plans.items():
        before = bench.subject.cpu()
        bench.run(str(mode), size, *rest)
        found[name] = (bench.subject.cpu() - before) / (size / _GIB)
    return found


def echo(bench: Bench) -> Figures:
    """16 bytes there and back: one session, and 50 of many."""
    alone = bench.run('echo', bench.effort.echoes)
    many = bench.run('many', bench.effort.many, 50, 4)
    return {'echo': alone['p50'], 'many': many['rate']}


def gap(bench: Bench) -> Figures:
    """Between two writes of the guest that are 1 ms apart."""
    return {'gap': bench.run('gap', 200)['p50']}


def pressure(bench: Bench) -> Figures:
    """A side that takes nothing, while the other one sends 500 MiB."""
    stalled, _ = bench.memory('stall', 500 * _MIB)
    flooded, _ = bench.memory('flood', 500 * _MIB)
    return {'stall': stalled / 1024, 'flood': flooded / 1024}


def silent(bench: Bench) -> Figures:
    """Connections that never say anything."""
    before = bench.subject.own()
    process = bench.start('silent', bench.effort.silent)
    bench.line(process)
    time.sleep(_SETTLE)
    grown = bench.subject.own() - before
    found = {'silent': grown / bench.effort.silent}
    if bench.effort is FULL and bench.subject.framed:
        found['silent_closed'] = json.loads(bench.line(process))['closed']
        bench.finish(process)
    else:
        # Not kill(): the end has to reach the client behind timeout(1).
        process.terminate()
        process.communicate()
        time.sleep(_SETTLE)
    return found


Measurement: TypeAlias = Callable[[Bench], Figures]


def secure(bench: Bench) -> Figures:
    """Idle sessions and large transfers, with TLS to the client."""
    effort = bench.effort
    found = {'tls_idle': idle(bench)['idle']}
    plans: dict[str, tuple[str, list[float]]] = {
        'tls_down': ('down', []),
        'tls_up': ('up', [65536, _BLOCK]),
    }
    for name, (mode, more) in plans.items():
        before = bench.subject.cpu()
        bench.run(mode, effort.bytes, *more)
        spent = bench.subject.cpu() - before
        found[name] = spent / (effort.bytes / _GIB)
    return found


ALL: tuple[Measurement, ...] = (
    idle,
    busy,
    opening,
    ten_thousand,
    bulk,
    echo,
    gap,
    pressure,
    silent,
    secure,
)

#: What other work on the machine disturbs: to be repeated in turns.
REPEATED = (opening, bulk, echo, gap)


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure over some rounds."""
    return {
        key: statistics.median(figures[key] for figures in rounds)
        for key in rounds[0]
    }
