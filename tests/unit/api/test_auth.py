# SPDX-License-Identifier: Apache-2.0
from typing import Any

import webob

from console_api import context as console_context
from console_api.api import auth
from tests import base


class Inner:
    """The application behind a filter; keeps who the caller was."""

    context: console_context.RequestContext | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.context = environ[auth.CONTEXT]
        start_response('200 OK', [])
        return []


class NoAuthTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.inner = Inner()

    def _call(self, *allowed: str, **environ: str) -> webob.Response:
        request = webob.Request.blank('/', environ)
        return request.get_response(auth.NoAuthContext(self.inner, allowed))

    def _caller(self, token: str | None) -> tuple[Any, ...]:
        environ = {} if token is None else {'HTTP_X_AUTH_TOKEN': token}
        self.assertEqual(200, self._call(**environ).status_int)
        caller = self.inner.context
        return caller.user_id, caller.project_id, set(caller.roles)

    def test_nobody_is_an_admin(self) -> None:
        self.assertEqual(
            (
                'standalone',
                'standalone',
                {'admin', 'manager', 'member', 'reader'},
            ),
            self._caller(None),
        )

    def test_word_is_an_admin_of_that_name(self) -> None:
        user, project, roles = self._caller('notused')
        self.assertEqual(('notused', 'standalone'), (user, project))
        self.assertIn('admin', roles)

    def test_empty_token_is_an_admin(self) -> None:
        self.assertIn('admin', self._caller('')[2])

    def test_user_and_project_are_a_member(self) -> None:
        self.assertEqual(
            ('alice', 'p1', {'member', 'reader'}), self._caller('alice:p1')
        )

    def test_roles_are_named(self) -> None:
        self.assertEqual(
            ('alice', 'p1', {'reader', 'service'}),
            self._caller('alice:p1:reader, service'),
        )

    def test_role_implies_lower_ones(self) -> None:
        self.assertEqual(
            {'manager', 'member', 'reader'},
            self._caller('alice:p1:manager')[2],
        )

    def test_no_roles(self) -> None:
        self.assertEqual(set(), self._caller('eve:p1:')[2])

    def test_token_itself_is_not_kept(self) -> None:
        self._call(HTTP_X_AUTH_TOKEN='alice:p1')
        self.assertIsNone(self.inner.context.auth_token)

    def test_headers_of_keystone_count_for_nothing(self) -> None:
        self._call(
            HTTP_X_AUTH_TOKEN='alice:p1:reader',
            HTTP_X_ROLES='admin',
            HTTP_X_USER_ID='root',
            HTTP_X_PROJECT_ID='p2',
        )
        self.assertEqual('alice', self.inner.context.user_id)
        self.assertEqual('p1', self.inner.context.project_id)
        self.assertNotIn('admin', self.inner.context.roles)

    def test_own_host_may_call(self) -> None:
        for address in ('127.0.0.1', '127.8.9.1', '::1'):
            with self.subTest(address=address):
                answer = self._call(REMOTE_ADDR=address)
                self.assertEqual(200, answer.status_int)

    def test_other_hosts_may_not(self) -> None:
        for address in ('192.0.2.1', '10.0.0.1', '2001:db8::1', 'nonsense'):
            with self.subTest(address=address):
                answer = self._call(REMOTE_ADDR=address)
                self.assertEqual(401, answer.status_int)
                self.assertEqual(401, answer.json['unauthorized']['code'])

    def test_unix_socket_may_call(self) -> None:
        self.assertEqual(200, self._call(REMOTE_ADDR='').status_int)

    def test_other_hosts_may_not_through_a_proxy(self) -> None:
        for forwarded in ('192.0.2.1', '127.0.0.1, 192.0.2.1', 'unknown'):
            with self.subTest(forwarded=forwarded):
                answer = self._call(
                    REMOTE_ADDR='127.0.0.1', HTTP_X_FORWARDED_FOR=forwarded
                )
                self.assertEqual(401, answer.status_int)

    def test_other_hosts_may_not_say_that_they_are_here(self) -> None:
        answer = self._call(
            REMOTE_ADDR='192.0.2.1', HTTP_X_FORWARDED_FOR='127.0.0.1'
        )
        self.assertEqual(401, answer.status_int)

    def test_own_names_may_be_called(self) -> None:
        for host in ('127.0.0.1:8774', '[::1]:8774', 'localhost', ''):
            with self.subTest(host):
                answer = self._call(REMOTE_ADDR='127.0.0.1', HTTP_HOST=host)
                self.assertEqual(200, answer.status_int)

    def test_foreign_names_may_not_be_called(self) -> None:
        # A page whose name an attacker has made to lead to this host.
        for host in ('evil.example:8774', '127.0.0.1.evil.example', '[::2]'):
            with self.subTest(host):
                answer = self._call(REMOTE_ADDR='127.0.0.1', HTTP_HOST=host)
                self.assertEqual(401, answer.status_int)

    def test_foreign_names_may_not_be_called_on_a_unix_socket(self) -> None:
        answer = self._call(REMOTE_ADDR='', HTTP_HOST='evil.example')
        self.assertEqual(401, answer.status_int)

    def _page(self, *allowed: str, **headers: str) -> int:
        """The answer to a browser on this host that asks for a page."""
        values = {'HTTP_HOST': '127.0.0.1:8774', **headers}
        answer = self._call(*allowed, REMOTE_ADDR='127.0.0.1', **values)
        if answer.status_int != 200:
            self.assertIsNone(self.inner.context)
        return answer.status_int

    def test_pages_of_other_sites_may_not_call(self) -> None:
        for origin in (
            'https://evil.example',
            'null',
            '',
            'http://127.0.0.1:8080',
            'https://127.0.0.1:8774',
            'http://localhost:8774',
            'http://127.0.0.1:8774.evil.example',
            'http://127.0.0.1:8774, https://evil.example',
        ):
            for site in ({}, {'HTTP_SEC_FETCH_SITE': 'same-origin'}):
                with self.subTest(origin=origin, **site):
                    status = self._page(HTTP_ORIGIN=origin, **site)
                    self.assertEqual(403, status)

    def test_pages_without_an_origin_may_not_call_from_elsewhere(self) -> None:
        for site in ('cross-site', 'same-site', 'nonsense', ''):
            with self.subTest(site=site):
                status = self._page(HTTP_SEC_FETCH_SITE=site)
                self.assertEqual(403, status)

    def test_own_pages_may_call(self) -> None:
        own = 'http://127.0.0.1:8774'
        for headers in (
            {'HTTP_ORIGIN': own},
            {'HTTP_ORIGIN': own, 'HTTP_SEC_FETCH_SITE': 'same-origin'},
            {'HTTP_SEC_FETCH_SITE': 'same-origin'},
        ):
            with self.subTest(**headers):
                self.assertEqual(200, self._page(**headers))

    def test_user_may_open_an_address(self) -> None:
        self.assertEqual(200, self._page(HTTP_SEC_FETCH_SITE='none'))

    def test_sites_that_the_operator_names_may_call(self) -> None:
        allowed = 'https://dashboard.example.com'
        headers = {
            'HTTP_ORIGIN': allowed,
            'HTTP_SEC_FETCH_SITE': 'cross-site',
        }
        self.assertEqual(200, self._page('x', allowed, **headers))
        self.assertEqual(200, self._page('*', **headers))

    def test_site_of_another_name_may_not(self) -> None:
        allowed = 'https://dashboard.example.com'
        for origin in (f'{allowed}.evil.example', f'{allowed}:8443'):
            with self.subTest(origin=origin):
                status = self._page(allowed, HTTP_ORIGIN=origin)
                self.assertEqual(403, status)

    def test_forwarded_header_is_not_trusted(self) -> None:
        answer = self._call(
            REMOTE_ADDR='127.0.0.1', HTTP_FORWARDED='for=127.0.0.1'
        )
        self.assertEqual(401, answer.status_int)


class KeystoneTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.inner = Inner()

    def _call(self, **environ: str) -> webob.Response:
        request = webob.Request.blank('/', environ)
        return request.get_response(auth.KeystoneContext(self.inner))

    def test_caller_is_taken_from_the_headers(self) -> None:
        self._call(
            HTTP_X_USER_ID='u', HTTP_X_PROJECT_ID='p', HTTP_X_ROLES='a,b'
        )
        self.assertEqual('u', self.inner.context.user_id)
        self.assertEqual('p', self.inner.context.project_id)
        self.assertEqual(['a', 'b'], self.inner.context.roles)

    def test_scope_is_taken_from_the_headers(self) -> None:
        self._call(HTTP_X_USER_ID='u', HTTP_OPENSTACK_SYSTEM_SCOPE='all')
        self.assertEqual('all', self.inner.context.system_scope)

    def test_nobody_is_refused(self) -> None:
        answer = self._call()
        self.assertEqual(401, answer.status_int)
        self.assertEqual(401, answer.json['unauthorized']['code'])
        self.assertIsNone(self.inner.context)


class IsLoopbackTest(base.TestCase):
    def test_name(self) -> None:
        self.assertTrue(auth.is_loopback('localhost'))

    def test_any_address_is_not(self) -> None:
        for address in ('0.0.0.0', '::', '', 'example.com', '127.0.0.1.evil'):
            with self.subTest(address=address):
                self.assertFalse(auth.is_loopback(address))
