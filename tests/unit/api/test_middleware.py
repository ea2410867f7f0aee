# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from typing import Any

import fixtures
import webob

from console_api.api import errors
from console_api.api import middleware
from tests import base

_TOKEN = 'kQ3-secret_token'


class RedactedUrlTest(base.TestCase):
    def _url(self, path: str, query: str = '') -> str:
        return middleware.redacted_url(
            {'SCRIPT_NAME': '', 'PATH_INFO': path, 'QUERY_STRING': query}
        )

    def test_other_urls_stay(self) -> None:
        self.assertEqual(
            '/v2.1/servers?name=x&limit=1',
            self._url('/v2.1/servers', 'name=x&limit=1'),
        )

    def test_token_in_the_path(self) -> None:
        self.assertEqual(
            '/v2.1/os-console-auth-tokens/***',
            self._url(f'/v2.1/os-console-auth-tokens/{_TOKEN}'),
        )

    def test_token_in_odd_paths(self) -> None:
        for path in (
            f'/v2.1/p/os-console-auth-tokens/{_TOKEN}',
            f'/v2.1/os-console-auth-tokens//{_TOKEN}',
            f'/v2.1/os-console-auth-tokens/ {_TOKEN}',
            f'/v2.1/os-console-auth-tokens/a/{_TOKEN}',
            f'/v2.1/os-console-auth-tokens/a?{_TOKEN}',
            f'/v2.1/os-console-auth-tokens/a\n{_TOKEN}',
        ):
            with self.subTest(path=path):
                self.assertNotIn(_TOKEN, self._url(path))

    def test_token_in_the_query(self) -> None:
        for query in (
            f'token={_TOKEN}',
            f'a=b&token={_TOKEN}&c=d',
            f'TOKEN={_TOKEN}',
            f'console_token={_TOKEN}',
            f'path=%3Ftoken%3D{_TOKEN}',
            f'path=?token={_TOKEN}',
            f'path=%3ftoken%3d{_TOKEN}',
            f'token= {_TOKEN}',
        ):
            with self.subTest(query=query):
                self.assertNotIn(_TOKEN, self._url('/', query))

    def test_rest_of_the_query_stays(self) -> None:
        self.assertEqual(
            '/?a=b&token=***&c=d', self._url('/', 'a=b&token=x&c=d')
        )

    def test_line_breaks_are_escaped(self) -> None:
        url = self._url('/a\r\n2026 INFO forged', 'b\nc')
        self.assertNotIn('\n', url)
        self.assertNotIn('\r', url)

    def test_terminal_escapes_are_escaped(self) -> None:
        self.assertNotIn('\x1b', self._url('/\x1b[2J'))

    def test_long_url_is_cut(self) -> None:
        self.assertLess(len(self._url('/' + 'x' * 100_000)), 2100)


class RequestLogTest(base.TestCase):
    def _log(self, request: webob.Request, **headers: str) -> str:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            start_response('404 Not Found', list(headers.items()))
            return []

        log = self.useFixture(fixtures.FakeLogger())
        request.get_response(middleware.RequestLog(answer))
        return str(log.output)

    def test_says_what_was_asked_and_answered(self) -> None:
        request = webob.Request.blank('/v2.1/servers?name=x')
        request.remote_addr = '192.0.2.1'
        line = self._log(
            request,
            **{'Content-Length': '7', 'X-OpenStack-Nova-API-Version': '2.6'},
        )
        self.assertRegex(
            line,
            r'^192\.0\.2\.1 "GET /v2\.1/servers\?name=x" status: 404 len: 7 '
            r'microversion: 2\.6 time: \d+\.\d{3}\n$',
        )

    def test_is_one_line_whatever_is_asked(self) -> None:
        request = webob.Request.blank('/a%0Ab')
        request.method = 'GET\nforged'
        request.remote_addr = '192.0.2.1\nforged'
        self.assertEqual(1, self._log(request).count('\n'))

    def test_has_no_token(self) -> None:
        request = webob.Request.blank(f'/os-console-auth-tokens/{_TOKEN}')
        self.assertNotIn(_TOKEN, self._log(request))


class FaultsTest(base.TestCase):
    def _call(self, inner: Any) -> webob.Response:
        request = webob.Request.blank('/')
        request.environ[middleware.REQUEST_ID] = 'req-1'
        return request.get_response(middleware.Faults(inner))

    def test_answer_passes_untouched(self) -> None:
        inner = webob.Response(body=b'{}', content_type='application/json')
        answer = self._call(inner)
        self.assertEqual((200, b'{}'), (answer.status_int, answer.body))

    def test_exception_becomes_a_fault(self) -> None:
        self.useFixture(fixtures.FakeLogger())

        def broken(environ: dict[str, Any], start_response: Any) -> Any:
            raise RuntimeError('secret')

        answer = self._call(broken)
        self.assertEqual(500, answer.status_int)
        self.assertIn('req-1', answer.json['computeFault']['message'])
        self.assertNotIn('secret', answer.text)

    def test_exception_of_a_generator_becomes_a_fault(self) -> None:
        self.useFixture(fixtures.FakeLogger())

        def broken(
            environ: dict[str, Any], start_response: Any
        ) -> Iterator[bytes]:
            raise RuntimeError('secret')
            yield b''

        self.assertEqual(500, self._call(broken).status_int)

    def test_text_of_an_error_becomes_a_fault(self) -> None:
        inner = webob.Response('<h1>who?</h1>', status=401)
        inner.headers['WWW-Authenticate'] = 'Keystone uri="http://k"'
        answer = self._call(inner)
        self.assertEqual(401, answer.json['unauthorized']['code'])
        self.assertEqual(
            'Keystone uri="http://k"', answer.headers['WWW-Authenticate']
        )
        self.assertEqual('application/json', answer.content_type)

    def test_json_of_another_shape_becomes_a_fault(self) -> None:
        inner = webob.Response(
            body=b'{"error": {"code": 401, "title": "Unauthorized"}}',
            status=401,
            content_type='application/json',
            charset=None,
        )
        self.assertEqual(
            {
                'unauthorized': {
                    'code': 401,
                    'message': 'The request needs a valid token.',
                }
            },
            self._call(inner).json,
        )

    def test_fault_of_the_application_stays(self) -> None:
        answer = self._call(errors.fault(409, 'busy'))
        self.assertEqual(
            {'conflictingRequest': {'code': 409, 'message': 'busy'}},
            answer.json,
        )

    def test_browsers_do_not_guess_the_type(self) -> None:
        for inner in (webob.Response('x'), webob.Response('x', status=404)):
            with self.subTest(status=inner.status):
                self.assertEqual(
                    'nosniff',
                    self._call(inner).headers['X-Content-Type-Options'],
                )
