# SPDX-License-Identifier: Apache-2.0
"""The proxy as a command."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket

import fixtures

from tests import base
from tests.fixtures import processes

_ALIVE = {'alive': True}
_REQUEST = b'GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n'


class ProxyTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = processes.free_port()
        folder = self.useFixture(fixtures.TempDir()).path
        self.file = pathlib.Path(folder) / 'console-api.conf'
        self.configure()

    def configure(
        self, status_port: int | None = None, **default: object
    ) -> None:
        status = {} if status_port is None else {'port': status_port}
        processes.write_settings(
            self.file,
            {
                'DEFAULT': {'transport_url': 'fake://', **default},
                'proxy': {
                    'host': '127.0.0.1',
                    'port': self.port,
                    'handshake_timeout': 600,
                },
                'proxy_status': status,
            },
        )

    def start(self, workers: int) -> processes.Process:
        snippet = self.file.with_name('more.d')
        snippet.mkdir()
        processes.write_settings(
            snippet / 'workers.conf', {'proxy': {'workers': workers}}
        )
        return self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'),
                f'--config-file={self.file}',
                f'--config-dir={snippet}',
            )
        )

    def started(self, workers: int) -> processes.Process:
        proxy = self.start(workers)
        proxy.wait_until('READY=1')
        return proxy

    def connect(self) -> socket.socket:
        sock = socket.create_connection(
            ('127.0.0.1', self.port), processes.PATIENCE
        )
        self.addCleanup(sock.close)
        return sock

    @staticmethod
    def answers(sock: socket.socket) -> bool:
        try:
            sock.sendall(_REQUEST)
            return sock.recv(12) == b'HTTP/1.1 404'
        except ConnectionError:
            return False

    def test_one_worker_is_the_process_itself(self) -> None:
        proxy = self.started(1)
        self.assertEqual([], proxy.children)
        self.assertTrue(self.answers(self.connect()))
        self.assertEqual(0, proxy.stop())

    def test_crash_of_a_worker_leaves_the_sessions_of_the_other(self) -> None:
        proxy = self.started(2)
        # Each goes to either worker; that all go to one does not happen.
        clients = [self.connect() for _ in range(40)]
        self.assertTrue(self.answers(self.connect()))
        killed = proxy.children[0]
        os.kill(killed, signal.SIGKILL)
        proxy.wait_for(lambda: killed not in proxy.children, 'its end')
        alive = [sock for sock in clients if self.answers(sock)]
        self.assertNotEqual([], alive)
        self.assertLess(len(alive), len(clients))
        proxy.wait_for(lambda: len(proxy.children) == 2, 'another worker')

    def test_sigterm_ends_all_workers_with_status_0(self) -> None:
        proxy = self.started(2)
        client = self.connect()
        self.assertEqual(0, proxy.stop())
        self.assertEqual(b'', client.recv(1))

    def test_port_in_use_is_told_in_one_line(self) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(('127.0.0.1', self.port))
            other.listen()
            proxy = self.start(2)
            self.assertEqual(1, proxy.process.wait(processes.PATIENCE))
        self.assertEqual(
            'console-api-proxy: cannot listen on 127.0.0.1 port '
            f'{self.port}: Address already in use',
            proxy.output.splitlines()[-1],
        )

    def test_sighup_changes_the_log_level_and_ends_nothing(self) -> None:
        proxy = self.started(1)
        client = self.connect()
        self.assertNotIn('DEBUG', proxy.output)
        self.configure(debug=True)
        proxy.said.clear()
        proxy.send(signal.SIGHUP)
        proxy.wait_until('READY=1')
        proxy.wait_for(lambda: self.answers(self.connect()), 'an answer')
        proxy.wait_for(lambda: 'DEBUG' in proxy.output, 'more in the log')
        self.assertTrue(self.answers(client))

    def test_sighup_with_a_broken_file_changes_nothing(self) -> None:
        proxy = self.started(1)
        self.file.write_text('no = group\n')
        proxy.said.clear()
        proxy.send(signal.SIGHUP)
        proxy.wait_until('READY=1')
        self.assertIn('The configuration was not read again', proxy.output)
        self.assertTrue(self.answers(self.connect()))

    def ask(self, port: int, path: str) -> tuple[int, str]:
        """The status and the body of an answer."""
        with contextlib.closing(
            http.client.HTTPConnection(
                '127.0.0.1', port, timeout=processes.PATIENCE
            )
        ) as connection:
            connection.request('GET', path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def test_one_address_tells_of_all_workers(self) -> None:
        port = processes.free_port()
        self.configure(status_port=port)
        proxy = self.started(2)
        self.answers(self.connect())
        # Whichever answers, it tells of both.
        for _ in range(5):
            text = self.ask(port, '/metrics')[1]
            for index in (0, 1):
                line = f'console_proxy_worker_up{{worker="{index}"}} 1.0\n'
                self.assertIn(line, text)
                self.assertRegex(
                    text, f'process_open_fds{{worker="{index}"}} [1-9]'
                )
            self.assertEqual(1, text.count('# TYPE process_open_fds gauge'))
        document = json.loads(self.ask(port, '/healthz')[1])
        self.assertEqual(
            {'alive': True, 'workers': {'0': _ALIVE, '1': _ALIVE}}, document
        )
        # Nobody reads the fake bus, so that no look-up is answered.
        self.assertEqual(503, self.ask(port, '/readyz')[0])
        self.assertEqual(0, proxy.stop())

    def test_worker_that_hangs_is_told_by_the_other(self) -> None:
        port = processes.free_port()
        self.configure(status_port=port)
        proxy = self.started(2)
        stopped = proxy.children[1]
        os.kill(stopped, signal.SIGSTOP)
        self.addCleanup(_go_on, stopped)
        # Its threads go on for a moment, and could take the question.
        proxy.wait_for(lambda: _states(stopped) == {'T'}, 'a stop')
        text = self.ask(port, '/metrics')[1]
        up = re.findall('console_proxy_worker_up{worker="."} (.)', text)
        self.assertEqual(['0', '1'], sorted(up))
        status, text = self.ask(port, '/healthz')
        self.assertEqual(503, status)
        self.assertIn('it does not answer', text)
        os.kill(stopped, signal.SIGKILL)
        proxy.wait_for(
            lambda: self.ask(port, '/healthz')[0] == 200, 'another worker'
        )


def _states(pid: int) -> set[str]:
    """In which states the threads of a process are."""
    threads = pathlib.Path(f'/proc/{pid}/task').iterdir()
    texts = [(thread / 'stat').read_text() for thread in threads]
    return {text.rpartition(')')[2].split()[0] for text in texts}


def _go_on(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
