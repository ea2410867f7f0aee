# SPDX-License-Identifier: Apache-2.0
"""The proxy as a command, with sessions: its end, crashes, certificates."""

import os
import pathlib
import signal
import socket
import socketserver
import ssl
import threading

import fixtures
from websockets import exceptions
from websockets.sync import client as ws_client

from tests import base
from tests.fixtures import certificates
from tests.fixtures import nova_stub
from tests.fixtures import processes


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass  # A proxy that was killed may have reset it.


def _lives(pid: int) -> bool:
    # A zombie is one whose new parent has not asked for its end yet.
    try:
        state = pathlib.Path(f'/proc/{pid}/stat').read_text('ascii')
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(')')[2].split()[0] != 'Z'


class SessionsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = processes.free_port()
        stub = self.useFixture(nova_stub.NovaStub())
        guest = self.guest()
        # A serial line has one session, so each has a line of its own.
        self.tokens = iter([f'token-{number}' for number in range(30)])
        for number in range(30):
            stub.add_console(f'token-{number}', guest, 'serial')
        self.groups: dict[str, dict[str, object]] = {
            'DEFAULT': {'transport_url': 'fake://'},
            'nova': stub.settings,
            'proxy': {
                'host': '127.0.0.1',
                'port': self.port,
                'authority': 'rest',
                'rest_console_type': 'serial',
            },
        }

    def guest(self) -> int:
        served = socketserver.ThreadingTCPServer(('127.0.0.1', 0), _Echo)
        served.daemon_threads = True
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        self.addCleanup(served.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(served.shutdown)
        return int(served.server_address[1])

    def started(self, **options: object) -> processes.Process:
        self.groups['proxy'] |= options
        path = self.folder / 'console-api.conf'
        processes.write_settings(path, self.groups)
        proxy = self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'),
                f'--config-file={path}',
            )
        )
        proxy.wait_until('READY=1')
        return proxy

    def session(self, **options: object) -> ws_client.ClientConnection:
        scheme = 'wss' if 'ssl' in options else 'ws'
        ws = ws_client.connect(
            f'{scheme}://127.0.0.1:{self.port}/?token={next(self.tokens)}',
            proxy=None,
            compression=None,
            open_timeout=processes.PATIENCE,
            **options,  # type: ignore[arg-type]
        )
        self.addCleanup(ws.socket.close)
        self.assertTrue(self.echoes(ws))
        return ws

    @staticmethod
    def echoes(ws: ws_client.ClientConnection) -> bool:
        try:
            ws.send(b'hello')
            return ws.recv(processes.PATIENCE) == b'hello'
        except (exceptions.ConnectionClosed, OSError):
            return False

    def code(self, ws: ws_client.ClientConnection) -> int | None:
        """The code that the session is closed with."""
        with self.assertRaises(exceptions.ConnectionClosed):
            ws.recv(processes.PATIENCE)
        return ws.close_code

    def refuses(self) -> bool:
        try:
            socket.create_connection(('127.0.0.1', self.port)).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_sigterm_tells_the_sessions_of_all_workers(self) -> None:
        proxy = self.started(workers=2)
        sessions = [self.session() for _ in range(10)]
        proxy.send(signal.SIGTERM)
        self.assertEqual({1001}, {self.code(ws) for ws in sessions})
        self.assertEqual(0, proxy.process.wait(processes.PATIENCE))

    def check_drain(self, workers: int) -> None:
        proxy = self.started(workers=workers, drain_timeout=600)
        ws = self.session()
        proxy.send(signal.SIGTERM)
        proxy.wait_for(self.refuses, 'nobody listens')
        self.assertTrue(self.echoes(ws))
        ws.close()
        self.assertEqual(0, proxy.process.wait(processes.PATIENCE))

    def test_one_worker_waits_for_its_sessions(self) -> None:
        self.check_drain(1)

    def test_workers_wait_for_their_sessions(self) -> None:
        self.check_drain(2)

    def check_hurry(self, workers: int) -> None:
        proxy = self.started(workers=workers, drain_timeout=600)
        ws = self.session()
        proxy.send(signal.SIGTERM)
        proxy.wait_for(self.refuses, 'nobody listens')
        proxy.send(signal.SIGTERM)
        self.assertEqual(1001, self.code(ws))
        self.assertEqual(0, proxy.process.wait(processes.PATIENCE))

    def test_second_sigterm_ends_the_wait_of_one_worker(self) -> None:
        self.check_hurry(1)

    def test_second_sigterm_ends_the_wait_of_all_workers(self) -> None:
        self.check_hurry(2)

    def test_systemd_is_told_how_long_the_end_may_take(self) -> None:
        proxy = self.started(workers=2, drain_timeout=600)
        self.assertEqual(0, proxy.stop())
        self.assertIn(
            'STOPPING=1\nEXTEND_TIMEOUT_USEC=630000000', proxy._heard()
        )

    def test_crash_of_a_worker_ends_its_own_sessions_only(self) -> None:
        proxy = self.started(workers=2)
        # Each goes to either worker; that all go to one does not happen.
        sessions = [self.session() for _ in range(30)]
        killed = proxy.children[0]
        os.kill(killed, signal.SIGKILL)
        proxy.wait_for(lambda: killed not in proxy.children, 'its end')
        alive = [ws for ws in sessions if self.echoes(ws)]
        self.assertNotEqual([], alive)
        self.assertLess(len(alive), len(sessions))
        proxy.wait_for(lambda: len(proxy.children) == 2, 'another worker')
        self.assertTrue(all(self.echoes(ws) for ws in alive))

    def test_killed_parent_takes_workers_and_their_sessions_along(
        self,
    ) -> None:
        path = self.folder / 'proxy.sock'
        proxy = self.started(workers=2, unix_socket=path)
        sessions = [self.unix_session(path) for _ in range(10)]
        workers = proxy.children
        proxy.process.kill()
        self.assertEqual({1001}, {self.code(ws) for ws in sessions})
        processes.wait_for(
            lambda: not any(map(_lives, workers)), 'the end of the workers'
        )
        # Nothing is in the way of the next one.
        self.started()
        self.unix_session(path)

    def test_sessions_outlive_a_killed_parent_where_they_may_drain(
        self,
    ) -> None:
        proxy = self.started(workers=2, drain_timeout=600)
        sessions = [self.session() for _ in range(10)]
        workers = proxy.children
        proxy.process.kill()
        processes.wait_for(self.refuses, 'nobody listens')
        self.assertTrue(all(self.echoes(ws) for ws in sessions))
        self.started()
        self.session()
        for ws in sessions:
            ws.close()
        processes.wait_for(
            lambda: not any(map(_lives, workers)), 'the end of the workers'
        )

    def unix_session(self, path: pathlib.Path) -> ws_client.ClientConnection:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return self.session(sock=sock)

    def check_unix_socket(self, workers: int) -> None:
        path = self.folder / 'proxy.sock'
        proxy = self.started(
            workers=workers, unix_socket=path, unix_socket_mode=600
        )
        self.assertEqual(0o600, path.stat().st_mode & 0o777)
        self.assertTrue(self.refuses())
        sessions = [self.unix_session(path) for _ in range(4)]
        self.assertTrue(all(self.echoes(ws) for ws in sessions))
        self.assertEqual(0, proxy.stop())
        self.assertFalse(path.exists())

    def test_unix_socket_of_one_worker(self) -> None:
        self.check_unix_socket(1)

    def test_unix_socket_that_workers_share(self) -> None:
        self.check_unix_socket(2)

    def test_drain_takes_the_unix_socket_away(self) -> None:
        path = self.folder / 'proxy.sock'
        proxy = self.started(workers=2, unix_socket=path, drain_timeout=600)
        ws = self.unix_session(path)
        proxy.send(signal.SIGTERM)
        proxy.wait_for(lambda: not path.exists(), 'it is taken away')
        self.assertTrue(self.echoes(ws))
        ws.close()
        self.assertEqual(0, proxy.process.wait(processes.PATIENCE))

    def test_worker_that_comes_later_shares_the_unix_socket(self) -> None:
        path = self.folder / 'proxy.sock'
        proxy = self.started(workers=2, unix_socket=path)
        first = set(proxy.children)
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        proxy.wait_for(
            lambda: len(set(proxy.children) - first) == 2, 'two others'
        )
        self.unix_session(path)

    def test_sighup_renews_the_certificate_of_all_workers(self) -> None:
        ca = certificates.Authority(self.folder)
        pair = ca.issue('127.0.0.1')
        self.groups['DEFAULT'] |= {'cert': pair.certificate, 'key': pair.key}
        proxy = self.started(workers=2)
        trust = ssl.create_default_context(cafile=ca.certificate)
        # The tickets that TLS 1.3 sends behind the handshake wake the thread
        # of the client that reads; it then may keep the one that writes the
        # request from writing, for ever (python/cpython issue 137583).
        trust.maximum_version = ssl.TLSVersion.TLSv1_2
        sessions = [self.session(ssl=trust) for _ in range(4)]
        before = self.shown(trust)
        ca.issue('127.0.0.1')
        proxy.said.clear()
        proxy.send(signal.SIGHUP)
        proxy.wait_for(
            lambda: before not in {self.shown(trust) for _ in range(20)},
            'the new certificate of all',
        )
        self.assertTrue(all(self.echoes(ws) for ws in sessions))

    def shown(self, trust: ssl.SSLContext) -> object:
        """The serial number of the certificate that a client is shown."""
        plain = socket.create_connection(('127.0.0.1', self.port))
        with trust.wrap_socket(plain, server_hostname='127.0.0.1') as sock:
            certificate = sock.getpeercert()
        return (certificate or {}).get('serialNumber')
