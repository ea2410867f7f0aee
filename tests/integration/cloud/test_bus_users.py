# SPDX-License-Identifier: Apache-2.0
"""The users of the bus that the install guide makes: what each may do.

The commands are those of the guide, on a RabbitMQ of the test's own.
"""

from collections.abc import Callable
import contextlib
import hashlib
import json
import pathlib
import re
import shlex
import subprocess
import uuid

import amqp
import fixtures
from oslo_concurrency.fixture import lockutils as lock_fixture
from oslo_config import cfg
import oslo_messaging
import webob
import yaml

from console_api import context
from console_api import exception
from console_api import rpc
from console_api.agent import hostkey
from console_api.agent import rpcapi
from console_api.api import app
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.consoles import types
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import nova_stub
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import processes
from tests.functional import test_install_guide as guide

#: The dot in the name of one must not stand for the letter of the other.
A, B = 'a.example', 'a-example'
EDGE = 'edge.example'
_SERVER = str(uuid.UUID(int=1))
#: What the file of a proxy has, and that of a hypervisor, in the guide.
_PROXY, _AGENT = 'port = 6080', 'driver = fake'


class Cloud(fixtures.Fixture):
    """A broker with the users of the guide, a conductor and two agents."""

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.broker = self.useFixture(private.RabbitMQ())
        self._make_users()
        self.file = self.configure(
            'controller',
            'console:BUS_PASS',
            '[DEFAULT]\nrpc_exchange = amq.topic\n'
            f'[database]\nconnection = sqlite:///{self.folder}/db.sqlite\n',
        )
        self.manage('db', 'sync')
        self.start('console-api-conductor', self.file)
        self.agents = {host: self.start_agent(host) for host in (A, B)}

    def _make_users(self) -> None:
        lines = ''.join(guide.blocks('console')).splitlines()
        commands = [
            line.removeprefix('controller# ')
            for line in lines
            if line.startswith('controller# rabbitmqctl ')
        ]
        agent, proxy = guide.blocks('sh')
        for block, host in ((agent, A), (agent, B), (proxy, EDGE)):
            commands.append(re.sub('HOST=.*', f'HOST={host}', block, count=1))
        control = shlex.join(self.broker.control)
        script = f'rabbitmqctl() {{ command {control} "$@"; }}\n'
        done = subprocess.run(
            ['bash', '-euc', script + '\n'.join(commands)],
            capture_output=True,
            text=True,
            check=False,
            timeout=processes.PATIENCE * 2,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def url(self, user: str) -> str:
        """The transport URL with this user and its password."""
        return f'rabbit://{user}@127.0.0.1:{self.broker.port}/console'

    def configure(self, name: str, user: str, text: str) -> pathlib.Path:
        """The file of a process on this host, with its user of the bus."""
        file = self.folder / f'{name}.conf'
        text = re.sub('transport_url = .*\n', '', text)
        first = f'[DEFAULT]\nhost = {name}\ntransport_url = {self.url(user)}\n'
        file.write_text(text.replace('[DEFAULT]\n', first, 1))
        return file

    def _of_guide(self, line: str, host: str, user: str) -> pathlib.Path:
        """A host's file: the guide's with this line, and what differs."""
        (text,) = (text for text in guide.blocks('ini') if line in text)
        for name, value in {
            '/run/console-api': str(self.folder),
            '/etc/console-api/inventory.yaml': f'{self.folder}/{host}.yaml',
            '10.0.0.0/24': '127.0.0.0/8',
            '0.0.0.0': '127.0.0.1',
            '10.0.0.32': '127.0.0.1',
            'port = 6080': f'port = {processes.free_port()}\nworkers = 1',
            '[oslo_messaging_rabbit]': (
                f'[oslo_messaging_rabbit]\nhostname = {host}'
            ),
            '[agent]': (
                '[agent]\ninventory_interval = 1\n'
                f'key_file = {self.folder}/{host}.key\n'
                f'enrolment_word_file = {self.folder}/{host}.word'
            ),
        }.items():
            text = text.replace(name, value)
        return self.configure(host, user, text)

    def start(self, name: str, file: pathlib.Path) -> processes.Process:
        process = self.useFixture(
            processes.Process(processes.command(name), f'--config-file={file}')
        )
        process.wait_until('READY=1')
        return process

    def start_agent(self, host: str) -> processes.Process:
        """The agent of a host, which has reported its server."""
        server = {'id': _SERVER, 'name': host, 'project_id': 'p'}
        if host != A:
            server['id'] = str(uuid.uuid4())
        (self.folder / f'{host}.yaml').write_text(
            yaml.safe_dump({'servers': [server]})
        )
        file = self._of_guide(_AGENT, host, f'agent-{host}:HYPERVISOR_PASS')
        word = self.folder / f'{host}.word'
        if not word.exists():
            word.write_text(self.manage('agent', 'enrol', host))
        agent = self.start('console-api-agent', file)
        agent.wait_for(lambda: host in self.known(), f'no report of {host}')
        return agent

    def start_proxy(self) -> processes.Process:
        file = self._of_guide(_PROXY, EDGE, f'proxy-{EDGE}:PROXY_PASS')
        return self.start('console-api-proxy', file)

    def known(self) -> list[str]:
        """The hosts whose servers were reported."""
        rows = json.loads(self.manage('server', 'list', '-f', 'json'))
        return [row['host'] for row in rows]

    def hosts(self) -> list[str]:
        """The hosts that have an agent, or were let in."""
        rows = json.loads(self.manage('agent', 'list', '-f', 'json'))
        return [row['host'] for row in rows]

    def manage(self, *arguments: str) -> str:
        command = processes.command('console-api-manage')
        return subprocess.run(
            [command, f'--config-file={self.file}', *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout


class _OldAgent:
    target = oslo_messaging.Target(version='1.2')

    def identify(self, ctxt: object) -> str:
        return 'the old one'


class BusUsersTest(base.TestCase):
    cloud: Cloud

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # A minute goes into the commands of the guide.
        if parts.missing('rabbitmq') is None and private.problem() is None:
            cls.cloud = Cloud()
            cls.addClassCleanup(cls.cloud.cleanUp)
            cls.cloud.setUp()

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq')
        private.require(self)
        self.context = context.service_context()

    def transport(self, user: str, host: str) -> oslo_messaging.Transport:
        """What a process of this host has of the bus."""
        url = self.cloud.url(user)
        # Makes the options known.
        oslo_messaging.get_rpc_transport(self.conf, url=url).cleanup()
        self.config(host=host, transport_url=url, rpc_exchange='amq.topic')
        self.config(
            group='oslo_messaging_rabbit',
            use_queue_manager=True,
            hostname=host,
            # Beside the host's own process, not its next start.
            processname='test',
        )
        self.useFixture(lock_fixture.ExternalLockFixture())
        transport = rpc.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        return transport

    def test_agent_reports_and_answers_and_ends(self) -> None:
        agent = self.cloud.agents[A]
        transport = self.transport('console:BUS_PASS', 'controller')
        key = hostkey.load(f'{self.cloud.folder}/{A}.key').reveal()
        proof = rpcapi.proof(hashlib.sha256(key.encode()).hexdigest())
        agents = rpcapi.AgentAPI(self.conf, transport, lambda _: proof)
        issued = agents.get_console(self.context, A, _SERVER, 'novnc')
        self.assertEqual('127.0.0.1', issued.connect.host)
        self.assertEqual(0, agent.stop(), agent.output)
        self.assertNotIn('ACCESS_REFUSED', agent.output)
        self.cloud.agents[A] = self.cloud.start_agent(A)

    def test_filter_in_nova_reaches_the_agents(self) -> None:
        # With its file of the guide; Nova's part of it is the registry's.
        text = guide.filter_file().replace('nova-process', 'registry')
        text = re.sub(
            'mysql.*', f'sqlite:///{self.cloud.folder}/db.sqlite', text
        )
        # All of it is on one host.
        text += '\n[console]\nallowed_targets = 127.0.0.1\n'
        file = self.cloud.configure('nova-api', 'console:BUS_PASS', text)
        self.transport('console:BUS_PASS', 'nova-api')
        self._close_transports()
        answers = app.filter_factory({}, config_file=str(file))(nova_stub.echo)
        request = webob.Request.blank(
            f'/servers/{_SERVER}/remote-consoles',
            method='POST',
            json={'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            headers={
                'X-OpenStack-Nova-API-Version': '2.31',
                'X-User-Id': 'alice',
                'X-Project-Id': 'p',
                'X-Roles': 'member',
            },
        )
        request.environ['keystone.token_auth'] = object()
        answer = request.get_response(answers)
        self.assertEqual(200, answer.status_int, answer.text)

    def _close_transports(self) -> None:
        """At the end of the test those that are made from now on."""
        get_transport = rpc.get_transport

        def get_and_close(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
            transport = get_transport(conf)
            self.addCleanup(transport.cleanup)
            return transport

        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.rpc.get_transport', get_and_close
            )
        )

    def test_agent_with_a_queue_that_all_share_is_reached(self) -> None:
        transport = self.transport('console:BUS_PASS', 'controller')
        # As releases before topics of hosts listened.
        server = rpc.get_server(
            transport, rpc.AGENT_TOPIC, 'old', [_OldAgent()]
        )
        server.start()
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        agents = rpcapi.AgentAPI(self.conf, transport)
        self.assertEqual('the old one', agents.identify(self.context, 'old'))

    def test_controller_of_an_older_release_reaches_the_agent(self) -> None:
        transport = self.transport('console:BUS_PASS', 'controller')
        client = rpc.get_client(transport, rpc.AGENT_TOPIC, '1.2')
        answer = client.prepare(server=A, timeout=10).call(
            self.context, 'identify'
        )
        self.assertRegex(answer, r'process \d+ on')

    def test_second_agent_finds_the_first(self) -> None:
        transport = self.transport(f'agent-{A}:HYPERVISOR_PASS', A)
        agents = rpcapi.AgentAPI(self.conf, transport)
        found = agents.identify(self.context, A)
        self.assertRegex(found or '', r'process \d+ on')

    def test_proxy_asks_about_tokens_and_ends(self) -> None:
        proxy = self.cloud.start_proxy()
        transport = self.transport(f'proxy-{EDGE}:PROXY_PASS', EDGE)
        api = conductor_rpcapi.ConductorAPI(self.conf, transport)
        self.assertRaises(
            exception.TokenNotFound,
            api.enter_session,
            self.context,
            'a' * 64,
        )
        self.assertEqual(0, proxy.stop(), proxy.output)
        self.assertNotIn('ACCESS_REFUSED', proxy.output)

    def test_captured_host_says_nothing_of_another_one(self) -> None:
        transport = self.transport(f'agent-{A}:HYPERVISOR_PASS', A)
        stolen = hostkey.load(f'{self.cloud.folder}/{A}.key')
        for key in (stolen, types.Secret('A' * 43), None):
            api = conductor_rpcapi.ConductorAPI(self.conf, transport, key)
            error = self.assertRaises(
                exception.HostRefused,
                api.report_servers,
                self.context,
                B,
                [],
            )
            self.assertIn(f'agent enrol {B}', str(error))
        self.assertEqual({A, B}, set(self.cloud.known()))

    def test_captured_host_invents_no_host(self) -> None:
        """Not even one whose queue its user of the bus may read."""
        transport = self.transport(f'agent-{A}:HYPERVISOR_PASS', A)
        stolen = hostkey.load(f'{self.cloud.folder}/{A}.key')
        guest = virt_driver.Guest(str(uuid.uuid4()), 'ghost', 'p', 'u')
        agent = conductor_rpcapi.AgentFacts(
            *(str(uuid.uuid4()), '1.0', '1.2', ('192.0.2.1',), 1, 'process')
        )
        for key in (stolen, types.Secret('A' * 43), None):
            api = conductor_rpcapi.ConductorAPI(self.conf, transport, key)
            for host, why in (
                ('ghost.example', exception.HostNotEnrolled),
                (f'{A}.ghost', exception.HostNotEnrolled),
                (f'{A}_fanout', exception.BadRequest),
                (f'{A}.:agent', exception.BadRequest),
                (f'{A}_fanout_{A}:x', exception.BadRequest),
            ):
                for call, *arguments in (
                    (api.report_servers, [guest]),
                    (api.report_changes, [guest], [], []),
                    (api.report_agent, agent),
                    (api.claim_host, agent, None),
                ):
                    self.assertRaises(
                        why, call, self.context, host, *arguments
                    )
        self.assertEqual({A, B}, set(self.cloud.known()))
        self.assertEqual({A, B}, set(self.cloud.hosts()))

    def channel(self, user: str, password: str) -> amqp.Channel:
        connection = amqp.Connection(
            host=f'127.0.0.1:{self.cloud.broker.port}',
            userid=user,
            password=password,
            virtual_host='console',
        )
        connection.connect()
        self.addCleanup(_close, connection)
        return connection.channel()

    def as_a(self, act: Callable[[amqp.Channel], object]) -> None:
        act(self.channel(f'agent-{A}', 'HYPERVISOR_PASS'))

    def as_proxy(self, act: Callable[[amqp.Channel], object]) -> None:
        act(self.channel(f'proxy-{EDGE}', 'PROXY_PASS'))

    def refused(
        self, who: Callable[..., None], act: Callable[[amqp.Channel], object]
    ) -> None:
        self.assertRaises(amqp.AccessRefused, who, act)

    def queues(self) -> list[str]:
        done = subprocess.run(
            [
                *(*self.cloud.broker.control, 'list_queues', '-q'),
                *('--no-table-headers', '-p', 'console', 'name'),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    def of_others(self) -> list[str]:
        own = (f'console_agent.{A}', f'reply_{A}:', f'reply_{EDGE}:')
        found = [name for name in self.queues() if not name.startswith(own)]
        for name in ('console_conductor', f'console_agent.{B}'):
            self.assertIn(name, found)
        self.assertTrue(any(f'reply_{B}' in name for name in found), found)
        return found

    def test_queues_of_others_are_closed(self) -> None:
        for name in self.of_others():
            for act in (
                lambda c, q=name: c.basic_consume(q, callback=print),
                lambda c, q=name: c.basic_get(q),
                lambda c, q=name: c.queue_purge(q),
                lambda c, q=name: c.queue_delete(q),
                lambda c, q=name: c.queue_declare(q, auto_delete=False),
                lambda c, q=name: c.queue_bind(q, 'amq.topic', 'x'),
            ):
                with self.subTest(name):
                    self.refused(self.as_a, act)
                    self.refused(self.as_proxy, act)

    def test_own_queues_are_open(self) -> None:
        own = f'console_agent.{A}'
        self.as_a(lambda c: c.queue_declare(own, auto_delete=False))
        self.as_a(lambda c: c.queue_bind(own, 'amq.topic', own))
        self.as_a(lambda c: c.basic_get(own))

    def call_past_the_topic(self, method: str, **args: object) -> str:
        """What the agent of B answers to A, which knows its queue."""
        channel = self.channel(f'agent-{A}', 'HYPERVISOR_PASS')
        own = f'reply_{A}:stolen'
        channel.queue_declare(own, auto_delete=False)
        message = {
            'method': method,
            'args': args,
            'version': '1.0',
            '_context_request_id': 'req-stolen',
            '_msg_id': 'stolen',
            '_reply_q': own,
            '_timeout': None,
            '_unique_id': uuid.uuid4().hex,
        }
        envelope = {
            'oslo.version': '2.0',
            'oslo.message': json.dumps(message),
        }
        channel.basic_publish(
            amqp.Message(
                json.dumps(envelope),
                content_type='application/json',
                content_encoding='utf-8',
            ),
            exchange='',
            routing_key=f'console_agent.{B}',
        )
        found: list[str] = []

        def answered() -> bool:
            got = channel.basic_get(own, no_ack=True)
            if got is not None:
                found.append(json.loads(got.body)['oslo.message'])
            return bool(found)

        processes.wait_for(answered, 'no answer')
        return found[0]

    def test_captured_host_gets_nothing_of_the_agent_of_another_one(
        self,
    ) -> None:
        rows = json.loads(self.cloud.manage('server', 'list', '-f', 'json'))
        (server,) = (row['id'] for row in rows if row['host'] == B)
        for method, more in (
            ('get_console', {'console_type': 'novnc'}),
            ('get_console_output', {'max_bytes': 100}),
        ):
            answer = self.call_past_the_topic(method, server_id=server, **more)
            self.assertIn('CallerRefused', answer, method)
            self.assertIsNone(json.loads(answer)['result'])

    def test_nothing_is_bound_to_what_is_for_others(self) -> None:
        own, other = f'reply_{A}:mine', f'reply_{A}:theirs'
        self.as_a(lambda c: c.queue_declare(own, auto_delete=False))
        self.as_a(
            lambda c: c.exchange_declare(other, 'topic', auto_delete=False)
        )
        for key in (
            *('#', '*', 'console_conductor', 'console_agent.*'),
            *('console_agent.#', f'console_agent.{B}'),
            f'console_agent.{B}.:agent',
        ):
            with self.subTest(key):
                self.refused(
                    self.as_a,
                    lambda c, key=key: c.queue_bind(own, 'amq.topic', key),
                )
                self.refused(
                    self.as_a,
                    lambda c, key=key: c.exchange_bind(
                        other, 'amq.topic', key
                    ),
                )

    def test_nothing_else_is_opened_or_deleted(self) -> None:
        for act in (
            lambda c: c.queue_declare('mine'),
            lambda c: c.queue_declare('reply_' + 'a' * 32),
            lambda c: c.queue_declare(f'reply_{B}:mine'),
            lambda c: c.exchange_declare('console_api', 'fanout'),
            lambda c: c.exchange_delete('amq.topic'),
            lambda c: c.exchange_delete('console_conductor_fanout'),
            lambda c: c.exchange_declare('amq.topic', 'fanout'),
        ):
            self.refused(self.as_a, act)
            self.refused(self.as_proxy, act)

    def test_requests_go_to_conductors_and_to_the_own_host(self) -> None:
        def publish(channel: amqp.Channel, exchange: str, key: str) -> None:
            channel.confirm_select()
            channel.basic_publish_confirm(
                amqp.Message('{}'), exchange=exchange, routing_key=key
            )

        topic = 'amq.topic'
        self.as_a(lambda c: publish(c, topic, 'console_conductor'))
        self.as_a(lambda c: publish(c, topic, f'console_agent.{A}'))
        self.as_proxy(lambda c: publish(c, topic, 'console_conductor'))
        for key in (f'console_agent.{B}', 'console_agent', 'x'):
            with self.subTest(key):
                self.refused(
                    self.as_a, lambda c, key=key: publish(c, topic, key)
                )
        for exchange, key in (
            (topic, f'console_agent.{A}'),
            ('', 'console_conductor'),
            ('console_conductor_fanout', ''),
        ):
            with self.subTest(exchange):
                self.refused(
                    self.as_proxy,
                    lambda c, e=exchange, key=key: publish(c, e, key),
                )


def _close(connection: amqp.Connection) -> None:
    with contextlib.suppress(OSError, amqp.AMQPError):
        connection.close()
