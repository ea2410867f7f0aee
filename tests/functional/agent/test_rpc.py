# SPDX-License-Identifier: Apache-2.0
"""An agent and its client, on a bus in this process."""

import logging
import threading
from urllib import parse

import fixtures

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import rpcapi
from console_api.consoles import types
from console_api.servers import proofs
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_STOPPED = '00000000-0000-4000-8000-000000000004'
_HEADLESS = '00000000-0000-4000-8000-000000000013'
_UNKNOWN = '00000000-0000-4000-8000-000000009999'


class AgentTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole, agent={'rpc_timeout': 1}
            )
        )
        self.driver = self.service.agent.driver
        transport = rpc.get_transport(self.service.conf)
        self.addCleanup(transport.cleanup)
        self.agents = rpcapi.AgentAPI(
            self.service.conf,
            transport,
            proofs.HostProofs(self.service.database),
        )
        self.context = context.service_context()

    def _get(
        self, server_id: str = _SERVER, kind: str = 'novnc', host: str = 'here'
    ) -> rpcapi.IssuedConsole:
        return self.agents.get_console(self.context, host, server_id, kind)

    def _confirm(
        self,
        connect: types.ConnectInfo,
        server_id: str = _SERVER,
        kind: str = 'novnc',
    ) -> bool:
        return self.agents.confirm_console(
            self.context, 'here', server_id, kind, connect
        )

    def _output(self, server_id: str = _SERVER, size: int = 1000) -> str:
        return self.agents.get_console_output(
            self.context, 'here', server_id, size
        )

    def test_console_has_its_token_in_its_url(self) -> None:
        for kind in ('novnc', 'spice-html5', 'spice-direct', 'serial'):
            with self.subTest(kind=kind):
                issued = self._get(kind=kind)
                self.assertIn(
                    f'token={issued.token.reveal()}', parse.unquote(issued.url)
                )
                self.assertEqual(driver.ADDRESSES[kind], issued.connect)

    def test_each_console_has_a_token_of_its_own(self) -> None:
        made = {self._get().token.reveal() for _ in range(3)}
        self.assertEqual(3, len(made))

    def test_unknown_server(self) -> None:
        self.assertRaises(exception.InstanceNotFound, self._get, _UNKNOWN)

    def test_stopped_server(self) -> None:
        error = self.assertRaises(
            exception.InstanceInvalidState, self._get, _STOPPED
        )
        self.assertEqual(
            f"Cannot 'get_vnc_console' instance {_STOPPED} while it is in "
            'vm_state stopped',
            error.public_message,
        )

    def test_guest_without_the_device(self) -> None:
        self.assertRaises(
            exception.ConsoleTypeUnavailable, self._get, _HEADLESS
        )

    def test_type_that_is_switched_off(self) -> None:
        self.service.conf.set_override('enabled', False, group='vnc')
        self.assertRaises(exception.ConsoleTypeUnavailable, self._get)

    def test_types_that_no_agent_offers(self) -> None:
        for kind in ('xvpvnc', 'rdp-html5', 'nonsense', ''):
            with self.subTest(kind=kind):
                self.assertRaises(
                    exception.ConsoleTypeInvalid, self._get, kind=kind
                )

    def test_host_without_an_agent(self) -> None:
        error = self.assertRaises(
            exception.HostUnavailable, self._get, host='nowhere'
        )
        self.assertEqual((_SERVER,), error.args)

    def test_host_without_an_agent_is_in_the_log(self) -> None:
        # With all that both sides must have in common.
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        self.assertRaises(exception.HostUnavailable, self._get, host='nowhere')
        (line,) = log.output.splitlines()
        for fact in (
            'the agent of nowhere',
            'topic console_agent.nowhere,',
            f'exchange {self.service.conf.rpc_exchange},',
            'virtual host /.',
        ):
            self.assertIn(fact, line)

    def test_agent_that_is_late(self) -> None:
        going_on = threading.Event()
        self.addCleanup(going_on.set)
        self.driver.interfere = lambda server_id: going_on.wait(60)
        self.assertRaises(exception.HostUnavailable, self._get)

    def test_address_is_confirmed(self) -> None:
        self.assertIs(True, self._confirm(driver.ADDRESSES['novnc']))

    def test_other_addresses_are_not(self) -> None:
        for connect in (
            types.ConnectInfo('127.0.0.1', 5999),
            types.ConnectInfo('127.0.0.2', 5900),
            types.ConnectInfo('127.0.0.1', 5900, tls_port=5902),
            types.ConnectInfo('127.0.0.1', 5900, internal_access_path='x'),
        ):
            with self.subTest(connect=connect):
                self.assertIs(False, self._confirm(connect))

    def test_address_of_another_type_is_not_confirmed(self) -> None:
        self.assertIs(
            False, self._confirm(driver.ADDRESSES['serial'], kind='novnc')
        )

    def test_nothing_of_a_guest_that_is_gone_is_confirmed(self) -> None:
        self.driver.gone.add(_SERVER)
        self.assertIs(False, self._confirm(driver.ADDRESSES['novnc']))

    def test_nothing_of_a_stopped_guest_is_confirmed(self) -> None:
        self.assertIs(
            False, self._confirm(driver.ADDRESSES['novnc'], _STOPPED)
        )

    def test_driver_that_cannot_tell_is_not_a_no(self) -> None:
        def fail(server_id: str) -> None:
            raise exception.HostUnavailable(server_id)

        self.driver.interfere = fail
        self.assertRaises(
            exception.HostUnavailable,
            self._confirm,
            driver.ADDRESSES['novnc'],
        )

    def test_output_is_clean_text(self) -> None:
        self.driver.log = b'a\x00\xff\x1b[1m\r\nb'
        self.assertEqual('a\ufffd[1m\nb', self._output())

    def test_output_is_its_end(self) -> None:
        self.driver.log = b'0123456789'
        self.assertEqual('789', self._output(size=3))

    def test_no_output(self) -> None:
        self.assertRaises(
            exception.ConsoleNotAvailable, self._output, _HEADLESS
        )
