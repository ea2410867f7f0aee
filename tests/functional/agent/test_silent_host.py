# SPDX-License-Identifier: Apache-2.0
"""A host that does not answer keeps two callers, not all of them."""

import dataclasses
import threading

from console_api import bulkhead
from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import rpcapi
from console_api.servers import proofs
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_PATIENCE = 60


class _SilentHostTest(base.TestCase):
    def prepare(
        self, rpc_timeout: int, limits: bulkhead.Limits | None = None
    ) -> None:
        made = self.useFixture(
            service.Service(
                driver=driver.EveryConsole, agent={'rpc_timeout': rpc_timeout}
            )
        )
        transport = rpc.get_transport(made.conf)
        self.addCleanup(transport.cleanup)
        self.agents = rpcapi.AgentAPI(
            made.conf,
            transport,
            proofs.HostProofs(made.database),
            limits or rpcapi.LIMITS,
        )
        self.driver = made.agent.driver
        self.going_on = threading.Event()
        self.addCleanup(self.going_on.set)
        self.asked = threading.Semaphore(0)
        self.count = 0
        self.driver.interfere = self._hang

    def _hang(self, server_id: str) -> None:
        del server_id
        self.count += 1
        self.asked.release()
        self.going_on.wait(_PATIENCE)

    def get(self) -> rpcapi.IssuedConsole:
        return self.agents.get_console(
            context.service_context(), 'here', _SERVER, 'novnc'
        )

    def refused(self) -> exception.HostUnavailable:
        error = self.assertRaises(exception.HostUnavailable, self.get)
        assert isinstance(error, exception.HostUnavailable)
        return error


class HangingTest(_SilentHostTest):
    def test_two_callers_wait_and_no_more(self) -> None:
        self.prepare(rpc_timeout=_PATIENCE)
        threads = [threading.Thread(target=self.get) for _ in range(2)]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
            self.assertTrue(self.asked.acquire(timeout=_PATIENCE))
        self.addCleanup(self.going_on.set)
        self.assertIsInstance(self.refused(), exception.HostBusy)
        self.assertEqual(2, self.count)


class SilentTest(_SilentHostTest):
    def test_one_that_was_silent_is_left_alone(self) -> None:
        self.prepare(rpc_timeout=1)
        self.refused()
        for _ in range(3):
            self.assertNotIsInstance(self.refused(), exception.HostBusy)
        self.assertEqual(1, self.count)

    def test_one_that_is_back_is_asked_at_once(self) -> None:
        limits = dataclasses.replace(rpcapi.LIMITS, memory=0.0)
        self.prepare(rpc_timeout=1, limits=limits)
        self.refused()
        self.going_on.set()
        self.assertTrue(self.get().url)

    def test_one_that_is_gone_is_asked_for_a_sign_of_life_first(self) -> None:
        limits = dataclasses.replace(rpcapi.LIMITS, memory=0.0)
        self.prepare(rpc_timeout=1, limits=limits)
        asked: list[str] = []
        identify = self.agents.identify

        def record(ctxt: context.RequestContext, host: str) -> str | None:
            asked.append(host)
            return identify(ctxt, host)

        setattr(self.agents, 'identify', record)  # noqa: B010 - for mypy
        for _ in range(2):
            self.assertRaises(
                exception.HostUnavailable,
                self.agents.get_console,
                context.service_context(),
                'nowhere',
                _SERVER,
                'novnc',
            )
        self.assertEqual(['nowhere'], asked)
