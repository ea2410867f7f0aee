# SPDX-License-Identifier: Apache-2.0
"""oslo.policy's command line tools, which find this service by its name."""

import os
import pathlib
import subprocess
import sys

import fixtures

from tests import base

_RULE = 'os_compute_api:servers:index'


class PolicyToolsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.policy_file = self.home / 'rules.yaml'
        self.policy_file.write_text('{}\n')
        # Where the service looks for its configuration, too.
        settings = self.home / '.console-api' / 'console-api.conf'
        settings.parent.mkdir()
        settings.write_text(
            f'[oslo_policy]\npolicy_file = {self.policy_file}\n'
        )

    def _run(
        self, tool: str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        program = pathlib.Path(sys.executable).parent / f'oslopolicy-{tool}'
        return subprocess.run(
            [program, '--namespace', 'console_api', *arguments],
            env={**os.environ, 'HOME': str(self.home)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_sample_has_each_rule_with_its_operations(self) -> None:
        sample = self._run('sample-generator').stdout
        self.assertIn(f'#"{_RULE}": "rule:project_reader_or_admin"', sample)
        self.assertIn('# GET  /servers\n', sample)
        self.assertIn('# Intended scope(s): project', sample)

    def test_rule_that_repeats_a_default_is_redundant(self) -> None:
        self.policy_file.write_text(
            f'"{_RULE}": "rule:project_reader_or_admin"\n'
        )
        self.assertIn(_RULE, self._run('list-redundant').stdout)

    def test_rule_that_changes_a_default_is_not(self) -> None:
        self.policy_file.write_text(f'"{_RULE}": "@"\n')
        self.assertNotIn(_RULE, self._run('list-redundant').stdout)

    def test_policy_is_generated_with_what_the_file_changes(self) -> None:
        self.policy_file.write_text(f'"{_RULE}": "role:x"\n')
        generated = self._run('policy-generator').stdout
        self.assertIn(f'"{_RULE}": "role:x"', generated)
        self.assertIn(
            '"os_compute_api:os-remote-consoles": '
            '"rule:project_member_or_admin"',
            generated,
        )

    def test_good_file_is_valid(self) -> None:
        self.policy_file.write_text(f'"{_RULE}": "role:x"\n')
        self.assertEqual(0, self._run('validator').returncode)

    def test_unknown_rule_is_not_valid(self) -> None:
        self.policy_file.write_text('"os_compute_api:nonsense": "role:x"\n')
        result = self._run('validator')
        self.assertEqual(1, result.returncode)
        self.assertIn('nonsense', result.stdout + result.stderr)
