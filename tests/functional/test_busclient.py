# SPDX-License-Identifier: Apache-2.0
"""Calls over RabbitMQ get over connections that are broken for good."""

import oslo_messaging

from console_api import busclient
from console_api import calls
from console_api import context
from console_api import rpc
from tests import base
from tests.fixtures import bus
from tests.fixtures import parts
from tests.fixtures import processes

_TOPIC = 'topic'
_TIMEOUT = 30


class _Endpoint:
    def ping(self, ctxt: object) -> str:
        del ctxt
        return 'pong'


class BrokenTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq')
        # Registers the option.
        oslo_messaging.get_rpc_transport(self.conf, url='fake://')
        self.config(transport_url=self.useFixture(bus.RabbitMQ()).url)
        server = rpc.get_server(
            self._transport(), _TOPIC, 'here', [_Endpoint()]
        )
        server.start()
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        self.transport = self._transport()
        self.client = busclient.Client(self.transport, _TOPIC, '1.0')
        self.addCleanup(self.client.close)
        self.calls = calls.Calls(self.client.watch)

    def _transport(self) -> oslo_messaging.Transport:
        transport = rpc.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        return transport

    def _ping(self) -> object:
        client = self.client.prepare(timeout=_TIMEOUT)
        return self.calls.run(
            lambda: client.call(context.service_context(), 'ping'), _TIMEOUT
        )

    def _is_answered(self) -> bool:
        try:
            return self._ping() == 'pong'
        except oslo_messaging.MessageDeliveryFailure:
            return False

    def _break(self) -> None:
        """Leave a connection in the pool that was closed."""
        with self.transport._driver._get_connection() as connection:
            connection.connection.close()

    def test_broken_connection_is_replaced(self) -> None:
        self.assertEqual('pong', self._ping())
        self._break()
        processes.wait_for(self._is_answered, 'no answer any more')
        # From now on none is lost.
        self.assertEqual(['pong'] * 9, [self._ping() for _ in range(9)])

    def test_call_of_nobody_ends_at_once(self) -> None:
        client = self.client.prepare(topic='elsewhere', timeout=_TIMEOUT)
        # As often as there may be something left of the one before.
        for _ in range(3):
            self.assertRaises(
                oslo_messaging.MessageDeliveryFailure,
                self.calls.run,
                lambda: client.call(context.service_context(), 'ping'),
                _TIMEOUT,
            )
            self.assertEqual('pong', self._ping())

    def test_answer_under_way_arrives_while_others_are_made(self) -> None:
        before = self.client.prepare(timeout=_TIMEOUT)
        self.client.renew()
        self.assertEqual('pong', self._ping())
        answer = before.call(context.service_context(), 'ping')
        self.assertEqual('pong', answer)
