# SPDX-License-Identifier: Apache-2.0
"""The small HTTP server of agents and conductors, on real sockets."""

import contextlib
import socket
import threading

import fixtures

from console_api import statusserver
from tests import base

#: Generous: nothing here is expected to take a tenth of it, in seconds.
PATIENCE = 30


def _respond(path: str) -> statusserver.Answer | None:
    if path == '/broken':
        raise RuntimeError('a page that fails')
    if path != '/here':
        return None
    return statusserver.Answer(200, 'text/plain', b'it is well')


class StatusServerTest(base.TestCase):
    def serve(self) -> None:
        (self.listener,) = statusserver.listen('127.0.0.1', 0)
        self.addCleanup(self.listener.close)
        server = statusserver.StatusServer([self.listener], _respond)
        self.addCleanup(server.stop)
        server.start()

    def connect(self) -> socket.socket:
        sock = socket.create_connection(self.listener.getsockname(), PATIENCE)
        self.addCleanup(sock.close)
        return sock

    def send(self, data: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer."""
        sock = self.connect()
        sock.sendall(data)
        answer = bytearray()
        with contextlib.suppress(ConnectionError):
            while chunk := sock.recv(65536):
                answer += chunk
        head, _, body = bytes(answer).partition(b'\r\n\r\n')
        return head, body

    def ask(self, line: str) -> tuple[int, bytes]:
        head, body = self.send(f'{line}\r\nHost: x\r\n\r\n'.encode())
        return int(head.split()[1]), body

    def test_methods_and_paths(self) -> None:
        self.serve()
        for line, expected in (
            ('GET /here HTTP/1.1', (200, b'it is well')),
            ('GET /here?x=y HTTP/1.0', (200, b'it is well')),
            ('HEAD /here HTTP/1.1', (200, b'')),
            ('OPTIONS / HTTP/1.0', (204, b'')),
            ('GET / HTTP/1.1', (404, b'')),
            ('POST /here HTTP/1.1', (405, b'')),
            ('DELETE /here HTTP/1.1', (405, b'')),
            ('GET /here HTTP/9.9', (505, b'')),
        ):
            self.assertEqual(expected, self.ask(line), line)

    def test_nothing_of_a_request_comes_back(self) -> None:
        self.serve()
        for data in (
            b'GET /<script> HTTP/1.1\r\n\r\n',
            b'<script>\r\n\r\n',
            b'<script> <script> <script> <script>\r\n\r\n',
            b'GET / HTTP/<script>\r\n\r\n',
        ):
            head, body = self.send(data)
            self.assertNotIn(b'script', head + body)

    def test_answers_are_kept_by_nobody_and_name_no_program(self) -> None:
        self.serve()
        head, _ = self.send(b'GET /here HTTP/1.1\r\n\r\n')
        self.assertIn(b'Cache-Control: no-store', head)
        self.assertIn(b'X-Content-Type-Options: nosniff', head)
        self.assertNotIn(b'Python', head)

    def test_one_connection_is_for_one_request(self) -> None:
        self.serve()
        _, body = self.send(
            b'GET /here HTTP/1.1\r\nConnection: keep-alive\r\n\r\n' * 3
        )
        self.assertEqual(b'it is well', body)

    def test_page_that_fails_leaves_the_server_serving(self) -> None:
        self.serve()
        self.assertEqual((500, b''), self.ask('GET /broken HTTP/1.1'))
        self.assertEqual(200, self.ask('GET /here HTTP/1.1')[0])

    def test_client_that_drips_is_cut_off(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch('console_api.statusserver._PATIENCE', 0.1)
        )
        self.serve()
        dripping = self.connect()
        ended = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                dripping.sendall(b'GET /here HTTP/1.1\r\nX: ')
                while not ended.wait(0.01):
                    dripping.sendall(b'x')

        thread = threading.Thread(target=drip)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ended.set)
        with contextlib.suppress(ConnectionError):
            self.assertEqual(b'', dripping.recv(1))

    def test_connections_beyond_the_limit_are_closed(self) -> None:
        # None is closed for being slow.
        for name in ('_PATIENCE', '_Handler.timeout'):
            self.useFixture(
                fixtures.MonkeyPatch(f'console_api.statusserver.{name}', 600.0)
            )
        self.serve()
        silent = [self.connect() for _ in range(statusserver.MOST)]
        self.assertEqual(b'', self.connect().recv(1))
        for sock in silent:
            sock.close()

        def serves() -> bool:
            return b'200' in self.send(b'GET /here HTTP/1.1\r\n\r\n')[0]

        self.wait_for(serves)

    def wait_for(self, condition) -> None:
        for _ in range(1000):
            if condition():
                return
        self.fail('it never happened')

    def test_another_process_is_asked_at_its_own_socket(self) -> None:
        door = statusserver.listen_within()
        self.addCleanup(door.close)
        server = statusserver.StatusServer([door], _respond)
        self.addCleanup(server.stop)
        server.start()
        self.assertEqual(b'it is well', statusserver.ask(door, '/here'))
        self.assertIsNone(statusserver.ask(door, '/nowhere'))

    def test_process_that_says_nothing_is_not_waited_for(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.statusserver._SIBLING_PATIENCE', 0.1
            )
        )
        door = statusserver.listen_within()
        self.addCleanup(door.close)
        self.assertIsNone(statusserver.ask(door, '/here'))

    def test_stopped_server_lets_the_next_one_listen(self) -> None:
        self.serve()
        host, port = self.listener.getsockname()
        self.doCleanups()
        for sock in statusserver.listen(host, port):
            sock.close()
