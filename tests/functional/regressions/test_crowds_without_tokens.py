# SPDX-License-Identifier: Apache-2.0
"""Who connects and leaves costs nothing that stays (bug 1816727)."""

import pathlib
import re
import socket
import struct

import fixtures

from tests import base
from tests.fixtures import nova_stub
from tests.fixtures import processes

_CONNECTIONS = 5000
#: KiB; a hundred bytes a connection would be as much.
_MARGIN = 1024
_RESET = struct.pack('ii', 1, 0)


class CrowdTest(base.TestCase):
    def test_memory_is_flat_and_nobody_is_asked(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = processes.free_port()
        stub = self.useFixture(nova_stub.NovaStub())
        processes.write_settings(
            folder / 'console-api.conf',
            {
                'DEFAULT': {'transport_url': 'fake://'},
                'nova': stub.settings,
                'proxy': {
                    'host': '127.0.0.1',
                    'port': port,
                    'workers': 1,
                    'authority': 'rest',
                },
            },
        )
        proxy = self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'),
                f'--config-file={folder}/console-api.conf',
            )
        )
        proxy.wait_until('READY=1')
        asked = len(stub.asked)
        # What the first ones need once is there afterwards.
        self._connect(port)
        before = self._memory(proxy)
        self._connect(port)
        self.assertLess(self._memory(proxy), before + _MARGIN)
        self.assertEqual(asked, len(stub.asked))

    def _connect(self, port: int) -> None:
        for number in range(_CONNECTIONS):
            with socket.create_connection(('127.0.0.1', port)) as sock:
                if number % 2:
                    sock.sendall(b'GET /?token=x%0a HTTP/1.1\r\nHost: x\r\n')
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # The last one is answered after all before it.
        with socket.create_connection(('127.0.0.1', port)) as sock:
            sock.sendall(b'HEAD / HTTP/1.0\r\n\r\n')
            while sock.recv(4096):
                pass

    @staticmethod
    def _memory(proxy: processes.Process) -> int:
        """KiB that belong to the process alone."""
        path = pathlib.Path(f'/proc/{proxy.process.pid}/status')
        found = re.search(
            r'^RssAnon:\s+(\d+) kB$', path.read_text(), re.MULTILINE
        )
        assert found is not None
        return int(found.group(1))
