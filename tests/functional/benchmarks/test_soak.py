# SPDX-License-Identifier: Apache-2.0
"""The soak of the proxy tells what has leaked."""

import subprocess
import sys

from benchmarks.proxy import soak
from tests import base
from tests.fixtures import parts
from tests.fixtures import source


class SoakTest(base.TestCase):
    def test_nothing_stays_of_a_short_day(self) -> None:
        parts.require(self, 'openssl')
        result = subprocess.run(
            [
                *(sys.executable, '-m', 'benchmarks.proxy.soak'),
                *('--minutes=0.05', '--round=2', '--clients=10'),
            ],
            cwd=source.ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertIn('nothing has leaked', result.stdout)

    def judge(self, *samples: tuple[int, int, float]) -> list[str]:
        return soak.judge([soak.Sample(*sample) for sample in samples])

    def test_same_figures_at_both_ends_are_no_leak(self) -> None:
        self.assertEqual([], self.judge(*[(0, 9, 40000.0)] * 9))

    def test_task_that_stays_is_a_leak(self) -> None:
        self.assertEqual(
            ['tasks: 0 at first, 1 at the end'],
            self.judge((0, 9, 40000.0), (1, 9, 40000.0)),
        )

    def test_descriptor_that_stays_is_a_leak(self) -> None:
        self.assertEqual(
            ['descriptors: 9 at first, 10 at the end'],
            self.judge((0, 9, 40000.0), (0, 10, 40000.0)),
        )

    def test_memory_that_climbs_is_a_leak(self) -> None:
        rising = [(0, 9, 40000.0 + 500 * step) for step in range(9)]
        self.assertEqual(['memory: 2000 KiB more'], self.judge(*rising))

    def test_memory_that_settles_is_no_leak(self) -> None:
        settled = [(0, 9, 40000.0 + memory) for memory in (0, 5000, 5500)]
        self.assertEqual([], self.judge(*settled, *[(0, 9, 45600.0)] * 6))
