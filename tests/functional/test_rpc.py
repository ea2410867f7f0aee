# SPDX-License-Identifier: Apache-2.0
"""What the transports of one process do to each other."""

from collections.abc import Callable
from concurrent import futures
import time

import oslo_messaging

from console_api import context
from console_api import rpc
from console_api.api import health
from tests import base

_PATIENCE = 30


class _Endpoint:
    def ping(self, ctxt: object) -> str:
        del ctxt
        return 'pong'


class OneBusTest(base.TestCase):
    """Calls on the bus inside the process outlive what others do there."""

    def test_no_notifier_is_made(self) -> None:
        self._check(
            lambda: self.assertIsNone(
                rpc.get_notifier(self.conf, 'here', ['topic'])
            )
        )

    def test_health_check_is_made(self) -> None:
        self._check(lambda: health.BusCheck(self.conf, {}))

    def _check(self, act: Callable[[], object]) -> None:
        # Registers the option.
        oslo_messaging.get_rpc_transport(self.conf, url='fake://')
        self.conf.set_override('transport_url', 'fake://')
        transport = rpc.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        client = rpc.get_client(transport, 'topic', '1.0')
        with futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(
                client.prepare(timeout=_PATIENCE).call,
                context.service_context(),
                'ping',
            )
            self._wait_until_sent(transport)
            act()
            server = rpc.get_server(transport, 'topic', 'here', [_Endpoint()])
            server.start()
            self.addCleanup(server.wait)
            self.addCleanup(server.stop)
            self.assertEqual('pong', answer.result(_PATIENCE))

    def _wait_until_sent(self, transport: oslo_messaging.Transport) -> None:
        exchanges = transport._driver._exchange_manager
        exchange = exchanges.get_exchange(self.conf.rpc_exchange)
        deadline = time.monotonic() + _PATIENCE
        while not exchange._get_topic_queue('topic'):
            self.assertLess(time.monotonic(), deadline, 'nothing was sent')
            time.sleep(0.01)
