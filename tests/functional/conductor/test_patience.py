# SPDX-License-Identifier: Apache-2.0
"""Conductors that take long for a report, or die over it, on RabbitMQ."""

import threading
from typing import Any

import fixtures
import oslo_messaging

from console_api import context
from console_api import rpc
from console_api.agent import hostkey
from console_api.conductor import rpcapi
from console_api.servers import reports
from tests import base
from tests.fixtures import bus
from tests.fixtures import parts
from tests.fixtures import service

#: The least that oslo.messaging can watch for, in seconds.
_SILENCE = 2
_PATIENCE = 30


class PatienceTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq')
        self.patch(rpcapi, '_SILENCE', _SILENCE)
        url = self.useFixture(bus.RabbitMQ()).url
        self.service = self.useFixture(
            service.Service(
                agent={'inventory_interval': 3600},
                DEFAULT={'transport_url': url},
            )
        )
        transport = rpc.get_transport(self.service.conf)
        self.addCleanup(transport.cleanup)
        self.conductor = rpcapi.ConductorAPI(
            self.service.conf,
            transport,
            hostkey.load(self.service.conf.agent.key_file),
        )
        self.context = context.service_context()
        # From now on it is known which version is spoken.
        self.report()
        self.ended = threading.Event()

    def patch(self, module: Any, name: str, value: object) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(f'{module.__name__}.{name}', value)
        )

    def take(self, seconds: float) -> None:
        """Let each report take so long, or until it is ended."""
        self.addCleanup(self.ended.set)
        record = reports.ReportRecorder.record

        def slow(*arguments: Any) -> list[str]:
            self.ended.wait(seconds)
            return record(*arguments)

        self.patch(reports, 'ReportRecorder.record', slow)

    def report(self) -> None:
        self.conductor.report_servers(self.context, 'here', [])

    def test_report_that_takes_long_is_waited_for(self) -> None:
        self.take(2.5 * _SILENCE)
        self.report()

    def test_conductor_that_fell_silent_is_not(self) -> None:
        self.take(_PATIENCE)
        self.useFixture(
            fixtures.MonkeyPatch(
                'oslo_messaging.rpc.dispatcher.RPCDispatcher._watchdog',
                lambda *ignored: None,
            )
        )
        self.assertRaises(oslo_messaging.MessagingTimeout, self.report)
