# SPDX-License-Identifier: Apache-2.0
"""The client of a Nova API over real sockets."""

from collections.abc import Iterator
from concurrent import futures
import logging
import pathlib
import socket
import ssl
import threading
import time

import fixtures
import webob

from console_api import exception
from console_api import novaapi
from tests import base
from tests.fixtures import certificates
from tests.fixtures import nova_stub
from tests.fixtures import processes

TOKEN = 's3cret-t0ken'
PATH = f'/os-console-auth-tokens/{TOKEN}'


class NovaAPITest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.stub = self.useFixture(nova_stub.NovaStub())
        self.stub.add_console(TOKEN, 5900)

    def client(self, **settings: object) -> novaapi.NovaAPI:
        return novaapi.NovaAPI(self.stub.configuration(**settings))

    def test_document_comes_with_its_status(self) -> None:
        answer = self.client().get(PATH, '2.31')
        self.assertEqual(200, answer.status)
        self.assertEqual(5900, answer.document['console']['port'])

    def test_version_is_asked_for_in_both_headers(self) -> None:
        self.client().get(PATH, '2.31')
        headers = self.stub.asked[-1].headers
        self.assertEqual('compute 2.31', headers['OpenStack-API-Version'])
        self.assertEqual('2.31', headers['X-OpenStack-Nova-API-Version'])

    def test_error_has_no_document(self) -> None:
        answer = self.client().get('/servers/nothing', '2.1')
        self.assertEqual(novaapi.Answer(404, None), answer)

    def test_login_is_used_again(self) -> None:
        client = self.client()
        for _ in range(5):
            client.get(PATH, '2.31')
        self.assertEqual(1, self.stub.logins)

    def test_expired_login_is_renewed(self) -> None:
        client = self.client()
        client.get(PATH, '2.31')
        self.stub.expire_login()
        self.assertEqual(200, client.get(PATH, '2.31').status)
        self.assertEqual(2, self.stub.logins)

    def test_configured_endpoint_wins_over_the_catalog(self) -> None:
        for url in (
            f'{self.stub.root}/compute',
            f'{self.stub.root}/compute/',
            f'{self.stub.root}/compute/v2.1',
        ):
            client = self.client(endpoint_override=url, region_name='nowhere')
            self.assertEqual(200, client.get(PATH, '2.31').status)
            self.assertEqual(f'/compute/v2.1{PATH}', self.stub.asked[-1].path)

    def test_region_without_an_endpoint_is_an_error(self) -> None:
        self.fails('EndpointNotFound', self.client(region_name='nowhere'))

    def test_missing_user_is_a_configuration_error(self) -> None:
        for missing in ('auth_type', 'auth_url'):
            with self.assertRaises(exception.ConfigurationError) as caught:
                self.client(**{missing: None})
            self.assertIn('[nova]', str(caught.exception))
            self.assertIn(missing.replace('_', ''), _letters(caught.exception))

    def test_wrong_password_is_a_refusal(self) -> None:
        with self.assertRaisesRegex(novaapi.RefusedError, 'Keystone.*401'):
            self.client(password='wrong').get(PATH, '2.31')

    def test_forbidden_is_a_refusal(self) -> None:
        self.stub.answer = webob.Response(status=403)
        with self.assertRaisesRegex(novaapi.RefusedError, 'Nova.*403'):
            self.client().get(PATH, '2.31')

    def test_redirect_is_not_followed(self) -> None:
        self.stub.answer = webob.Response(
            status=302, location=f'{self.stub.root}/elsewhere'
        )
        self.assertEqual(302, self.client().get(PATH, '2.31').status)
        self.assertEqual(1, len(self.stub.asked))

    def fails(self, words: str, client: novaapi.NovaAPI) -> None:
        with self.assertRaisesRegex(novaapi.NovaError, words) as caught:
            client.get(PATH, '2.31')
        self.assertNotIn(TOKEN, str(caught.exception))

    def test_no_json_is_an_error(self) -> None:
        for body in (b'', b'<html>', b'\xff', b'[' * 100_000):
            self.stub.answer = webob.Response(body)
            self.fails('no JSON', self.client())

    def test_endless_answer_is_not_read_on(self) -> None:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            while sent < 64 * 1024 * 1024:
                sent += 65536
                yield b' ' * 65536

        self.stub.answer = endless()
        self.fails('too long', self.client())
        self.assertLess(sent, 32 * 1024 * 1024)

    def drips(self, begins: bytes, drop: bytes, ends: bytes) -> None:
        """The client gives up while the rest of an answer comes in drops."""
        answers = self.useFixture(_Dripping(begins, drop, ends))
        client = self.client(endpoint_override=answers.url, timeout=1)
        self.fails('took too long', client)
        self.assertFalse(answers.whole.is_set())

    def test_dripping_body_ends_at_the_timeout(self) -> None:
        head = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
        self.drips(head, b' ', b'{}')

    def test_dripping_head_ends_at_the_timeout(self) -> None:
        head = b'HTTP/1.1 200 OK\r\nConnection: close\r\nX-Slow: '
        self.drips(head, b'x', b'\r\n\r\n{}')

    def test_dripping_body_within_tls_ends_at_the_timeout(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        authority = certificates.Authority(folder)
        pair = authority.issue('127.0.0.1')
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        head = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
        answers = self.useFixture(_Dripping(head, b' ', b'{}', context))
        client = self.client(
            endpoint_override=answers.url,
            timeout=1,
            cafile=str(authority.certificate),
        )
        self.fails('took too long', client)
        self.assertFalse(answers.whole.is_set())

    def test_caller_may_be_in_more_of_a_hurry(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as silent:
            url = f'http://127.0.0.1:{silent.getsockname()[1]}'
            client = self.client(endpoint_override=url, timeout=600)
            with self.assertRaisesRegex(novaapi.NovaError, 'took too long'):
                client.get(PATH, '2.31', time.monotonic() + 1)

    def test_hurry_of_one_call_is_not_that_of_the_next(self) -> None:
        client = self.client()
        with self.assertRaises(novaapi.NovaError):
            client.get(PATH, '2.31', time.monotonic() - 1)
        self.assertEqual(200, client.get(PATH, '2.31').status)

    def test_body_of_a_post_is_json(self) -> None:
        self.client().post('/servers', '2.31', {'server': {'name': 'web'}})
        request = self.stub.asked[-1]
        self.assertEqual('POST', request.method)
        self.assertEqual({'server': {'name': 'web'}}, request.json)

    def test_silence_ends_at_the_timeout(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as silent:
            url = f'http://127.0.0.1:{silent.getsockname()[1]}'
            client = self.client(endpoint_override=url, timeout=1)
            self.fails('Timeout', client)

    def test_nobody_there_is_an_error(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as closed:
            url = f'http://127.0.0.1:{closed.getsockname()[1]}'
        self.fails('ConnectFailure', self.client(endpoint_override=url))

    def test_kept_connection_that_has_died_is_replaced(self) -> None:
        answers = _Hasty()
        self.addCleanup(answers.close)
        client = self.client(endpoint_override=answers.url)
        for _ in range(3):
            self.assertEqual({}, client.get(PATH, '2.31').document)

    def test_connections_of_many_threads_are_kept(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        client = self.client()
        client.get(PATH, '2.31')
        self.stub.goes_on.clear()
        self.addCleanup(self.stub.goes_on.set)
        with futures.ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(client.get, PATH, '2.31') for _ in range(20)]
            # The stub answers ten at a time.
            processes.wait_for(lambda: len(self.stub.asked) > 10, 'too few')
            self.stub.goes_on.set()
            for answer in asked:
                self.assertEqual(200, answer.result().status)
        self.assertNotIn('pool is full', log.output)

    def test_token_is_in_no_log(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        client = self.client()
        client.get(PATH, '2.31')
        self.stub.answer = webob.Response(status=500)
        client.get(PATH, '2.31')
        with socket.create_server(('127.0.0.1', 0)) as closed:
            url = f'http://127.0.0.1:{closed.getsockname()[1]}'
        self.fails('Connect', self.client(endpoint_override=url))
        self.assertIn('/os-console-auth-tokens/***', log.output)
        self.assertNotIn(TOKEN, log.output)
        self.assertNotIn(nova_stub.PASSWORD, log.output)


class _Dripping(fixtures.Fixture):
    """Begins to answer, adds a drop every tenth of a second, then ends.

    That takes half a minute; ``whole`` is set when all was sent.
    """

    def __init__(
        self,
        begins: bytes,
        drop: bytes,
        ends: bytes,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self._context = context
        self._parts = (begins, *[drop] * 300, ends)
        self.whole = threading.Event()
        self._over = threading.Event()

    def _setUp(self) -> None:
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(self._listener.close)
        scheme = 'http' if self._context is None else 'https'
        port = self._listener.getsockname()[1]
        self.url = f'{scheme}://127.0.0.1:{port}'
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._over.set)

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
        with sock:
            sock.recv(65536)
            for part in self._parts:
                try:
                    sock.sendall(part)
                except OSError:
                    return  # who asked is gone
                if self._over.wait(0.1):
                    return
            self.whole.set()


class _Hasty:
    """Answers once on each connection, then closes at the next request."""

    def __init__(self) -> None:
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                self._serve(self._listener.accept()[0])
        except OSError:  # it was closed
            return

    @staticmethod
    def _serve(sock: socket.socket) -> None:
        with sock:
            sock.recv(65536)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
            sock.recv(65536)

    def close(self) -> None:
        self._listener.close()


def _letters(exc: Exception) -> str:
    return str(exc).replace('_', '').replace('-', '')
