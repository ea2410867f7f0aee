# SPDX-License-Identifier: Apache-2.0
"""One request at a number of clients, once or in turns with a peer."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import statistics

from benchmarks.api import cpu
from benchmarks.api import load
from benchmarks.api import subjects

_WARM_UP = load.Limits(requests=40, seconds=30)


@dataclasses.dataclass(frozen=True)
class Row:
    """One request at one number of clients; times in milliseconds.

    ``cpu`` is processor time a request, by process.
    """

    subject: str
    name: str
    clients: int
    requests: int
    rate: float
    p50: float | None
    p99: float | None
    cpu: dict[str, float]
    errors: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured: each row in so many rounds."""

    clients: Sequence[int]
    limits: load.Limits
    rounds: int


def rows(found: Sequence[subjects.Subject], effort: Effort) -> Iterator[Row]:
    """Each request at each number of clients, of one subject after the other.

    A round takes all subjects in turn, since the machine's mood changes; a
    row has the medians of its rounds.
    """
    for name in found[0].requests:
        for subject in found:
            where = (subject.host, subject.port)
            load.run(*where, subject.requests[name], 4, _WARM_UP)
        for clients in effort.clients:
            rounds: dict[str, list[Row]] = {s.name: [] for s in found}
            for _ in range(effort.rounds):
                for subject in found:
                    rounds[subject.name].append(
                        _measure(subject, name, clients, effort.limits)
                    )
            yield from map(_median, rounds.values())


def _measure(
    subject: subjects.Subject, name: str, clients: int, limits: load.Limits
) -> Row:
    before = {n: cpu.spent(p) for n, p in subject.processes.items()}
    result = load.run(
        subject.host, subject.port, subject.requests[name], clients, limits
    )
    after = {n: cpu.spent(p) for n, p in subject.processes.items()}
    answered = max(1, len(result.latencies))
    return Row(
        subject.name,
        name,
        clients,
        len(result.latencies),
        round(result.rate, 1),
        _ms(result.percentile(0.5)),
        _ms(result.percentile(0.99)),
        {n: round((after[n] - before[n]) * 1e3 / answered, 2) for n in after},
        result.errors,
    )


def _median(rounds: list[Row]) -> Row:
    first = rounds[0]
    errors: dict[str, int] = {}
    for row in rounds:
        for outcome, count in row.errors.items():
            errors[outcome] = errors.get(outcome, 0) + count

    def middle(value: Callable[[Row], float | None]) -> float | None:
        values = [v for v in map(value, rounds) if v is not None]
        return round(statistics.median(values), 2) if values else None

    return dataclasses.replace(
        first,
        requests=sum(row.requests for row in rounds),
        rate=middle(lambda row: row.rate) or 0.0,
        p50=middle(lambda row: row.p50),
        p99=middle(lambda row: row.p99),
        cpu={
            process: middle(lambda row, p=process: row.cpu[p]) or 0.0  # type: ignore[misc]
            for process in first.cpu
        },
        errors=errors,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 2)


def memory(subject: subjects.Subject) -> dict[str, float]:
    """MiB of each process of the service itself."""
    return {
        name: round(cpu.memory(pid), 1)
        for name, pid in subject.processes.items()
        if name in subjects.SERVICE
    }
