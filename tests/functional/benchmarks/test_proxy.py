# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the proxy measures what it says."""

import json
import os
import pathlib
import subprocess
import sys

import fixtures

from benchmarks.proxy import measure
from benchmarks.proxy import subjects
from tests import base
from tests.fixtures import source


class RunTest(base.TestCase):
    def test_prints_and_writes_the_figures(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        written = folder / 'result.json'
        command = [sys.executable, '-m', 'benchmarks.proxy']
        command += ['--subjects', 'console_api', '--only', 'gap']
        done = subprocess.run(
            [*command, '--rounds', '2', '--json', str(written)],
            cwd=source.ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        self.assertEqual(2, done.stderr.count('gap: console_api'))
        rows = json.loads(written.read_text())['rows']
        figures = {row['key']: row['figures'] for row in rows}
        self.assertGreater(figures['gap']['console_api'], 0)
        self.assertIn('two writes', done.stdout)


class SubjectTest(base.TestCase):
    def place(self, processor: int | None) -> subjects.Place:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        return subjects.Place(0, folder, processor)

    def test_is_on_its_own_processor(self) -> None:
        first = min(os.sched_getaffinity(0))
        with subjects.ours(self.place(first)) as subject:
            self.assertEqual({first}, os.sched_getaffinity(subject.pid))

    def test_own_memory_leaves_out_the_pages_of_files(self) -> None:
        with subjects.ours(self.place(None)) as subject:
            self.assertGreater(subject.own(), 1024)
            self.assertLess(subject.own(), subject.pss())


class MediansTest(base.TestCase):
    def test_each_figure_is_the_median_of_its_rounds(self) -> None:
        rounds = [{'a': 1.0, 'b': 9.0}, {'a': 7.0, 'b': 8.0}]
        rounds.append({'a': 2.0, 'b': 1.0})
        self.assertEqual({'a': 2.0, 'b': 8.0}, measure.medians(rounds))
