# SPDX-License-Identifier: Apache-2.0
"""The console filter inside a process that is another service's."""

import json
import pathlib
import subprocess
import sys

import fixtures
from oslo_config import cfg

from console_api import embedded
from console_api import exception
from tests import base
from tests.fixtures import guest_process
from tests.fixtures import nova_stub
from tests.fixtures import service
from tests.fixtures import source

PASTE = """
[pipeline:osapi]
pipeline = console echo
[filter:console]
use = egg:console-api#console_filter
config_file = {folder}/console-api.conf
[app:echo]
paste.app_factory = tests.fixtures.guest_process:echo_factory
"""
SETTINGS = """
[DEFAULT]
transport_url = fake://
[agent]
driver = fake
[console]
allowed_targets = 127.0.0.1
[database]
connection = sqlite:///{folder}/console.sqlite
[fake]
inventory = {inventory}
[servers]
directory = nova
[vnc]
novncproxy_base_url = http://proxy.example.com/vnc_auto.html
"""


class EmbeddedTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        stub = self.useFixture(nova_stub.NovaStub())
        stub.add_server(guest_process.SERVER)
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        login = [f'{name} = {stub.settings[name]}' for name in stub.settings]
        self.write('api-paste.ini', PASTE)
        self.write('console-api.conf', SETTINGS, '[nova]', *login)

    def write(self, name: str, text: str, *lines: str) -> None:
        filled = text.format(folder=self.folder, inventory=service.INVENTORY)
        whole = '\n'.join((filled, *lines))
        (self.folder / name).write_text(whole, encoding='utf-8')

    def test_neither_gets_in_the_way_of_the_other(self) -> None:
        done = subprocess.run(
            [
                sys.executable,
                '-m',
                'tests.fixtures.guest_process',
                str(self.folder),
            ],
            cwd=source.ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        result = json.loads(done.stdout)
        # The console is made with our settings, the facts of the server are
        # from Nova, the token is in our database and not in the other's.
        status, text = result['console']
        self.assertEqual(200, status, (text, done.stderr))
        self.assertIn('http://proxy.example.com/vnc_auto.html?path=', text)
        status, text = result['lookup']
        self.assertEqual(200, status, (text, done.stderr))
        self.assertIn(guest_process.SERVER, text)
        self.assertEqual([200, '{"server":{}}'], result['other'])
        # And the process is as it was.
        self.assertEqual(
            {
                'host': 'the-host-of-nova',
                'novncproxy_base_url': None,
                'max_limit': 7,
                'exchange': 'nova',
                'groups': [],
            },
            result['before'],
        )
        self.assertEqual(result['before'], result['after'])

    def test_missing_file_is_named(self) -> None:
        with self.assertRaisesRegex(
            exception.ConfigurationError, '/nowhere/console-api.conf'
        ):
            embedded.load(cfg.CONF, '/nowhere/console-api.conf')

    def test_malformed_file_is_named(self) -> None:
        self.write('bad.conf', '[servers\n')
        with self.assertRaisesRegex(exception.ConfigurationError, 'bad.conf'):
            embedded.load(cfg.CONF, str(self.folder / 'bad.conf'))

    def test_unknown_option_is_still_an_error(self) -> None:
        conf = embedded.load(cfg.CONF, str(self.folder / 'console-api.conf'))
        with self.assertRaises(cfg.NoSuchOptError):
            getattr(conf, 'nonsense')  # noqa: B009
