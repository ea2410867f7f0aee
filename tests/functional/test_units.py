# SPDX-License-Identifier: Apache-2.0
"""The units of systemd and the files of the WSGI servers."""

import configparser
import os
import pathlib
import re
import shutil
import signal
import subprocess

import fixtures

from tests import base
from tests.fixtures import parts
from tests.fixtures import processes
from tests.fixtures import source

DOCUMENTS = source.ROOT / 'doc' / 'source'
UNITS = source.ROOT / 'etc' / 'systemd'
#: A block that adds to a unit: the unit, the name of the file, its text.
_ADDED = re.compile(
    r':caption: /etc/systemd/system/(\S+)\.d/(\S+)\n\n((?:   .*\n|\n)+)'
)
_PLACE = re.compile(r'(?<![\w/])/run/[\w.-]+')
#: What a place below /run belongs to that is not the service's.
_OTHERS = {'/run/libvirt'}
#: The programs are where the install guide puts them, not here.
_NOT_INSTALLED = re.compile(
    r'^\S+: Command /opt/console-api/bin/\S+ is not executable: .*\n',
    re.MULTILINE,
)


class UnitTest(base.TestCase):
    def units(self) -> dict[str, configparser.ConfigParser]:
        found = {}
        for path in UNITS.glob('*.service'):
            # An option may come more than once.
            parser = configparser.ConfigParser(
                strict=False, interpolation=None
            )
            parser.optionxform = str  # type: ignore[assignment,method-assign]
            parser.read(path, encoding='utf-8')
            found[path.stem] = parser
        self.assertEqual(4, len(found))
        return found

    def test_none_runs_as_root_or_may_become_it(self) -> None:
        for name, unit in self.units().items():
            with self.subTest(name):
                service = unit['Service']
                self.assertEqual('console-api', service['User'])
                self.assertEqual('', service['CapabilityBoundingSet'])
                self.assertEqual('yes', service['NoNewPrivileges'])
                self.assertEqual('strict', service['ProtectSystem'])

    def test_lack_of_memory_ends_one_worker_and_not_its_siblings(
        self,
    ) -> None:
        units = self.units()
        for name in ('proxy', 'conductor', 'api'):
            with self.subTest(name):
                service = units[f'console-api-{name}']['Service']
                self.assertEqual('continue', service['OOMPolicy'])

    def test_agent_may_write_where_its_key_is(self) -> None:
        unit = self.units()['console-api-agent']
        folder = pathlib.Path(self.conf.agent.key_file).parent
        self.assertEqual(
            f'/var/lib/{unit["Service"]["StateDirectory"]}', str(folder)
        )

    def test_programs_exist(self) -> None:
        for name, unit in self.units().items():
            with self.subTest(name):
                path = unit['Service']['ExecStart'].split()[0]
                program = pathlib.Path(path).name
                self.assertTrue(
                    pathlib.Path(processes.command(program)).exists()
                )

    def test_each_may_write_below_run_where_the_documents_say(self) -> None:
        named = set()
        for folder in ('doc/source', 'etc'):
            for path in (source.ROOT / folder).rglob('*.*'):
                if path.suffix != '.png':
                    named |= set(_PLACE.findall(path.read_text('utf-8')))
        self.assertIn('/run/console-api', named)
        for name, unit in self.units().items():
            with self.subTest(name):
                service = unit['Service']
                made = service['RuntimeDirectory'].split()
                self.assertEqual(
                    named - _OTHERS, {f'/run/{place}' for place in made}
                )
                # Another unit may still use it.
                self.assertEqual('yes', service['RuntimeDirectoryPreserve'])

    def test_systemd_understands_each_line(self) -> None:
        parts.require(self, 'systemd')
        for path in UNITS.glob('*.service'):
            with self.subTest(path.name):
                self.assertEqual('', self.complaints(path))

    def test_systemd_understands_what_the_guides_add(self) -> None:
        parts.require(self, 'systemd')
        found = []
        for document in (DOCUMENTS / 'admin', DOCUMENTS / 'install'):
            for path in document.glob('*.rst'):
                found += _ADDED.findall(path.read_text('utf-8'))
        self.assertEqual(2, len(found))
        for unit, name, text in found:
            with self.subTest(name):
                folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
                shutil.copy(UNITS / unit, folder)
                (folder / f'{unit}.d').mkdir()
                (folder / f'{unit}.d' / name).write_text(text, 'utf-8')
                self.assertEqual('', self.complaints(folder / unit))

    @staticmethod
    def complaints(path: pathlib.Path) -> str:
        """What systemd says of a unit and of what is added to it."""
        done = subprocess.run(
            ['systemd-analyze', 'verify', '--man=no', str(path)],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        return _NOT_INSTALLED.sub('', done.stderr)


class GunicornTest(base.TestCase):
    def test_it_leaves_the_home_alone(self) -> None:
        home = self.useFixture(fixtures.TempDir()).path
        server = self.useFixture(
            processes.Process(
                processes.command('gunicorn'),
                *('-c', str(source.ROOT / 'etc/console-api/gunicorn.conf.py')),
                *('--bind', '127.0.0.1:0'),
                'wsgiref.simple_server:demo_app',
                HOME=home,
                XDG_RUNTIME_DIR='',
            )
        )
        server.wait_for(
            lambda: server.output.count('Booting worker') == 2,
            'no two workers',
        )
        self.assertEqual(0, server.stop(signal.SIGTERM))
        self.assertEqual([], os.listdir(home))
