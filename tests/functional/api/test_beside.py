# SPDX-License-Identifier: Apache-2.0
"""The console part of the API in front of another compute API."""

from collections.abc import Iterable
from collections.abc import Iterator
import http.client
import io
import json
import os
import re
import threading
from typing import Any

import fixtures
from oslo_config import cfg
from oslo_middleware import sizelimit
import webob

from console_api import exception
from console_api.api import app
from console_api.api import beside
from console_api.api import routes
from tests import base
from tests.fixtures import listening
from tests.fixtures import nova_stub
from tests.fixtures import service
from tests.fixtures import source

ACTIVE = '00000000-0000-4000-8000-000000000001'
CREATE = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
DEADLINE = 60


class Checked:
    """Stands for keystonemiddleware: the caller is whom it says it is."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        token = environ.get('HTTP_X_AUTH_TOKEN')
        if token:
            user, project, roles = token.split(':')
            environ['HTTP_X_USER_ID'] = user
            environ['HTTP_X_PROJECT_ID'] = project
            environ['HTTP_X_ROLES'] = roles
            environ['keystone.token_auth'] = object()
        return self._application(environ, start_response)


class FilterTestCase(base.TestCase):
    """``application`` has the filter in front of ``nova``."""

    nova = staticmethod(nova_stub.echo)

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service())
        self.file = self.service.directory / 'console-api.conf'
        self.file.write_text(
            f"""
[DEFAULT]
transport_url = fake://
[agent]
rpc_timeout = 5
[api]
response_validation = error
[console]
allowed_targets = 127.0.0.1
[database]
connection = {cfg.CONF.database.connection}
"""
        )
        self.make = app.filter_factory({}, config_file=str(self.file))
        self.console_filter = self.make(self.nova)
        self.application = Checked(self.console_filter)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = service.MEMBER,
        version: str = '2.31',
    ) -> webob.Response:
        request = webob.Request.blank(
            f'/v2.1{path}',
            method=method,
            headers={'X-OpenStack-Nova-API-Version': version},
        )
        # As the map of URLs in front of Nova's pipeline does.
        mapped = request.environ['PATH_INFO'].removeprefix('/v2.1')
        request.environ.update(SCRIPT_NAME='/v2.1', PATH_INFO=mapped)
        if token is not None:
            request.headers['X-Auth-Token'] = token
        if body is not None:
            request.body = (
                body if isinstance(body, bytes) else json.dumps(body).encode()
            )
            request.content_type = 'application/json'
        return request.get_response(self.application)

    def passed_on(self, answer: webob.Response) -> bool:
        return answer.headers.get('X-Compute-Request-Id') == 'req-of-nova'


class OwnRequestsTest(FilterTestCase):
    def test_console_is_made_here(self) -> None:
        for prefix in ('', f'/{service.PROJECT}'):
            answer = self.call(
                'POST', f'{prefix}/servers/{ACTIVE}/remote-consoles', CREATE
            )
            self.assertEqual(200, answer.status_int)
            url = answer.json['remote_console']['url']
            self.assertIn('vnc_auto.html?path=%3Ftoken%3D', url)
            self.assertFalse(self.passed_on(answer))

    def test_token_is_looked_up_here(self) -> None:
        made = self.call('POST', f'/servers/{ACTIVE}/remote-consoles', CREATE)
        token = made.json['remote_console']['url'].rpartition('%3D')[2]
        answer = self.call(
            'GET', f'/os-console-auth-tokens/{token}', token=service.SERVICE
        )
        self.assertEqual(ACTIVE, answer.json['console']['instance_uuid'])

    def test_actions_of_consoles_are_answered_here(self) -> None:
        path = f'/servers/{ACTIVE}/action'
        answer = self.call(
            'POST',
            path,
            {'os-getVNCConsole': {'type': 'novnc'}},
            version='2.1',
        )
        self.assertEqual('novnc', answer.json['console']['type'])
        answer = self.call(
            'POST', path, {'os-getConsoleOutput': {'length': 1}}
        )
        self.assertEqual('third\n', answer.json['output'])
        actions = {route.action for route in beside.OWN_ROUTES if route.action}
        for action in actions:
            answer = self.call('POST', path, {action: {}}, version='2.1')
            self.assertFalse(self.passed_on(answer), action)

    def test_actions_below_v2_are_answered_here(self) -> None:
        request = webob.Request.blank(
            f'/{service.PROJECT}/servers/{ACTIVE}/action',
            base_url='http://localhost/v2',
            headers={'X-Auth-Token': service.MEMBER},
            json={'os-getVNCConsole': {'type': 'novnc'}},
            method='POST',
        )
        self.assertEqual('/v2', request.script_name)
        answer = request.get_response(self.application)
        self.assertEqual('novnc', answer.json['console']['type'])

    def test_caller_is_whom_keystone_says(self) -> None:
        path = f'/servers/{ACTIVE}/remote-consoles'
        for token, status in (
            (service.MEMBER, 200),
            (service.ADMIN, 200),
            (service.READER, 403),
            (service.STRANGER, 404),
        ):
            answer = self.call('POST', path, CREATE, token)
            self.assertEqual(status, answer.status_int)

    def test_caller_that_nobody_checked_is_refused(self) -> None:
        request = webob.Request.blank(
            f'/servers/{ACTIVE}/remote-consoles',
            method='POST',
            headers={
                'X-User-Id': 'eve',
                'X-Project-Id': service.PROJECT,
                'X-Roles': 'admin',
                'X-Identity-Status': 'Confirmed',
                'X-OpenStack-Nova-API-Version': '2.31',
            },
            json=CREATE,
        )
        log = self.useFixture(fixtures.FakeLogger())
        answer = request.get_response(self.console_filter)
        self.assertEqual(401, answer.status_int)
        self.assertIn('not behind authtoken', log.output)

    def test_errors_have_the_form_of_the_api(self) -> None:
        answer = self.call(
            'POST', f'/servers/{ACTIVE}/remote-consoles', {'remote_console': 1}
        )
        self.assertEqual(400, answer.status_int)
        self.assertEqual(400, answer.json['badRequest']['code'])
        self.assertEqual(
            'compute 2.31', answer.headers['OpenStack-API-Version']
        )


class TokensOfNovaTest(FilterTestCase):
    """Tokens of both are good, before the filter is there and after it."""

    PATH = '/os-console-auth-tokens'

    def setUp(self) -> None:
        super().setUp()
        only_tokens = app.filter_factory(
            {}, config_file=str(self.file), only_tokens='true'
        )
        self.leaving = Checked(only_tokens(self.nova))

    def test_unknown_token_is_looked_up_by_nova(self) -> None:
        path = f'{self.PATH}/of-nova'
        answer = self.call('GET', path, token=service.SERVICE)
        self.assertTrue(self.passed_on(answer))
        self.assertEqual(f'GET /v2.1{path}', answer.headers['X-Seen'])

    def test_known_token_is_not(self) -> None:
        made = self.call('POST', f'/servers/{ACTIVE}/remote-consoles', CREATE)
        token = made.json['remote_console']['url'].rpartition('%3D')[2]
        answer = self.call(
            'GET', f'{self.PATH}/{token}', token=service.SERVICE
        )
        self.assertFalse(self.passed_on(answer))

    def test_who_may_not_look_up_here_does_not_get_to_nova(self) -> None:
        for token, version, status in (
            (service.MEMBER, '2.31', 403),
            (service.READER, '2.31', 403),
            (None, '2.31', 401),
            (service.SERVICE, '2.1', 400),
            (service.SERVICE, '2.999', 406),
        ):
            answer = self.call(
                'GET', f'{self.PATH}/of-nova', token=token, version=version
            )
            self.assertFalse(self.passed_on(answer), token)
            self.assertEqual(status, answer.status_int)

    def test_filter_that_leaves_makes_nothing(self) -> None:
        self.application = self.leaving
        for path, body in (
            (f'/servers/{ACTIVE}/remote-consoles', CREATE),
            (f'/servers/{ACTIVE}/action', {'os-getConsoleOutput': {}}),
        ):
            self.assertTrue(self.passed_on(self.call('POST', path, body)))

    def test_filter_that_leaves_knows_the_tokens_of_before(self) -> None:
        made = self.call('POST', f'/servers/{ACTIVE}/remote-consoles', CREATE)
        token = made.json['remote_console']['url'].rpartition('%3D')[2]
        self.application = self.leaving
        answer = self.call(
            'GET', f'{self.PATH}/{token}', token=service.SERVICE
        )
        self.assertEqual(ACTIVE, answer.json['console']['instance_uuid'])
        answer = self.call(
            'GET', f'{self.PATH}/of-nova', token=service.SERVICE
        )
        self.assertTrue(self.passed_on(answer))

    def test_only_tokens_is_true_or_false(self) -> None:
        with self.assertRaises(exception.ConfigurationError):
            app.filter_factory(
                {}, config_file=str(self.file), only_tokens='perhaps'
            )


class DisguisedTest(FilterTestCase):
    """What Nova takes for a request about consoles never gets to it."""

    PATH = f'/servers/{ACTIVE}/action'

    def refused(self, answer: webob.Response, status: int = 400) -> None:
        self.assertFalse(self.passed_on(answer))
        self.assertEqual(status, answer.status_int)

    def test_action_that_is_named_twice_is_refused(self) -> None:
        # Nova: the last one counts.
        for body in (
            b'{"os-getConsoleOutput": {}, "os-getConsoleOutput": {}}',
            b'{"os-getConsoleOutput": {"length": "x", "length": 1}}',
            b'{"os-getConsoleOutput": {}, "os-get\\u0043onsoleOutput": {}}',
        ):
            self.refused(self.call('POST', self.PATH, body))

    def test_action_in_json_that_is_none_is_refused(self) -> None:
        # Nova: 400, later, or as the version of its libraries has it.
        text = '{"os-getConsoleOutput": {"length": NaN}}'
        for encoding in ('utf-8', 'utf-8-sig', 'utf-16', 'utf-32'):
            answer = self.call('POST', self.PATH, text.encode(encoding))
            self.refused(answer)

    def test_action_with_escapes_is_answered_here(self) -> None:
        answer = self.call(
            'POST', self.PATH, b'{"os-get\\u0043onsoleOutput": {"length": 1}}'
        )
        self.assertEqual('third\n', answer.json['output'])

    def test_method_from_the_query_is_refused(self) -> None:
        # Nova: PUT ...?_method=POST is a POST.
        action = b'{"os-getConsoleOutput": {}}'
        for method, path, body in (
            ('PUT', f'{self.PATH}?_method=POST', action),
            ('PUT', f'{self.PATH}?a&_method=PUT&_method=post', action),
            ('GET', f'{self.PATH}?_method=post', action),
            (
                'PUT',
                f'/servers/{ACTIVE}/remote-consoles?_method=POST',
                json.dumps(CREATE).encode(),
            ),
            ('POST', '/os-console-auth-tokens/abc?_method=GET', None),
        ):
            self.refused(self.call(method, path, body))

    def test_line_break_behind_the_path_is_refused(self) -> None:
        # Nova's routes overlook it.
        for method, path, body in (
            ('POST', f'{self.PATH}%0A', b'{"os-getConsoleOutput": {}}'),
            (
                'POST',
                f'/servers/{ACTIVE}/remote-consoles%0A',
                json.dumps(CREATE).encode(),
            ),
            ('GET', '/os-console-auth-tokens/abc%0A', None),
            ('GET', '/os-console-auth-tokens/abc%0A%0A', None),
        ):
            for token in (service.MEMBER, service.SERVICE):
                answer = self.call(method, path, body, token=token)
                self.refused(answer, 404)
        answer = self.call('POST', f'{self.PATH}%0A', b'{"lock": 0}')
        self.assertTrue(self.passed_on(answer))

    def test_other_actions_keep_their_method_from_the_query(self) -> None:
        answer = self.call('PUT', f'{self.PATH}?_method=POST', b'{"lock": 0}')
        self.assertTrue(self.passed_on(answer))

    def test_action_that_is_too_long_to_look_at_is_refused(self) -> None:
        body = b'{"os-getConsoleOutput": {}}'
        self.refused(self.call('POST', self.PATH, body.ljust(114689)), 413)

    def test_limit_is_that_of_the_process(self) -> None:
        sizelimit.RequestBodySizeLimiter(self.nova, cfg.CONF)
        cfg.CONF.set_override(
            'max_request_body_size', 200_000, group='oslo_middleware'
        )
        body = b'{"lock": 0}'.ljust(200_000)
        self.assertTrue(
            self.passed_on(self.call('POST', self.PATH, body)),
        )
        self.refused(self.call('POST', self.PATH, body + b' '), 413)

    def test_body_without_a_length_is_looked_at(self) -> None:
        for body, status in (
            (b'{"os-getConsoleOutput": {"length": 1}}', 200),
            (b'{"os-getConsoleOutput": {}}'.ljust(114689), 413),
        ):
            request = webob.Request.blank(
                self.PATH,
                method='POST',
                content_type='application/json',
                headers={
                    'X-Auth-Token': service.MEMBER,
                    'Transfer-Encoding': 'chunked',
                },
            )
            # What the sizelimit filter leaves of a chunked body.
            request.body_file = io.BytesIO(body)
            self.assertIsNone(request.content_length)
            self.refused(request.get_response(self.application), status)


class GuideTest(base.TestCase):
    def test_filter_is_in_each_pipeline_in_front_of_nova(self) -> None:
        (text,) = (
            block
            for block in re.findall(
                r'code-block:: ini\n\n((?: +.*\n|\n)+)',
                (source.ROOT / 'doc/source/admin/beside-nova.rst').read_text(),
            )
            if 'pipeline_factory' in block
        )
        lines = re.findall(r'(?m)^ *keystone = (.*)$', text)
        self.assertEqual(2, len(lines))
        for line in lines:
            filters = line.split()
            self.assertEqual(
                ['console', 'osapi_compute_app_v21'], filters[-2:]
            )
            self.assertIn('authtoken', filters)


class OtherRequestsTest(FilterTestCase):
    def check(
        self, method: str, path: str, body: bytes | None = None
    ) -> webob.Response:
        answer = self.call(method, path, body)
        self.assertTrue(self.passed_on(answer), path)
        self.assertEqual(f'{method} /v2.1{path}', answer.headers['X-Seen'])
        self.assertEqual(body or b'', answer.body)
        return answer

    def test_whatever_is_not_about_consoles_is_passed_on(self) -> None:
        for method, path in (
            ('GET', '/servers'),
            ('GET', '/servers/detail?all_tenants=1&name=a%2Fb'),
            ('GET', f'/servers/{ACTIVE}'),
            ('DELETE', f'/servers/{ACTIVE}'),
            ('GET', f'/{service.PROJECT}/servers'),
            ('GET', f'/servers/{ACTIVE}/consoles'),
            ('PUT', f'/servers/{ACTIVE}/remote-consoles'),
            ('GET', f'/servers/{ACTIVE}/remote-consoles'),
            ('DELETE', '/os-console-auth-tokens/abc'),
            ('GET', f'/servers/{ACTIVE}/action'),
            ('POST', f'/servers/{ACTIVE}/remote-consoles?_method=PUT'),
            ('PUT', f'/servers/{ACTIVE}/remote-consoles?%5Fmethod=POST'),
            ('POST', f'/standalone/servers/{ACTIVE}/remote-consoles'),
            ('GET', ''),
            ('GET', '/'),
            ('GET', '/%FF%FE'),
        ):
            self.check(method, path)

    def test_routes_of_servers_are_not_among_our_own(self) -> None:
        own = {(route.method, route.path) for route in beside.OWN_ROUTES}
        self.assertEqual(
            {
                ('POST', '/servers/{server_id}/remote-consoles'),
                ('POST', routes.ACTION_PATH),
                ('GET', '/os-console-auth-tokens/{console_token}'),
            },
            own,
        )

    def test_other_actions_keep_their_body_to_the_byte(self) -> None:
        path = f'/servers/{ACTIVE}/action'
        for body in (
            b'{"reboot": {"type": "SOFT"}}',
            b'{ "reboot"\n:\t{"type" : "SOFT"} }\n',
            b'{"reboot": {}, "os-getVNCConsole": {"type": "novnc"}}',
            b'{"os-getVNCConsole": {"type": "novnc"}, "reboot": {}}',
            b'{"os-getVNCConsole": {}} // a comment',
            b'["os-getVNCConsole"]',
            b'"os-getVNCConsole"',
            b'null',
            b'{}',
            b'{"os-getVNCConsole": ',
            b'\xff\xfe\x00',
            b'{"os-getMKSConsole": {"type": "webmks"}}',
            b' ' * 114688,
            b'[' * 100000,
        ):
            self.check('POST', path, body)

    def test_body_of_5_mib_is_not_held_here(self) -> None:
        self.check('POST', '/servers', os.urandom(5 * 1024 * 1024))

    def test_what_cannot_be_an_action_of_ours_is_not_read(self) -> None:
        for changes in (
            {'CONTENT_LENGTH': '-1'},
            {'CONTENT_LENGTH': 'x'},
            {'CONTENT_LENGTH': ''},
            {'CONTENT_TYPE': 'application/xml'},
        ):
            with self.subTest(**changes):
                self._not_read(changes)

    def _not_read(self, changes: dict[str, str]) -> None:
        source = _Untouched()
        seen: list[object] = []

        def nova(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            seen.append(environ['wsgi.input'])
            start('200 OK', [])
            return []

        request = webob.Request.blank(
            f'/servers/{ACTIVE}/action',
            method='POST',
            content_type='application/json',
            headers={'X-Auth-Token': service.MEMBER},
        )
        request.environ |= {
            'CONTENT_LENGTH': '20',
            'wsgi.input': source,
            **changes,
        }
        request.get_response(Checked(self.make(nova)))
        self.assertEqual([source], seen)

    def test_body_that_trickles_in_is_whole(self) -> None:
        body = b'{"reboot": {"type": "SOFT"}}'
        answer = self._trickle(body)
        self.assertTrue(self.passed_on(answer))
        self.assertEqual(body, answer.body)
        answer = self._trickle(b'{"os-getConsoleOutput": {"length": 1}}')
        self.assertEqual('third\n', answer.json['output'])

    def _trickle(self, body: bytes) -> webob.Response:
        request = webob.Request.blank(
            f'/servers/{ACTIVE}/action',
            method='POST',
            content_type='application/json',
            headers={'X-Auth-Token': service.MEMBER},
        )
        request.environ['wsgi.input'] = _Trickle(body)
        request.environ['CONTENT_LENGTH'] = str(len(body))
        return request.get_response(self.application)

    def test_client_that_went_away_is_for_nova(self) -> None:
        request = webob.Request.blank(
            f'/servers/{ACTIVE}/action',
            method='POST',
            content_type='application/json',
            headers={'X-Auth-Token': service.MEMBER},
        )
        request.environ['wsgi.input'] = io.BytesIO(b'{"os-getVNC')
        request.environ['CONTENT_LENGTH'] = '40'
        answer = request.get_response(self.application)
        self.assertEqual(b'{"os-getVNC', answer.body)

    def test_error_of_nova_keeps_its_headers(self) -> None:
        answer = self.check('GET', '/servers/0')
        self.assertEqual(404, answer.status_int)
        self.assertEqual('application/octet-stream', answer.content_type)
        self.assertNotIn('X-Content-Type-Options', answer.headers)

    def test_nova_sees_whom_it_had_checked_itself(self) -> None:
        answer = self.call('GET', '/servers', token=None)
        self.assertTrue(self.passed_on(answer))


class SocketTest(FilterTestCase):
    """What only a real server and client can show."""

    def setUp(self) -> None:
        super().setUp()
        served = self.useFixture(listening.Listening(self.application))
        self.client = http.client.HTTPConnection(
            '127.0.0.1', served.port, timeout=DEADLINE
        )
        self.addCleanup(self.client.close)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> http.client.HTTPResponse:
        self.client.request(
            method,
            path,
            body,
            {
                'X-Auth-Token': service.MEMBER,
                'Content-Type': 'application/json',
                **headers,
            },
            encode_chunked=isinstance(body, Iterator),
        )
        return self.client.getresponse()

    def test_chunked_bodies_are_passed_on(self) -> None:
        parts = [b'{"lock"', b': {}}', b' ' * 100_000]
        for path in ('/servers', f'/servers/{ACTIVE}/action'):
            answer = self.ask(
                'POST', path, iter(parts), **{'Transfer-Encoding': 'chunked'}
            )
            self.assertEqual(b''.join(parts), answer.read())
            self.assertEqual('req-of-nova', answer.headers[_REQUEST_ID])

    def test_chunked_action_of_consoles_is_answered_here(self) -> None:
        answer = self.ask(
            'POST',
            f'/servers/{ACTIVE}/action',
            iter([b'{"os-getConsole', b'Output": {"length": 1}}']),
            **{'Transfer-Encoding': 'chunked'},
        )
        self.assertEqual({'output': 'third\n'}, json.loads(answer.read()))

    def test_head_is_passed_on(self) -> None:
        answer = self.ask('HEAD', f'/servers/{ACTIVE}')
        self.assertEqual(b'', answer.read())
        self.assertEqual(f'HEAD /servers/{ACTIVE}', answer.headers['X-Seen'])

    def test_connection_goes_on_after_either_kind(self) -> None:
        for _ in range(2):
            answer = self.ask('GET', '/servers')
            answer.read()
            self.assertEqual('req-of-nova', answer.headers[_REQUEST_ID])
            answer = self.ask(
                'POST',
                f'/servers/{ACTIVE}/action',
                json.dumps({'os-getConsoleOutput': {'length': 1}}),
            )
            self.assertEqual({'output': 'third\n'}, json.loads(answer.read()))


class StreamTest(FilterTestCase):
    """An answer of Nova is handed on while it is being made."""

    def nova(  # type: ignore[override]
        self, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return _Stream(self)

    def setUp(self) -> None:
        self.go_on = threading.Event()
        self.closed = threading.Event()
        super().setUp()

    def test_answer_is_not_held_back(self) -> None:
        served = self.useFixture(listening.Listening(self.application))
        client = http.client.HTTPConnection(
            '127.0.0.1', served.port, timeout=DEADLINE
        )
        self.addCleanup(client.close)
        client.request('GET', '/servers')
        answer = client.getresponse()
        self.assertEqual(b'first', answer.read(5))
        self.go_on.set()
        self.assertEqual(b'second', answer.read())
        self.assertTrue(self.closed.wait(DEADLINE))


_REQUEST_ID = 'X-Compute-Request-Id'


class _Stream:
    def __init__(self, test: StreamTest) -> None:
        self._test = test

    def __iter__(self) -> Iterator[bytes]:
        yield b'first'
        if self._test.go_on.wait(DEADLINE):
            yield b'second'

    def close(self) -> None:
        self._test.closed.set()


class _Untouched:
    def read(self, *size: int) -> bytes:
        raise AssertionError('the body was read')


class _Trickle:
    """Gives three bytes at a time, as a socket may."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self._body.read(min(size, 3) if size > 0 else size)
