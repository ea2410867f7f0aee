# SPDX-License-Identifier: Apache-2.0
"""The objects of a real Nova say what the filter reads of them.

A Nova is not installed for this: it takes a minute and half a gigabyte. The
variable ``CONSOLE_API_TEST_NOVA`` names the Python of an environment that has
one, of any release.
"""

import json
import os
import pathlib
import subprocess
import unittest
import uuid

import fixtures

from tests import base
from tests.fixtures import source

PYTHON = os.environ.get('CONSOLE_API_TEST_NOVA')
PROBE = source.ROOT / 'tests' / 'fixtures' / 'nova_probe.py'
PROJECT = 'a' * 32


@unittest.skipUnless(PYTHON, 'CONSOLE_API_TEST_NOVA names no Python')
class NovaProcessTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config = folder / 'nova.conf'
        self.config.write_text(
            f"""
[DEFAULT]
state_path = {folder}
transport_url = fake:///
[api_database]
connection = sqlite:///{folder}/api.sqlite
[database]
connection = sqlite:///{folder}/cell.sqlite
""",
            encoding='utf-8',
        )
        for command in ('api_db sync', 'db sync --local_cell'):
            self.run_nova(
                '-c',
                'from nova.cmd import manage; raise SystemExit(manage.main())',
                '--config-file',
                str(self.config),
                *command.split(),
            )

    def run_nova(self, *arguments: str) -> str:
        assert PYTHON is not None
        done = subprocess.run(
            [PYTHON, *arguments],
            env={
                **os.environ,
                'PYTHONPATH': str(source.ROOT),
                'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'true',
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr[-2000:])
        return done.stdout

    def test_servers_are_found_in_their_cells_and_before(self) -> None:
        printed = self.run_nova(
            str(PROBE), str(self.config), str(uuid.uuid4())
        )
        in_cell, unscheduled, unknown, same_caller = json.loads(
            printed.splitlines()[-1]
        )
        self.assertEqual(
            ['web', PROJECT, 'alice', 'here', 'active', None, 1, True],
            in_cell,
        )
        self.assertEqual(
            ['new', PROJECT, 'alice', None, 'building', 'scheduling', 0, True],
            unscheduled,
        )
        self.assertEqual('InstanceNotFound', unknown)
        self.assertTrue(same_caller)
