# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of faults measure what they say."""

import subprocess
import sys

from tests import base
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import source

_PATIENCE = 300


class FaultsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq', 'mariadb', 'uwsgi')
        private.require(self)

    def run_one(self, name: str, *arguments: str) -> str:
        """What it prints; whether the figures are good is not asked."""
        done = subprocess.run(
            [sys.executable, '-m', f'benchmarks.faults.{name}', *arguments],
            cwd=source.ROOT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        self.assertNotIn('Traceback', done.stderr)
        return done.stdout

    def test_pages_that_come_back_are_counted(self) -> None:
        printed = self.run_one('comeback', '--pages=20')
        self.assertIn('20 of 20 are back', printed)
        self.assertRegex(printed, r'last \d+\.\d s')

    def test_others_are_measured_with_and_without_the_crowd(self) -> None:
        printed = self.run_one(
            'silent', '--clients=1', '--pages=1', '--seconds=3'
        )
        for name in ('create', 'list', 'open'):
            self.assertRegex(printed, rf'(?m)^{name}( +\d+\.\d+){{5}}$')
        self.assertIn('others refused: ', printed)
