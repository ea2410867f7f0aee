# SPDX-License-Identifier: Apache-2.0
"""What the unit tests must go through: all of the WebSocket protocol."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from tests.fixtures import source

_CODE = 'console_api/proxy/ws'
_TESTS = 'tests/unit/proxy/ws'


class CoverageTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = str(pathlib.Path(folder.name) / 'coverage')

    def coverage(self, *arguments: str) -> 'subprocess.CompletedProcess[str]':
        # Not where a run that measures everything keeps its own.
        data = {'COVERAGE_FILE': self.data}
        return subprocess.run(
            [sys.executable, '-m', 'coverage', *arguments],
            cwd=source.ROOT,
            env=os.environ | data,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def test_every_branch_of_the_websocket_protocol_is_tested(self) -> None:
        done = self.coverage(
            *('run', '--rcfile=/dev/null', '--branch', f'--source={_CODE}'),
            *('-m', 'unittest', 'discover', '-s', _TESTS, '-t', '.'),
        )
        self.assertEqual(0, done.returncode, done.stderr)
        report = self.coverage(
            *('report', '--rcfile=/dev/null', '--show-missing'),
            '--fail-under=100',
        )
        self.assertEqual(0, report.returncode, report.stdout)
        self.assertIn(f'{_CODE}/receiver.py', report.stdout)
