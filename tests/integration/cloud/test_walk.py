# SPDX-License-Identifier: Apache-2.0
"""The install guide followed to its end, on a controller and two hosts.

The files and the commands of Keystone are those of the guide, with its names,
ports and paths replaced by those that are free here.
"""

import pathlib
import re
import shlex
import subprocess
from typing import Any
from urllib import parse
import uuid

import fixtures
from websockets.sync import client as ws_client
from websockets.typing import Origin
import yaml

from tests import base
from tests.fixtures import bus
from tests.fixtures import certificates
from tests.fixtures import client
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import guest
from tests.fixtures import hosts
from tests.fixtures import keystone
from tests.fixtures import libvirtd
from tests.fixtures import parts
from tests.fixtures import processes
from tests.fixtures import rfb_client
from tests.functional import test_install_guide as guide

NEEDS = (
    *('haproxy', 'keystone', 'libvirt', 'mariadb', 'namespaces'),
    *('openstackclient', 'page', 'qemu', 'rabbitmq', 'uwsgi'),
)
#: The files of the guide, in its order; between the first two that are taken
#: there are memcached's and the unit's for uWSGI.
CONTROLLER, _, _, PROXY, HYPERVISOR, SIMULATED = range(6)
#: Those of the API's servers.
SAMPLES = ('gunicorn.conf.py', 'uwsgi.ini')
WORKERS = 3


class Browser:
    """A WebSocket of a console as the socket of an RFB client."""

    def __init__(self, page: str) -> None:
        """Connect as the page at this URL does."""
        parts_ = parse.urlsplit(page)
        (path,) = parse.parse_qs(parts_.query)['path']
        self._socket = ws_client.connect(
            f'ws://{parts_.netloc}/{path}',
            origin=Origin(f'http://{parts_.netloc}'),
            compression=None,
            open_timeout=processes.PATIENCE,
        )
        self._waiting = b''

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        self._socket.send(data)

    def recv(self, size: int) -> bytes:
        if not self._waiting:
            message = self._socket.recv(self._timeout)
            assert isinstance(message, bytes)
            self._waiting = message
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        return part

    def close(self) -> None:
        self._socket.close()


class Cloud(fixtures.Fixture):
    """What the guide sets up, with two of each on the controller.

    One API runs under gunicorn, the other under uWSGI.
    """

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.network = self.useFixture(hosts.Hosts())
        self.keystone = self.useFixture(keystone.Keystone())
        self._choose_names()
        self._make_certificate()
        self._make_users()
        self._daemon = self.useFixture(
            libvirtd.Libvirtd(self.network.hosts[0])
        )
        self._prepare_hosts()
        self._start_controller()
        self._start_hosts()

    def _choose_names(self) -> None:
        address = self.network.controller
        door = self.useFixture(hosts.Door(address, bus.PORT))
        virtual = self.useFixture(bus.RabbitMQ())
        *self._api_ports, front = (processes.free_port() for _ in range(3))
        self.proxy_ports = [processes.free_port() for _ in range(2)]
        self.url = f'https://{address}:{front}/v2.1'
        # Its users are global; another test has those of the guide.
        bus_url = virtual.url.replace(
            f'{bus.HOST}:{bus.PORT}', f'{address}:{door.port}'
        )
        users = (
            *('console:BUS_PASS', 'proxy-edge-1:PROXY_PASS'),
            *(f'agent-hypervisor-{n}:HYPERVISOR_PASS' for n in (1, 2)),
        )
        self._names = {
            **{
                f'rabbit://{user}@controller:5672/console': bus_url
                for user in users
            },
            '/run/console-api': str(self.folder),
            'mysql+pymysql://console:DATABASE_PASS@controller/console': (
                self.useFixture(databases.MariaDB()).url
            ),
            'http://controller:5000/v3': self.keystone.url,
            'https://controller:8774/v2.1': self.url,
            '10.0.0.11:8774': f'{address}:{front}',
            '127.0.0.1:8774': f'127.0.0.1:{self._api_ports[0]}',
            '/etc/haproxy': str(self.folder),
            'controller:6080': f'{address}:{self.proxy_ports[0]}',
            'port = 6080': f'port = {self.proxy_ports[0]}',
            'KEYSTONE_PASS': keystone.PASSWORD,
            '10.0.0.0/24': ','.join(h.address for h in self.network.hosts),
            '10.0.0.31': self.network.hosts[0].address,
            '10.0.0.32': self.network.hosts[1].address,
        }

    def _make_certificate(self) -> None:
        """That of the API; whoever asks it here trusts its authority."""
        authority = certificates.Authority(self.folder / 'authority')
        pair = authority.issue(self.network.controller)
        (self.folder / 'compute.pem').write_text(
            pair.certificate.read_text() + pair.key.read_text()
        )
        self._authority = str(authority.certificate)
        self.useFixture(
            fixtures.EnvironmentVariable('SSL_CERT_FILE', self._authority)
        )

    def adapted(self, text: str) -> str:
        """A text of the guide with the names of this cloud."""
        for name, value in self._names.items():
            text = text.replace(name, value)
        assert 'controller' not in text, text
        return text

    def openstack(self, user: keystone.User) -> client.OpenStackClient:
        """The stock client of this user."""
        path = self.folder / f'{user.name}.yaml'
        cloud = {
            'auth_type': 'password',
            'auth': user.authentication(),
            'region_name': keystone.REGION,
            'identity_api_version': 3,
            'cacert': self._authority,
        }
        path.write_text(yaml.safe_dump({'clouds': {'walk': cloud}}))
        return client.OpenStackClient(path, 'walk')

    def _make_users(self) -> None:
        (block,) = (b for b in guide.blocks('console') if 'user create' in b)
        admin = self.openstack(self.keystone.admin)
        for line in block.strip().splitlines():
            command = line.removeprefix('$ openstack ')
            words = (self.adapted(word) for word in shlex.split(command))
            admin.run(*words)
        self.users = {
            'member': self.keystone.user('mia', 'member', project='ours'),
            'reader': self.keystone.user('rita', 'reader', project='ours'),
            'stranger': self.keystone.user('sam', 'member', project='theirs'),
        }

    def _prepare_hosts(self) -> None:
        self._names['qemu:///system'] = self._daemon.uri
        self._names['/etc/console-api/inventory.yaml'] = str(
            self.folder / 'inventory.yaml'
        )
        facts = {
            'PROJECT_ID': self.keystone.projects['ours'],
            'USER_ID': self.users['member'].id,
        }
        (text,) = guide.blocks('yaml')
        for name, value in facts.items():
            text = text.replace(name, value)
        (self.folder / 'inventory.yaml').write_text(text)
        address = self.network.hosts[0].address
        owner = guest.NovaMetadata(
            'virtual', facts['PROJECT_ID'], facts['USER_ID']
        )
        self.useFixture(
            guest.LibvirtGuest(
                self._daemon,
                f'walk-{uuid.uuid4().hex[:8]}',
                owner,
                "<graphics type='vnc' port='-1' autoport='yes'>"
                f"<listen type='address' address='{address}'/></graphics>",
                vnc=False,
            )
        )

    def _configure(self, name: str, *numbers: int) -> pathlib.Path:
        """A host's file: what the guide has in these of its blocks."""
        file = self.folder / name / 'console-api.conf'
        file.parent.mkdir()
        found = guide.blocks('ini')
        text = found[numbers[0]]
        for number in numbers[1:]:
            # "On the controller, add the last two groups."
            text += re.sub(r'(?s)^.*?(?=\[proxy\])', '', found[number])
        file.write_text(self.adapted(text))
        return file

    def start(
        self, name: str, file: pathlib.Path, host: hosts.Host | None = None
    ) -> processes.Process:
        """One of the commands, ready, there or on the controller."""
        command = [processes.command(name), f'--config-file={file}']
        if host is not None:
            command = host.command(*command)
        process = self.useFixture(processes.Process(*command))
        process.wait_until('READY=1')
        return process

    def _start_controller(self) -> None:
        file = self._configure('controller', CONTROLLER, PROXY)
        self._controller = file
        self.manage(file, 'db', 'sync')
        self.conductors = [
            self.start('console-api-conductor', file) for _ in range(2)
        ]
        self._start_apis(file.parent)
        text = file.read_text()
        first, second = (f'port = {port}' for port in self.proxy_ports)
        other = file.with_name('second.conf')
        other.write_text(text.replace(first, second))
        self.proxies = [
            self.start('console-api-proxy', path) for path in (file, other)
        ]

    def manage(self, file: pathlib.Path, *arguments: str) -> str:
        """What console-api-manage prints, run to its end."""
        done = subprocess.run(
            [
                processes.command('console-api-manage'),
                f'--config-file={file}',
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=processes.PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def enrol(self, name: str, file: pathlib.Path) -> None:
        """Let a host in, by the command of the guide."""
        (command,) = (
            line
            for block in guide.blocks('console')
            for line in block.splitlines()
            if ' agent enrol ' in line
        )
        _, _, arguments = command.partition('console-api-manage ')
        words = arguments.replace('hypervisor-1', name).split()
        file.write_text(self.manage(self._controller, *words))

    def _start_apis(self, folder: pathlib.Path) -> None:
        ports = dict(zip(SAMPLES, self._api_ports, strict=True))
        for path in deployment.ETC.glob('*.*'):
            text = path.read_text(encoding='utf-8')
            text = text.replace('/etc/console-api', str(folder))
            text = text.replace(':8774', f':{ports.get(path.name)}')
            for name in ('workers', 'processes'):
                text = text.replace(f'{name} = 2', f'{name} = {WORKERS}')
            (folder / path.name).write_text(text, encoding='utf-8')
        self.apis = [
            self.useFixture(
                processes.Process(
                    *(program, option, str(folder / name)),
                    # As in the unit for uWSGI.
                    OS_CONSOLE_API_CONFIG_DIR=str(folder),
                )
            )
            for name, program, option in zip(
                SAMPLES,
                (processes.command('gunicorn'), parts.uwsgi() or ''),
                ('-c', '--ini'),
                strict=True,
            )
        ]
        for api, port in zip(self.apis, self._api_ports, strict=True):
            self._await_health(api, f'http://127.0.0.1:{port}')
        self._start_balancer()

    def _start_balancer(self) -> None:
        (text,) = guide.blocks('text')
        text = self.adapted(text).rstrip('\n')
        second = f'    server two 127.0.0.1:{self._api_ports[1]} check\n'
        file = self.folder / 'haproxy.cfg'
        file.write_text(f'{text}\n{second}')
        balancer = self.useFixture(
            processes.Process(parts.haproxy() or '', '-db', '-f', str(file))
        )
        self._await_health(balancer, self.url.removesuffix('/v2.1'))

    @staticmethod
    def _await_health(process: processes.Process, root: str) -> None:
        def answers() -> bool:
            try:
                return deployment.call(f'{root}/healthcheck').status == 200
            except OSError:
                return False

        process.wait_for(answers, 'no healthy API')

    def _start_hosts(self) -> None:
        self.agents = []
        for name, number, host in (
            ('virtual', HYPERVISOR, self.network.hosts[0]),
            ('simulated', SIMULATED, self.network.hosts[1]),
        ):
            file = self._configure(name, number)
            # Both namespaces have the host name of this machine.
            text = file.read_text()
            for group, line in {
                '[DEFAULT]': f'host = {name}',
                '[oslo_messaging_rabbit]': f'hostname = {name}',
                '[agent]': (
                    f'key_file = {file.parent}/agent.key\n'
                    f'enrolment_word_file = {file.parent}/enrolment.word'
                ),
            }.items():
                text = text.replace(group, f'{group}\n{line}', 1)
            file.write_text(text)
            self.enrol(name, file.with_name('enrolment.word'))
            agent = self.start('console-api-agent', file, host)
            self.agents.append(agent)
        token = self.users['member'].token()

        def listed() -> bool:
            answer = deployment.call(f'{self.url}/servers', X_Auth_Token=token)
            return len(answer.json['servers']) == 2

        processes.wait_for(listed, 'the reports of two servers')


class WalkTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, *NEEDS)
        self.cloud = self.useFixture(Cloud())

    def open(self, server: str) -> str:
        """The URL that the stock client gets the member."""
        stock = self.cloud.openstack(self.cloud.users['member'])
        return stock.console_url(server)

    def look(self, url: str) -> tuple[int, int]:
        """The size of the screen that the console at this URL shows."""
        with rfb_client.RfbClient(Browser(url)) as screen:
            screen.start()
            screen.set_encodings(rfb_client.RAW)
            screen.request()
            screen.update()
            size: tuple[int, int] = screen.screen.size
            return size

    def ask(self, who: str, method: str, path: str, body: Any = None) -> Any:
        return deployment.call(
            self.cloud.url + path,
            method,
            body,
            X_Auth_Token=self.cloud.users[who].token(),
            OpenStack_API_Version='compute 2.99',
        )

    def test_guide_leads_to_consoles_on_each_host(self) -> None:
        urls = {name: self.open(name) for name in ('virtual', 'simulated')}
        for name, url in urls.items():
            with self.subTest(name):
                self.assertGreater(self.look(url)[0], 100)
        for api in self.cloud.apis:
            self.assertEqual(WORKERS, len(api.children))
        # The balancer asks them by turns.
        for _ in self.cloud.apis:
            listed = self.ask('member', 'GET', '/servers').json['servers']
            for server in listed:
                link = server['links'][0]['href']
                path = f'/servers/{server["id"]}'
                self.assertEqual(self.cloud.url + path, link)
        # Without what the balancer says of it, the client would be 127.0.0.1.
        address = self.cloud.network.controller
        for api in self.cloud.apis:
            self.assertIn(f'{address} "GET /v2.1/servers"', api.output)
        body = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
        for server in listed:
            path = f'/servers/{server["id"]}/remote-consoles'
            for who, status in (('reader', 403), ('stranger', 404)):
                with self.subTest(f'{who} {server["name"]}'):
                    answer = self.ask(who, 'POST', path, body)
                    self.assertEqual(status, answer.status)
        self.lose_one_of_each(urls['simulated'])

    def lose_one_of_each(self, url: str) -> None:
        """An API ends, a conductor and a proxy die; the others go on."""
        self.assertEqual(0, self.cloud.apis[0].stop())
        self.cloud.conductors[0].process.kill()
        self.cloud.proxies[0].kill()
        first, second = (f':{port}/' for port in self.cloud.proxy_ports)
        self.assertGreater(self.look(url.replace(first, second))[0], 100)
        again = self.open('virtual')
        self.assertGreater(self.look(again.replace(first, second))[0], 100)
