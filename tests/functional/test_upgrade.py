# SPDX-License-Identifier: Apache-2.0
"""Processes of two releases side by side, with no option set for it."""

import contextlib
import threading
from typing import Any
import urllib.parse

import fixtures
import oslo_messaging

from console_api import context
from console_api import rpc
from console_api.agent import endpoint as agent_endpoint
from console_api.agent import hostkey
from console_api.agent import process
from console_api.cmd import lookup
from console_api.conductor import endpoint as conductor_endpoint
from console_api.consoles import access
from console_api.consoles import types
from console_api.servers import hostkeys
from console_api.servers import registry
from console_api.servers import reports
from tests import base
from tests.fixtures import bus
from tests.fixtures import driver
from tests.fixtures import parts
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'


class _OldAgent(agent_endpoint.AgentEndpoint):
    """An agent that knows nothing after 1.0."""

    target = oslo_messaging.Target(version='1.0')

    enter_console = None  # type: ignore[assignment]
    identify = None  # type: ignore[assignment]


class _OldConductor(conductor_endpoint.ConductorEndpoint):
    """A conductor that knows nothing after 1.6."""

    target = oslo_messaging.Target(version='1.6')

    def report_agent(
        self,
        ctxt: Any,
        host: str,
        agent: Any,
        held: bool = False,
        key: str | None = None,
    ) -> None:
        super().report_agent(ctxt, host, agent, held, key)

    def claim_host(
        self,
        ctxt: Any,
        host: str,
        agent: Any,
        holder: str | None,
        key: str | None = None,
    ) -> None:
        super().claim_host(ctxt, host, agent, holder, key)


class _UpgradeTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                DEFAULT={'transport_url': self.transport_url()},
                # Who knows no words lets in whoever comes.
                conductor={'enrolment': 'open'},
            )
        )

    def prepare(self) -> None:
        """What is to be done before the service is started."""

    def transport_url(self) -> str:
        return 'fake://'


class _OnRabbitMQ(_UpgradeTestCase):
    def prepare(self) -> None:
        parts.require(self, 'rabbitmq')
        super().prepare()

    def transport_url(self) -> str:
        return self.useFixture(bus.RabbitMQ()).url


class OldAgentTest(_UpgradeTestCase):
    def setUp(self) -> None:
        super().setUp()
        conf = self.service.conf
        transport = rpc.get_transport(conf)
        self.addCleanup(transport.cleanup)
        server = rpc.get_server(
            transport,
            rpc.agent_topic('old'),
            rpc.AGENT_SERVER,
            [_OldAgent(conf, self.service.agent.driver)],
        )
        server.start()
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        self._move_server()

    def _move_server(self) -> None:
        recorder = self.service.conductor.recorder
        moved = reports.ReportedServer(
            id=_SERVER,
            name='web',
            project_id=service.PROJECT,
            user_id='alice',
            vm_state='active',
            task_state=None,
            power_state=1,
            consoles='novnc',
            created_at=None,
        )
        key = hostkey.load(self.service.conf.agent.key_file)
        digest = hostkeys.digest('here', key.reveal())
        recorder.record_changes('here', [], [_SERVER], [], digest)
        self.service.admit('old')
        recorder.record_changes('old', [moved], [], [], digest)

    def create(self) -> str:
        # The API would leave connections to the bus behind.
        url = self.service.conductor.broker.create(
            context.RequestContext(
                user_id='alice', project_id=service.PROJECT
            ),
            access.of_operator(
                registry.Registry(self.service.database).get(_SERVER)
            ),
            types.CONSOLE_TYPES['novnc'],
        )
        return urllib.parse.unquote(url).partition('token=')[2]

    def test_session_of_a_proxy_begins(self) -> None:
        with contextlib.ExitStack() as stack:
            look_up = lookup.make(self.service.conf, stack)
            for _ in range(2):
                grant = look_up(self.create(), None)
                self.assertEqual(_SERVER, grant.server_id)
                self.assertEqual(driver.ADDRESSES['novnc'], grant.connect)
                self.assertIsNone(grant.secret)


class OldAgentOnRabbitMQTest(_OnRabbitMQ, OldAgentTest):
    """Where a refusal comes as another error."""


class OldConductorTest(_UpgradeTestCase):
    def prepare(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                f'{conductor_endpoint.__name__}.ConductorEndpoint',
                _OldConductor,
            )
        )

    def test_agent_starts_and_goes_on_to_report(self) -> None:
        conf = self.service.conf
        log = self.useFixture(fixtures.FakeLogger())
        self.service.conductor.recorder.place('here', [])
        self.service.enrol('there')
        conf.set_override('host', 'there')
        agent = process.Agent(conf, self.service.agent.driver)
        self.addCleanup(agent.stop)
        for _ in range(3):
            agent.reporter.report()
        found = registry.Registry(self.service.database).get(_SERVER)
        self.assertEqual('there', found.host)
        self.assertNotIn('failed', log.output)
        # No call that was refused is answered for ever.
        names = [thread.name for thread in threading.enumerate()]
        self.assertEqual([], [n for n in names if 'watchdog' in n])


class OldConductorOnRabbitMQTest(_OnRabbitMQ, OldConductorTest):
    """Where calls are watched."""
