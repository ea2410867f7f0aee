# SPDX-License-Identifier: Apache-2.0
"""Hostile requests that are too long to write down in gabbits/."""

import json
from typing import Any

import fixtures
import webob

from console_api.db import names
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '/v2.1/servers/00000000-0000-4000-8000-000000000001'
_LONG = 'x' * 10_000


class BadInputTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole)
        )

    def _send(self, path: str, body: bytes | None = None) -> webob.Response:
        request = webob.Request.blank(path)
        request.headers['X-Auth-Token'] = service.MEMBER
        request.headers['X-OpenStack-Nova-API-Version'] = '2.6'
        if body is not None:
            request.method = 'POST'
            request.body = body
            request.content_type = 'application/json'
        return request.get_response(self.service.application)

    def _create(self, body: Any) -> webob.Response:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self._send(f'{_SERVER}/remote-consoles', body)

    def _action(self, body: bytes) -> webob.Response:
        return self._send(f'{_SERVER}/action', body)

    def _assert_short_400(self, answer: webob.Response) -> str:
        self.assertEqual(400, answer.status_int)
        message = answer.json['badRequest']['message']
        self.assertLess(len(message), 1200)
        return message

    def test_body_nested_too_deeply(self) -> None:
        message = self._assert_short_400(self._create(b'[' * 100_000))
        self.assertIn('nested too deeply', message)

    def test_action_nested_too_deeply(self) -> None:
        message = self._assert_short_400(
            self._action(b'{"os-getConsoleOutput":' * 4000)
        )
        self.assertIn('nested too deeply', message)

    def test_body_that_is_deep_and_closed(self) -> None:
        self._assert_short_400(self._create(b'[' * 500 + b']' * 500))

    def test_body_that_is_not_utf_8(self) -> None:
        message = self._assert_short_400(
            self._create(b'{"remote_console": "\xff"}')
        )
        self.assertIn('not UTF-8', message)

    def test_body_in_utf_16(self) -> None:
        self._assert_short_400(self._create('{}'.encode('utf-16')))

    def test_long_type_is_shown_in_part(self) -> None:
        wanted = {'protocol': 'vnc', 'type': _LONG}
        self._assert_short_400(self._create({'remote_console': wanted}))

    def test_long_property_is_shown_in_part(self) -> None:
        self._assert_short_400(self._create({_LONG: 1}))

    def test_many_properties_are_shown_in_part(self) -> None:
        self._assert_short_400(
            self._create({f'property{i}': 1 for i in range(2000)})
        )

    def test_long_action_is_shown_in_part(self) -> None:
        message = self._assert_short_400(
            self._action(json.dumps({_LONG: 1}).encode())
        )
        self.assertIn('There is no such action', message)

    def test_length_with_more_digits_than_python_converts(self) -> None:
        number = b'9' * 5000
        self._assert_short_400(
            self._action(b'{"os-getConsoleOutput": {"length": %s}}' % number)
        )

    def test_body_over_the_limit(self) -> None:
        answer = self._create(b' ' * 114_689)
        self.assertEqual(413, answer.status_int)
        self.assertEqual(413, answer.json['overLimit']['code'])

    def test_body_at_the_limit_is_read(self) -> None:
        body = b'{"remote_console": {"protocol": "vnc", "type": "novnc"}}'
        answer = self._create(body.ljust(114_688))
        self.assertEqual(200, answer.status_int)

    def test_body_over_the_limit_without_a_length(self) -> None:
        request = webob.Request.blank(f'{_SERVER}/action', method='POST')
        request.body = b' ' * 114_689
        # As a server has it that reads a body in chunks.
        del request.environ['CONTENT_LENGTH']
        request.environ['wsgi.input_terminated'] = True
        request.environ['webob.is_body_readable'] = True
        answer = request.get_response(self.service.application)
        self.assertEqual(413, answer.status_int)
        self.assertEqual(413, answer.json['overLimit']['code'])

    def test_long_id(self) -> None:
        answer = self._send(f'/v2.1/servers/{_LONG}')
        self.assertEqual(404, answer.status_int)
        self.assertLess(len(answer.body), 600)

    def test_long_token(self) -> None:
        request = webob.Request.blank(f'/v2.1/os-console-auth-tokens/{_LONG}')
        request.headers['X-Auth-Token'] = service.ADMIN
        request.headers['X-OpenStack-Nova-API-Version'] = '2.31'
        answer = request.get_response(self.service.application)
        self.assertEqual(404, answer.status_int)

    def test_long_project(self) -> None:
        self._assert_short_400(self._send(f'/v2.1/{"a" * 5000}/servers'))

    def test_long_name(self) -> None:
        self._assert_short_400(self._send(f'/v2.1/servers?name={_LONG}'))

    def test_long_expression(self) -> None:
        self._assert_short_400(
            self._send(f'/v2.1/servers?name={"(" * 5000}{")" * 5000}')
        )

    def test_expression_that_takes_long_is_told_from_a_bad_one(self) -> None:
        self.useFixture(fixtures.MonkeyPatch(f'{names.__name__}._SECONDS', -1))
        message = self._assert_short_400(self._send('/v2.1/servers?name=a|b'))
        self.assertIn('takes too long', message)

    def test_long_marker(self) -> None:
        self._assert_short_400(self._send(f'/v2.1/servers?marker={_LONG}'))

    def test_long_status(self) -> None:
        answer = self._send(f'/v2.1/servers?status={_LONG}')
        self.assertEqual([], answer.json['servers'])

    def test_many_parameters(self) -> None:
        query = '&'.join(f'x{i}=1' for i in range(1000))
        self.assertEqual(200, self._send(f'/v2.1/servers?{query}').status_int)

    def test_path_that_is_not_utf_8(self) -> None:
        self.assertEqual(404, self._send('/v2.1/%ff%fe').status_int)

    def test_path_of_slashes(self) -> None:
        self.assertEqual(404, self._send('/v2.1' + '/' * 1000).status_int)

    def test_long_version(self) -> None:
        request = webob.Request.blank('/v2.1/servers')
        request.headers['X-OpenStack-Nova-API-Version'] = '1' * 10_000
        answer = request.get_response(self.service.application)
        self._assert_short_400(answer)

    def test_many_versions(self) -> None:
        request = webob.Request.blank('/v2.1/servers')
        request.headers['OpenStack-API-Version'] = 'compute 2.6,' * 5000
        answer = request.get_response(self.service.application)
        self.assertLess(answer.status_int, 500)
