# SPDX-License-Identifier: Apache-2.0
"""Callers whom a real Keystone knows, at the API under uWSGI."""

import pathlib
from typing import ClassVar
from typing import TypeVar

import fixtures
from keystoneauth1 import exceptions as ks_exceptions
import yaml

from tests import base
from tests.fixtures import bus
from tests.fixtures import client
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import keystone
from tests.fixtures import parts
from tests.fixtures import processes

F = TypeVar('F', bound=fixtures.Fixture)

NEEDS = ('keystone', 'rabbitmq', 'mariadb', 'uwsgi')
VNC = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
LOG = {'os-getConsoleOutput': {}}


def authtoken(cloud: keystone.Keystone) -> dict[str, object]:
    """The options of keystonemiddleware for the service's own user."""
    user = cloud.user('console', 'service', project='service')
    return {
        'www_authenticate_uri': cloud.url,
        'auth_type': 'password',
        'service_token_roles_required': True,
        'http_request_max_retries': 0,
        **user.authentication(),
    }


class KeystoneTestCase(base.TestCase):
    """A cloud with one server, which belongs to the project ``ours``."""

    cloud: ClassVar[keystone.Keystone]
    service: ClassVar[deployment.Deployment]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if any(parts.missing(name) for name in NEEDS):
            return
        cls.cloud = cls._use(keystone.Keystone())
        server = {
            'name': 'web',
            'project_id': cls.cloud.projects['ours'],
            'user_id': 'u' * 32,
            'log': 'booted\n',
        }
        cls.service = cls._use(
            deployment.Deployment(
                cls._use(bus.RabbitMQ()).url,
                cls._use(databases.MariaDB()).url,
                [server],
                {'keystone_authtoken': authtoken(cls.cloud)},
            )
        )
        cls.users = {
            'admin': cls.cloud.user('adam', 'admin', project='ours'),
            'member': cls.cloud.user('mia', 'member', project='ours'),
            'reader': cls.cloud.user('rita', 'reader', project='ours'),
            'stranger': cls.cloud.user('sam', 'member', project='theirs'),
            'foreign admin': cls.cloud.user('fay', 'admin', project='theirs'),
            'service': cls.cloud.user('nova', 'service', project='service'),
            'domain': cls.cloud.user('dora', 'admin', domain='default'),
            'system': cls.cloud.user('sue', 'admin', system='all'),
        }
        cls.tokens = {n: user.token() for n, user in cls.users.items()}

        def reported() -> bool:
            cls.server = cls.find_server()
            return cls.server is not None

        cls.cloud.register_compute(cls.service.url)
        processes.wait_for(reported, 'the report of the server')

    @classmethod
    def _use(cls, fixture: F) -> F:
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    @classmethod
    def find_server(cls) -> str | None:
        answer = cls.ask('member', 'GET', '/servers')
        found = answer.json['servers']
        return found[0]['id'] if found else None

    @classmethod
    def ask(
        cls, who: str, method: str, path: str, body: object = None
    ) -> deployment.Answer:
        return cls.send(cls.tokens[who], method, path, body)

    @classmethod
    def send(
        cls,
        token: str | None,
        method: str,
        path: str,
        body: object = None,
        service_token: str | None = None,
    ) -> deployment.Answer:
        return deployment.call(
            cls.service.url + path,
            method,
            body,
            X_Auth_Token=token,
            X_Service_Token=service_token,
            OpenStack_API_Version='compute 2.99',
        )

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, *NEEDS)

    def console_token(self) -> str:
        path = f'/servers/{self.server}/remote-consoles'
        answer = self.ask('member', 'POST', path, VNC)
        return answer.json['remote_console']['url'].rpartition('token%3D')[2]

    def check(
        self, method: str, path: str, body: object, **expected: int
    ) -> None:
        """Everybody gets the status that is named, all others 403."""
        for who in self.users:
            with self.subTest(who):
                answer = self.ask(who, method, path, body)
                self.assertEqual(
                    expected.get(who.replace(' ', '_'), 403), answer.status
                )


class KeystoneTest(KeystoneTestCase):
    def test_console_is_for_members_and_administrators(self) -> None:
        self.check(
            'POST',
            f'/servers/{self.server}/remote-consoles',
            VNC,
            admin=200,
            member=200,
            foreign_admin=200,
            stranger=404,
            service=404,
        )

    def test_console_log_is_for_members_and_administrators(self) -> None:
        self.check(
            'POST',
            f'/servers/{self.server}/action',
            LOG,
            admin=200,
            member=200,
            foreign_admin=200,
            stranger=404,
            service=404,
        )

    def test_connection_facts_are_for_services_and_administrators(
        self,
    ) -> None:
        self.check(
            'GET',
            f'/os-console-auth-tokens/{self.console_token()}',
            None,
            admin=200,
            foreign_admin=200,
            service=200,
        )

    def test_server_is_shown_to_readers_of_its_project(self) -> None:
        self.check(
            'GET',
            f'/servers/{self.server}',
            None,
            admin=200,
            member=200,
            reader=200,
            foreign_admin=200,
            stranger=404,
            service=404,
        )

    def test_list_is_for_readers(self) -> None:
        for path in ('/servers', '/servers/detail'):
            self.check(
                'GET',
                path,
                None,
                admin=200,
                member=200,
                reader=200,
                foreign_admin=200,
                stranger=200,
            )

    def test_list_of_all_projects_is_for_administrators(self) -> None:
        for path in ('/servers', '/servers/detail'):
            self.check(
                'GET',
                f'{path}?all_tenants=1',
                None,
                admin=200,
                foreign_admin=200,
            )

    def test_list_has_the_servers_of_the_project_only(self) -> None:
        answer = self.ask('stranger', 'GET', '/servers')
        self.assertEqual([], answer.json['servers'])

    def test_project_in_the_path_must_be_the_one_of_the_token(self) -> None:
        for name, status in (('ours', 200), ('theirs', 400)):
            with self.subTest(name):
                path = f'/{self.cloud.projects[name]}/servers'
                self.assertEqual(
                    status, self.ask('member', 'GET', path).status
                )

    def check_unauthorized(self, answer: deployment.Answer) -> None:
        self.assertEqual(401, answer.status)
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertEqual(401, answer.json['unauthorized']['code'])
        self.assertEqual(
            f'Keystone uri="{self.cloud.url}"',
            answer.headers['WWW-Authenticate'],
        )
        self.assertTrue(answer.headers['X-OpenStack-Request-Id'])

    def test_no_token_is_refused(self) -> None:
        self.check_unauthorized(self.send(None, 'GET', '/servers'))

    def test_garbage_is_refused(self) -> None:
        for token in ('garbage', 'gAAAAAB' + 'x' * 200, 'a' * 9000, '%00'):
            with self.subTest(token[:20]):
                self.check_unauthorized(self.send(token, 'GET', '/servers'))

    def test_revoked_token_is_refused(self) -> None:
        token = self.users['member'].token()
        self.cloud.revoke(token)
        self.check_unauthorized(self.send(token, 'GET', '/servers'))

    def test_token_of_somebody_without_a_role_is_refused(self) -> None:
        user = self.cloud.user(self.id()[-60:], None, project='ours')
        with self.assertRaises(ks_exceptions.Unauthorized):
            user.token()

    def test_expired_token_is_good_with_a_service_beside_it_only(
        self,
    ) -> None:
        token = self.cloud.expired(self.users['member'])
        self.check_unauthorized(self.send(token, 'GET', '/servers'))
        for who, status in (('service', 200), ('stranger', 401)):
            with self.subTest(who):
                answer = self.send(
                    token, 'GET', '/servers', None, self.tokens[who]
                )
                self.assertEqual(status, answer.status)

    def test_versions_need_no_token(self) -> None:
        for path in ('', '/'):
            answer = self.send(None, 'GET', path)
            self.assertEqual(200, answer.status)

    def test_silent_keystone_gives_503_and_recovers(self) -> None:
        token = self.users['member'].token()
        self.cloud.stop()
        answer = self.send(token, 'GET', '/servers')
        self.assertEqual(503, answer.status)
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertEqual(503, answer.json['serviceUnavailable']['code'])
        self.cloud.start()
        self.assertEqual(200, self.send(token, 'GET', '/servers').status)

    def openstack(self, who: str) -> client.OpenStackClient:
        """The stock client, which finds the API in the catalog."""
        parts.require(self, 'openstackclient')
        folder = self.useFixture(fixtures.TempDir()).path
        cloud = {
            'auth_type': 'password',
            'auth': self.users[who].authentication(),
            'region_name': keystone.REGION,
            'identity_api_version': 3,
        }
        path = pathlib.Path(folder) / 'clouds.yaml'
        path.write_text(yaml.safe_dump({'clouds': {'real': cloud}}))
        return client.OpenStackClient(path, 'real')

    def test_member_gets_a_url_whose_page_is_there(self) -> None:
        url = self.openstack('member').console_url('web')
        self.assertTrue(url.startswith(self.service.proxy_url))

    def test_member_reads_the_log(self) -> None:
        log = self.openstack('member').run('console', 'log', 'show', 'web')
        self.assertIn('booted', log)

    def test_service_reads_the_connection_facts(self) -> None:
        shown = self.openstack('service').run(
            *('console', 'connection', 'show', self.console_token()),
            *('-f', 'value', '-c', 'instance_uuid'),
        )
        self.assertEqual(self.server, shown.strip())

    def test_reader_is_told_that_policy_does_not_allow_it(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "Policy doesn't allow"):
            self.openstack('reader').console_url('web')

    def test_stranger_finds_no_such_server(self) -> None:
        with self.assertRaisesRegex(RuntimeError, 'No [Ss]erver found'):
            self.openstack('stranger').console_url('web')
