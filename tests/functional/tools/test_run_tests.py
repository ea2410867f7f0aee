# SPDX-License-Identifier: Apache-2.0
"""The last line and the exit status of tools/test."""

import os
import pathlib
import subprocess
import sys

import testtools

from tests.fixtures import checkout

DEADLINE = 120
HEAD = 'import unittest\nclass T(unittest.TestCase):\n'
PASS = '    def test_pass(self): pass\n'
FAIL = '    def test_fail(self): self.fail()\n'
SKIP = '    def test_skip(self): self.skipTest("no chromium here")\n'


class RunTestsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.checkout = self.useFixture(checkout.Checkout())
        self.checkout.write(
            '.stestr.conf', '[DEFAULT]\ntest_path=./tests\ntop_dir=./\n'
        )
        for package in ('', 'unit/', 'functional/', 'integration/'):
            self.checkout.write(f'tests/{package}__init__.py', '')

    def run_tests(self, *arguments: str) -> tuple[int, list[str]]:
        """The exit status and the lines of a run."""
        programs = pathlib.Path(sys.executable).parent
        environment = {
            **os.environ,
            'PATH': f'{programs}{os.pathsep}{os.environ["PATH"]}',
        }
        result = subprocess.run(
            [sys.executable, 'tools/run_tests.py', *arguments],
            cwd=self.checkout.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            timeout=DEADLINE,
        )
        return result.returncode, result.stdout.splitlines()

    def test_counts_of_all_groups_are_added(self) -> None:
        self.checkout.write('tests/unit/test_a.py', HEAD + PASS + SKIP)
        self.checkout.write('tests/integration/test_b.py', HEAD + PASS)
        status, lines = self.run_tests('test_')
        self.assertEqual('2 passed, 0 failed, 1 skipped', lines[-1])
        self.assertIn('skipped (1): no chromium here', lines)
        self.assertEqual(0, status)

    def test_failure_fails_the_run(self) -> None:
        self.checkout.write('tests/functional/test_a.py', HEAD + PASS + FAIL)
        status, lines = self.run_tests('test_')
        self.assertEqual('1 passed, 1 failed, 0 skipped', lines[-1])
        self.assertEqual(1, status)

    def test_failures_are_told_again_at_the_end(self) -> None:
        fail = FAIL.replace('fail()', 'fail("a guard is gone")')
        self.checkout.write('tests/unit/test_a.py', HEAD + fail)
        self.checkout.write('tests/integration/test_b.py', HEAD + PASS)
        _, lines = self.run_tests('test_')
        after = lines.index('== integration tests')
        self.assertIn('FAILED: tests.unit.test_a.T.test_fail', lines[after:])
        self.assertIn('  AssertionError: a guard is gone', lines[after:])

    def test_fast_leaves_integration_tests_out(self) -> None:
        self.checkout.write('tests/unit/test_a.py', HEAD + PASS)
        self.checkout.write('tests/integration/test_b.py', HEAD + FAIL)
        status, lines = self.run_tests('--fast', 'test_')
        self.assertEqual('1 passed, 0 failed, 0 skipped', lines[-1])
        self.assertEqual(0, status)

    def test_expression_chooses_tests(self) -> None:
        self.checkout.write('tests/unit/test_a.py', HEAD + PASS + FAIL)
        status, lines = self.run_tests('T.test_pass$')
        self.assertEqual('1 passed, 0 failed, 0 skipped', lines[-1])
        self.assertEqual(0, status)

    def test_run_without_a_test_fails(self) -> None:
        self.checkout.write('tests/unit/test_a.py', HEAD + PASS)
        status, lines = self.run_tests('no_such_test')
        self.assertEqual('0 passed, 0 failed, 0 skipped', lines[-1])
        self.assertIn('FAILED: no test ran', lines)
        self.assertEqual(1, status)

    def test_earlier_run_is_not_counted_again(self) -> None:
        self.checkout.write('tests/unit/test_a.py', HEAD + PASS)
        self.run_tests('test_')
        self.checkout.write('tests/unit/test_b.py', 'import no_such_module')
        status, lines = self.run_tests('test_')
        self.assertEqual('0 passed, 0 failed, 0 skipped', lines[-1])
        self.assertIn('FAILED: integration: the tests cannot be loaded', lines)
        self.assertEqual(1, status)

    def test_crash_of_a_worker_fails_the_run(self) -> None:
        crash = '    def test_crash(self): import os; os._exit(0)\n'
        self.checkout.write('tests/unit/test_a.py', HEAD + crash)
        status, lines = self.run_tests('test_')
        self.assertIn(' failed, ', lines[-1])
        self.assertEqual(1, status)
