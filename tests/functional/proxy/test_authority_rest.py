# SPDX-License-Identifier: Apache-2.0
"""Tokens that a Nova knows, looked up through its API."""

import logging
import time
import uuid

import fixtures
import webob

from console_api import exception
from console_api.proxy import authority
from console_api.proxy import authority_rest
from tests import base
from tests.fixtures import nova_stub
from tests.functional.proxy import harness

TOKEN = '2f0b1c0e-7a1d-4d56-8a55-0c6fbd1ab1b6'
SERVER = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'


class RestLookupTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.stub = self.useFixture(nova_stub.NovaStub())
        self.know()
        self.conf = self.stub.configuration()

    def know(self, **facts: object) -> None:
        facts = {'port': 5900, 'instance_uuid': SERVER, **facts}
        kind = 'spice-direct' if 'tls_port' in facts else 'novnc'
        self.stub.add_console(TOKEN, kind=kind, **facts)

    def test_tokens_for_one_session_are_refused_at_the_start(self) -> None:
        self.conf.set_override('token_use', 'single', group='consoleauth')
        self.assertRaisesRegex(
            exception.ConfigurationError,
            'token_use = single does not go with',
            self.lookup,
        )

    def lookup(self) -> authority_rest.RestLookup:
        return authority_rest.RestLookup(self.conf)

    def test_grant_says_where_the_console_listens(self) -> None:
        grant = self.lookup()(TOKEN)
        self.assertEqual(SERVER, grant.server_id)
        self.assertEqual(
            ('127.0.0.1', 5900, None, None),
            (
                grant.connect.host,
                grant.connect.port,
                grant.connect.internal_access_path,
                grant.connect.tls_port,
            ),
        )

    def test_type_is_the_one_of_the_proxy(self) -> None:
        for name in ('novnc', 'spice-html5', 'serial', 'webmks'):
            self.stub.guests[SERVER, name] = self.stub.consoles[TOKEN]
            self.conf.set_override('rest_console_type', name, group='proxy')
            self.assertEqual(name, self.lookup()(TOKEN).console_type)

    def test_token_is_taken_to_be_new(self) -> None:
        self.conf.set_override('token_ttl', 1000, group='consoleauth')
        before = int(time.time())
        expires = self.lookup()(TOKEN).expires_at
        self.assertLessEqual(before + 1000, expires)
        self.assertLessEqual(expires, int(time.time()) + 1000)

    def test_newest_version_has_the_tls_port(self) -> None:
        self.know(tls_port=5901)
        self.assertEqual(5901, self.lookup()(TOKEN).connect.tls_port)

    def test_console_with_a_tls_port_is_spice_direct(self) -> None:
        for port in (5901, None):
            self.know(tls_port=port)
            self.assertEqual('spice-direct', self.lookup()(TOKEN).console_type)

    def test_older_nova_is_asked_as_it_understands(self) -> None:
        self.stub.max_version = (2, 95)
        lookup = self.lookup()
        for _ in range(2):
            self.assertEqual(5900, lookup(TOKEN).connect.port)
        self.assertEqual(['2.99', '2.31', '2.31'], self.versions())

    def versions(self) -> list[str]:
        """The microversions that Nova was asked at for the token."""
        return [
            request.headers['X-OpenStack-Nova-API-Version']
            for request in self.stub.asked
            if request.path.endswith(TOKEN)
        ]

    def test_nova_that_was_upgraded_is_asked_as_it_understands(self) -> None:
        self.stub.max_version = (2, 95)
        lookup = authority_rest.RestLookup(self.conf, age=0.0)
        lookup(TOKEN)
        self.stub.max_version = (2, 104)
        self.know(tls_port=5901)
        self.assertEqual(5901, lookup(TOKEN).connect.tls_port)
        self.assertEqual(['2.99', '2.31', '2.99'], self.versions())

    def test_unknown_token_is_not_found(self) -> None:
        with self.assertRaises(exception.TokenNotFound):
            self.lookup()(str(uuid.uuid4()))
        self.assertEqual('', self.log.output)

    def test_what_names_another_path_is_not_asked_for(self) -> None:
        lookup = self.lookup()
        for token in ('..', '.', '', 'a/b', 'a?b', 'a%2fb', 'a\n', 'x' * 256):
            with self.assertRaises(exception.TokenNotFound):
                lookup(token)
        self.assertEqual([], self.stub.asked)

    def refused(self, lookup: authority_rest.RestLookup) -> None:
        with self.assertRaises(exception.HostUnavailable):
            lookup(TOKEN)
        self.assertNotIn(TOKEN, self.log.output)

    def test_operator_learns_what_the_user_lacks(self) -> None:
        for status in (401, 403):
            self.stub.answer = webob.Response(status=status)
            self.refused(self.lookup())
            self.assertIn(f'Nova answered {status}', self.log.output)
        self.assertIn('os_compute_api:os-console-auth-tokens', self.log.output)

    def test_failing_nova_is_no_unknown_token(self) -> None:
        lookup = self.lookup()
        for status in (204, 300, 400, 406, 500, 503):
            self.stub.answer = webob.Response(status=status)
            self.refused(lookup)

    def test_malformed_answers_are_refused(self) -> None:
        lookup = self.lookup()
        malformed = {
            'instance_uuid': (None, 5, '', 'x', [], 'a' * 40),
            'host': (None, 5, '', 'a b', 'a\r\nb', '-a', 'x' * 256, {}),
            'port': (None, 0, -1, 65536, '5900', 5900.0, True, []),
            'internal_access_path': (5, 'a b', 'a\r\nb', 'x' * 256, ['a']),
            'tls_port': (0, 65536, '5901', True),
        }
        for name, values in malformed.items():
            for value in values:
                with self.subTest(name, value=value):
                    self.know(**{name: value})
                    self.refused(lookup)
        for document in ('[]', '{}', '{"console": []}', 'null', '"x"'):
            with self.subTest(document):
                self.stub.answer = webob.Response(document)
                self.refused(lookup)

    def test_addresses_are_taken_as_hypervisors_write_them(self) -> None:
        lookup = self.lookup()
        for host in ('10.0.0.1', '::1', 'fe80::1%1', 'compute_1.example.com'):
            self.know(host=host)
            self.assertEqual(host, lookup(TOKEN).connect.host)

    def test_missing_user_stops_the_start(self) -> None:
        self.conf.clear_override('auth_type', group='nova')
        with self.assertRaises(exception.ConfigurationError):
            self.lookup()


class RestProxyTest(harness.ProxyTestCase):
    """A whole session with a token of Nova's."""

    def setUp(self) -> None:
        super().setUp()
        self.stub = self.useFixture(nova_stub.NovaStub())

    async def with_nova(self) -> None:
        asked = authority.ThreadedAuthority(
            authority_rest.RestLookup(self.stub.configuration())
        )
        self.addCleanup(asked.close)
        self.authority = asked  # type: ignore[assignment]
        self.stub.add_console(TOKEN, await self.backend(harness.rfb_echo))
        # What the client of Nova keeps open is not the proxy's.
        await asked.authorize(TOKEN)
        self.descriptors = harness.count_descriptors()
        await self.start_proxy()

    async def test_token_of_nova_opens_a_session(self) -> None:
        await self.with_nova()
        async with self.connect(token=TOKEN) as ws:
            await harness.rfb_open(ws)
            await ws.send(b'a key')
            self.assertEqual(b'a key', await harness.receive(ws, 5))

    async def test_page_with_a_token_that_nova_refuses_is_told(self) -> None:
        await self.with_nova()
        self.assertEqual(4001, await self.refusal(token='unknown'))

    async def test_page_is_told_that_nova_does_not_answer(self) -> None:
        await self.with_nova()
        self.stub.answer = webob.Response(status=503)
        self.assertEqual(4002, await self.refusal(token=TOKEN))
