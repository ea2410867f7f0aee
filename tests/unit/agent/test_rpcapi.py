# SPDX-License-Identifier: Apache-2.0
"""What a hostile agent may answer."""

import copy
from typing import Any

import fixtures
import oslo_messaging
from oslo_messaging import conffixture

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import rpcapi
from console_api.consoles import types
from tests import base
from tests.unit import test_hostnames

_GOOD = {
    'token': 'A' * 43,
    'url': 'http://proxy:6080/vnc_auto.html?path=%3Ftoken%3D' + 'A' * 43,
    'connect': {
        'host': '127.0.0.1',
        'port': 5900,
        'internal_access_path': None,
        'tls_port': None,
    },
}


class Answering:
    """A client of the bus behind which an agent answers always the same."""

    watch = None

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def can_send_version(self, version: str) -> bool:
        del version
        return True

    def prepare(self, **target: Any) -> 'Answering':
        self.target = target
        return self

    def call(self, ctxt: object, method: str, **arguments: Any) -> Any:
        self.calls.append((method, arguments))
        return self.answer


class _ApiTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.context = context.service_context()

    def _transport(self) -> oslo_messaging.Transport:
        """The bus inside the process; nothing is sent there."""
        bus = self.useFixture(conffixture.ConfFixture(self.conf))
        bus.transport_url = 'fake://'
        transport = rpc.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        return transport

    def _api(self, answer: Any) -> rpcapi.AgentAPI:
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.busclient.Client',
                lambda *ignored: Answering(answer),
            )
        )
        return rpcapi.AgentAPI(self.conf, self._transport())


class HostTest(_ApiTest):
    """Whoever knows the servers may name any host."""

    def test_no_other_queue_is_reached_by_the_name_of_a_host(self) -> None:
        client = Answering(_GOOD)
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.busclient.Client', lambda *ignored: client
            )
        )
        api = rpcapi.AgentAPI(self.conf, self._transport())
        where = types.ConnectInfo('127.0.0.1', 5900)
        for call, *arguments in (
            (api.get_console, 'novnc'),
            (api.confirm_console, 'novnc', where),
            (api.enter_console, 'novnc', where),
            (api.get_console_output, 100),
        ):
            for host in (*test_hostnames.FOREIGN, *test_hostnames.ODD):
                with self.subTest(call.__name__, host=host):
                    self.assertRaises(
                        exception.HostUnavailable,
                        *(call, self.context, host, 'id', *arguments),
                    )
        self.assertEqual([], client.calls)


class GetConsoleTest(_ApiTest):
    def _get(self, answer: Any) -> rpcapi.IssuedConsole:
        return self._api(answer).get_console(
            self.context, 'here', 'id', 'novnc'
        )

    def _with(self, **changed: Any) -> Any:
        answer = copy.deepcopy(_GOOD)
        for name, value in changed.items():
            if name in answer['connect']:
                answer['connect'][name] = value
            else:
                answer[name] = value
        return answer

    def _assert_refused(self, answer: Any) -> None:
        with self.assertRaises(rpcapi.MalformedAnswer) as caught:
            self._get(answer)
        self.assertLess(len(str(caught.exception)), 100)
        self.assertNotIn('A' * 43, str(caught.exception))

    def test_good_answer(self) -> None:
        issued = self._get(_GOOD)
        self.assertEqual('A' * 43, issued.token.reveal())
        self.assertEqual(_GOOD['url'], issued.url)
        self.assertEqual(types.ConnectInfo('127.0.0.1', 5900), issued.connect)

    def test_good_answer_with_all_there_is(self) -> None:
        issued = self._get(
            self._with(
                host='fe80::1%eth0', tls_port=5901, internal_access_path='a/b'
            )
        )
        self.assertEqual(
            types.ConnectInfo('fe80::1%eth0', 5900, 'a/b', 5901),
            issued.connect,
        )

    def test_secret_is_not_shown(self) -> None:
        self.assertNotIn('A' * 43, repr(self._get(_GOOD)))

    def test_unknown_values_of_a_newer_agent_are_left(self) -> None:
        self._get(self._with(colour='red'))

    def test_what_is_no_answer(self) -> None:
        for answer in (None, [], 'x', 7, {}, {'connect': None}):
            with self.subTest(answer=answer):
                self._assert_refused(answer)

    def test_missing_values(self) -> None:
        for name in _GOOD:
            answer = copy.deepcopy(_GOOD)
            del answer[name]
            with self.subTest(name=name):
                self._assert_refused(answer)

    def test_ports_that_are_none(self) -> None:
        for name in ('port', 'tls_port'):
            for value in (0, -1, 65536, 10**30, '5900', 5900.0, True, [1]):
                with self.subTest(name=name, value=value):
                    self._assert_refused(self._with(**{name: value}))

    def test_port_is_needed(self) -> None:
        self._assert_refused(self._with(port=None))

    def test_hosts_that_are_none(self) -> None:
        for value in (
            None,
            '',
            7,
            'a b',
            'a/b',
            'a@b',
            'a\n',
            '127.0.0.1\r\nEvil: 1',
            '-oProxyCommand=x',
            '/run/socket',
            'h' * 256,
            'hÖst',
        ):
            with self.subTest(value=value):
                self._assert_refused(self._with(host=value))

    def test_paths_that_are_none(self) -> None:
        for value in (7, '', 'a b', 'a\r\nEvil: 1', 'x' * 256, 'ä'):
            with self.subTest(value=value):
                self._assert_refused(self._with(internal_access_path=value))

    def test_urls_that_are_none(self) -> None:
        for value in (
            None,
            7,
            '',
            'proxy:6080/',
            'javascript:alert(1)',
            'http://h/\nx',
            'http://h/ x',
            'http://h/' + 'x' * 2048,
        ):
            with self.subTest(value=value):
                self._assert_refused(self._with(url=value))

    def test_tokens_that_are_none(self) -> None:
        for value in (
            None,
            7,
            '',
            'short',
            'A' * 256,
            'A' * 30 + '\n',
            'é' * 40,
        ):
            with self.subTest(value=value):
                self._assert_refused(self._with(token=value))


class ConfirmConsoleTest(_ApiTest):
    def _confirm(self, answer: Any) -> bool:
        return self._api(answer).confirm_console(
            self.context,
            'here',
            'id',
            'novnc',
            types.ConnectInfo('127.0.0.1', 5900),
        )

    def test_yes_and_no(self) -> None:
        self.assertIs(True, self._confirm(True))
        self.assertIs(False, self._confirm(False))

    def test_anything_else_is_not_a_yes(self) -> None:
        for answer in ('false', 'true', 1, [0], {'a': 1}, None):
            with self.subTest(answer=answer):
                self.assertRaises(
                    rpcapi.MalformedAnswer, self._confirm, answer
                )


class EnterConsoleTest(_ApiTest):
    def _enter(self, answer: Any) -> rpcapi.Entry:
        return self._api(answer).enter_console(
            self.context,
            'here',
            'id',
            'novnc',
            types.ConnectInfo('127.0.0.1', 5900),
        )

    def test_password_comes_with_the_yes_and_is_hidden(self) -> None:
        found = self._enter({'confirmed': True, 'secret': 'geheim'})
        assert found.secret is not None
        self.assertTrue(found.confirmed)
        self.assertEqual('geheim', found.secret.reveal())
        self.assertNotIn('geheim', repr(found))

    def test_there_may_be_no_password(self) -> None:
        self.assertEqual(
            rpcapi.Entry(False),
            self._enter({'confirmed': False, 'secret': None}),
        )

    def test_anything_else_is_refused(self) -> None:
        for answer in (
            True,
            None,
            [],
            {},
            {'confirmed': 1},
            {'confirmed': 'true'},
            {'secret': 'x'},
            {'confirmed': True, 'secret': 7},
            {'confirmed': True, 'secret': 'x' * 256},
        ):
            with self.subTest(answer=answer):
                self.assertRaises(rpcapi.MalformedAnswer, self._enter, answer)


class FirstReleaseTest(_ApiTest):
    """An agent that refuses 1.1, and confirms consoles."""

    def setUp(self) -> None:
        super().setUp()
        self.api = self._api(True)
        self.error: Exception = oslo_messaging.RemoteError(
            'UnsupportedVersion', '1.1', []
        )
        client = self.api._client
        call = client.call

        def refuse(ctxt: object, method: str, **arguments: Any) -> Any:
            answer = call(ctxt, method, **arguments)
            if method == 'enter_console':
                raise self.error
            return answer

        client.call = refuse

    def _enter(self, host: str) -> rpcapi.Entry:
        return self.api.enter_console(
            self.context,
            host,
            'id',
            'novnc',
            types.ConnectInfo('127.0.0.1', 5900),
        )

    def _asked(self) -> list[str]:
        return [method for method, _ in self.api._client.calls]

    def test_refusal_leads_to_an_entry_without_password(self) -> None:
        self.assertEqual(rpcapi.Entry(True), self._enter('here'))

    def test_refusal_of_a_host_is_remembered(self) -> None:
        self._enter('here')
        self._enter('here')
        self.assertEqual(
            ['enter_console', 'confirm_console', 'confirm_console'],
            self._asked(),
        )
        self._enter('there')
        self.assertEqual(
            ['enter_console', 'confirm_console'], self._asked()[3:]
        )

    def test_other_error_is_none_of_an_old_agent(self) -> None:
        self.error = oslo_messaging.RemoteError('KeyError', 'x', [])
        for _ in range(2):
            self.assertRaises(oslo_messaging.RemoteError, self._enter, 'here')
        self.assertEqual(2 * ['enter_console'], self._asked())


class GetConsoleOutputTest(_ApiTest):
    def _get(self, answer: Any) -> str:
        return self._api(answer).get_console_output(
            self.context, 'here', 'id', 10
        )

    def test_text(self) -> None:
        self.assertEqual('0123456789', self._get('0123456789'))

    def test_more_than_was_asked_for(self) -> None:
        self.assertRaises(rpcapi.MalformedAnswer, self._get, '0123456789a')

    def test_what_is_no_text(self) -> None:
        for answer in (None, 7, ['x'], {'a': 1}):
            with self.subTest(answer=answer):
                self.assertRaises(rpcapi.MalformedAnswer, self._get, answer)
