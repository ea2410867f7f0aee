# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the API measures what it says."""

import json
import pathlib
import subprocess
import sys

import fixtures

from benchmarks.api import cpu
from benchmarks.api import load
from tests import base
from tests.fixtures import source


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A benchmark as it is run from the checkout."""
    return subprocess.run(
        [sys.executable, '-m', module, *arguments],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class LoadTest(base.TestCase):
    def test_measures_each_request_at_each_number_of_clients(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        target = pathlib.Path(directory) / 'result.json'
        result = run(
            'benchmarks.api',
            *('--clients=1,2', '--requests=4', f'--json={target}'),
        )
        self.assertEqual(0, result.returncode, result.stderr)
        rows = json.loads(target.read_text(encoding='utf-8'))
        self.assertEqual(
            [
                (name, clients)
                for name in ('discovery', 'create', 'token')
                for clients in (1, 2)
            ],
            [(row['name'], row['clients']) for row in rows],
        )
        for row in rows:
            self.assertEqual(4, row['requests'])
            self.assertEqual({}, row['errors'])
            self.assertEqual(['all'], list(row['cpu']))

    def test_profile_adds_up(self) -> None:
        result = run('benchmarks.api.stages', '--requests=5')
        self.assertEqual(0, result.returncode, result.stderr)
        totals = [
            float(line.split()[1])
            for line in result.stdout.splitlines()
            if line.startswith(('create:', 'token:'))
        ]
        parts = [
            float(line.split()[0])
            for line in result.stdout.splitlines()
            if line.startswith('  ')
        ]
        self.assertEqual(2, len(totals))
        # Each line is rounded to a hundredth.
        self.assertAlmostEqual(sum(totals), sum(parts), delta=0.1)


class ResultTest(base.TestCase):
    def test_percentiles_are_measured_values(self) -> None:
        result = load.Result(
            wall=2.0, latencies=[float(n) for n in range(100, 0, -1)]
        )
        self.assertEqual(51.0, result.percentile(0.5))
        self.assertEqual(100.0, result.percentile(0.99))
        self.assertEqual(50.0, result.rate)

    def test_nothing_measured_has_no_percentile(self) -> None:
        self.assertIsNone(load.Result(wall=1.0).percentile(0.5))


class CpuTest(base.TestCase):
    def test_time_of_children_counts(self) -> None:
        burn = (
            'import os, sys, time\n'
            'if os.fork() == 0:\n'
            '    while time.process_time() < 0.3: pass\n'
            '    print("burnt", flush=True)\n'
            'sys.stdin.read()\n'
        )
        process = subprocess.Popen(
            [sys.executable, '-c', burn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(process.wait)
        assert process.stdin is not None
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        process.stdout.readline()
        self.assertGreaterEqual(cpu.spent(process.pid), 0.29)

    def test_process_that_is_not_there_has_spent_nothing(self) -> None:
        process = subprocess.Popen([sys.executable, '-c', ''])
        process.wait()
        self.assertEqual(0.0, cpu.spent(process.pid))
