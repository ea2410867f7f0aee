# SPDX-License-Identifier: Apache-2.0
"""What the install guide says to write and to run is there."""

import pathlib
import re
import subprocess

import fixtures

from tests import base
from tests.fixtures import processes
from tests.fixtures import source

GUIDE = source.ROOT / 'doc' / 'source' / 'install' / 'index.rst'
UNITS = source.ROOT / 'etc' / 'systemd'
_BLOCK = re.compile(
    r'\.\. code-block:: (\w+)\n(?:   :.*\n)*\n((?:   .*\n|\n)+)'
)


def blocks(kind: str, document: pathlib.Path = GUIDE) -> list[str]:
    """The blocks of a text in a language, without their indentation."""
    text = document.read_text(encoding='utf-8')
    return [
        re.sub(r'(?m)^   ', '', body)
        for found, body in _BLOCK.findall(text)
        if found == kind
    ]


class GuideTest(base.TestCase):
    def test_each_option_exists(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        found = [text for text in blocks('ini') if '[Service]' not in text]
        self.assertEqual(5, len(found))
        for number, text in enumerate(found):
            file = folder / f'{number}.conf'
            file.write_text(text, encoding='utf-8')
            done = subprocess.run(
                [
                    processes.command('oslo-config-validator'),
                    '--config-file=etc/console-api/config-generator.conf',
                    f'--input-file={file}',
                    # Its options depend on auth_type.
                    '--exclude-group=keystone_authtoken',
                ],
                cwd=source.ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_each_command_of_the_package_exists(self) -> None:
        text = ''.join(blocks('console'))
        names = set(re.findall(r'/opt/console-api/bin/(console-\S+)', text))
        self.assertNotEqual(set(), names)
        for name in names:
            self.assertTrue(pathlib.Path(processes.command(name)).exists())

    def test_each_service_has_a_unit(self) -> None:
        lines = re.findall(r'enable --now (.*)', ''.join(blocks('console')))
        services = {name for line in lines for name in line.split()}
        units = {path.stem for path in UNITS.glob('*.service')}
        self.assertEqual(units, services)
