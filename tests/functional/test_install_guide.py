# SPDX-License-Identifier: Apache-2.0
"""What the install guide says to write and to run is there."""

from collections.abc import Iterable
import configparser
import contextlib
import http.client
import pathlib
import re
import socket
import subprocess
from typing import Any

import fixtures

from tests import base
from tests.fixtures import listening
from tests.fixtures import parts
from tests.fixtures import processes
from tests.fixtures import source

GUIDE = source.ROOT / 'doc' / 'source' / 'install' / 'index.rst'
FILTER_GUIDE = GUIDE.parents[1] / 'admin' / 'beside-nova.rst'
UNITS = source.ROOT / 'etc' / 'systemd'
#: Those of a list are indented like its text.
_BLOCK = re.compile(
    r'(?m)^( *)\.\. code-block:: (\w+)\n(?:\1   :.*\n)*\n'
    r'((?:\1   .*\n|\n)+)'
)


def blocks(kind: str, document: pathlib.Path = GUIDE) -> list[str]:
    """The blocks of a text in a language, without their indentation."""
    text = document.read_text(encoding='utf-8')
    return [
        re.sub(f'(?m)^{indent}   ', '', body)
        for indent, found, body in _BLOCK.findall(text)
        if found == kind
    ]


def filter_file() -> str:
    """The configuration of the filter in Nova's pipeline."""
    (text,) = (
        block
        for block in blocks('ini', FILTER_GUIDE)
        if 'directory = nova-process' in block
    )
    return text


def _settings(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        interpolation=None, default_section='none'
    )
    parser.read_string(text)
    return parser


class GuideTest(base.TestCase):
    def test_each_option_exists(self) -> None:
        found = [text for text in blocks('ini') if '[Service]' not in text]
        self.assertEqual(5, len(found))
        self._validate([*found, filter_file()])

    def _validate(self, files: list[str]) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for number, text in enumerate(files):
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

    def test_filter_in_nova_meets_the_conductors(self) -> None:
        # On the same bus, exchange and database.
        controller, ours = (
            _settings(blocks('ini')[0]),
            _settings(filter_file()),
        )
        for group, names in (
            ('DEFAULT', ('transport_url', 'rpc_exchange')),
            ('database', ('connection',)),
        ):
            for name in names:
                self.assertEqual(
                    controller[group][name], ours[group].get(name), name
                )

    def test_package_is_installed_from_its_file(self) -> None:
        for document in (GUIDE, FILTER_GUIDE):
            lines = ''.join(blocks('console', document)).splitlines()
            named = [
                line
                for line in lines
                if 'pip install' in line and 'console' in line.split('pip')[1]
            ]
            self.assertNotEqual([], named)
            for line in named:
                self.assertIn('WHEELS/console_api-VERSION', line)

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


class FrontOfTheApiTest(base.TestCase):
    """HAProxy, with the guide's file but for TLS, in front of the API."""

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'haproxy')
        #: What the API gets, the questions of the balancer aside.
        self.seen: list[str] = []
        backend = self.useFixture(listening.Listening(self._answer))
        self.port = processes.free_port()
        (text,) = (b for b in blocks('text') if 'frontend compute' in b)
        text = re.sub('bind .*', f'bind 127.0.0.1:{self.port}', text)
        text = text.replace('127.0.0.1:8774', f'127.0.0.1:{backend.port}')
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'cfg')
        path.write_text(text)
        command = [parts.haproxy() or '', '-db', '-f', str(path)]
        process = subprocess.Popen(command)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        processes.wait_for(self._listens, 'HAProxy listens')

    def _answer(
        self, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        if environ['PATH_INFO'] != '/healthcheck':
            self.seen.append(environ['REQUEST_METHOD'])
        start_response('200 OK', [('Content-Length', '0')])
        return [b'']

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(self.address).close()
            return True
        return False

    @property
    def address(self) -> tuple[str, int]:
        return '127.0.0.1', self.port

    def status(self, method: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        self.addCleanup(connection.close)
        connection.request(method, '/v2.1/servers', body)
        return connection.getresponse().status

    def test_body_that_does_not_come_takes_nothing_of_the_api(self) -> None:
        with socket.create_connection(self.address) as slow:
            slow.sendall(
                b'POST /v2.1/servers HTTP/1.1\r\nHost: x\r\n'
                b'Content-Length: 60\r\n\r\n{'
            )
            self.assertEqual(200, self.status('GET'))
            self.assertEqual(['GET'], self.seen)

    def test_nor_does_one_that_is_too_long_to_wait_for(self) -> None:
        self.assertEqual(413, self.status('POST', b' ' * 8193))
        self.assertEqual(200, self.status('POST', b' ' * 8192))
        self.assertEqual(['POST'], self.seen)
