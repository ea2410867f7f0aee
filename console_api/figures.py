# SPDX-License-Identifier: Apache-2.0
"""Figures for Prometheus that more than one kind of process has."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from console_api import threads

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

#: As it goes from process to process: name, help, type and samples.
Family = Sequence[Any]


def families(registered: prometheus_client.CollectorRegistry) -> list[Family]:
    """All that is registered there, as JSON can carry it."""
    return [
        (
            metric.name,
            metric.documentation,
            metric.type,
            [
                (sample.name, sample.labels, sample.value)
                for sample in metric.samples
                if not sample.name.endswith('_created')
            ],
        )
        for metric in registered.collect()
    ]


class ThreadRestarts(registry.Collector):
    """How often each helper thread of this process had to start again."""

    def describe(self) -> list[core.Metric]:
        """See prometheus_client; what ``collect`` gives needs no check."""
        return []

    def collect(self) -> Iterator[core.Metric]:
        """See prometheus_client."""
        family = core.CounterMetricFamily(
            'console_api_thread_restarts',
            'Helper threads that were started again after an error.',
            labels=['thread'],
        )
        for name, count in sorted(threads.restarts().items()):
            family.add_metric([name], count)
        yield family


class _Merged(registry.Collector):
    def __init__(
        self, prefix: str, answers: Mapping[int, Sequence[Family] | None]
    ) -> None:
        self._prefix = prefix
        self._answers = answers

    def collect(self) -> Iterator[core.Metric]:
        up = core.GaugeMetricFamily(
            f'{self._prefix}_worker_up',
            'Whether this worker answered the one that was asked.',
            labels=['worker'],
        )
        merged: dict[str, core.Metric] = {}
        for index, found in self._answers.items():
            worker = str(index)
            up.add_metric([worker], found is not None)
            for name, text, kind, samples in found or ():
                metric = merged.setdefault(name, core.Metric(name, text, kind))
                for sample, labels, value in samples:
                    metric.add_sample(
                        sample, {**labels, 'worker': worker}, value
                    )
        yield up
        yield from merged.values()


def exposition(
    prefix: str, answers: Mapping[int, Sequence[Family] | None]
) -> bytes:
    """The figures of each worker by its index; None for one without answer.

    The label ``worker`` keeps them apart: the counters of a worker that was
    replaced begin at zero, and those of the others go on.
    """
    return prometheus_client.generate_latest(_Merged(prefix, answers))
