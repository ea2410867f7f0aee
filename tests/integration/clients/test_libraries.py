# SPDX-License-Identifier: Apache-2.0
"""openstacksdk, novaclient and Tempest's clients work unmodified."""

from typing import Any

import fixtures
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from novaclient import client as nova_client
from novaclient import exceptions as nova_exceptions
import openstack
from openstack import exceptions as sdk_exceptions
from tempest.lib import exceptions as tempest_exceptions
from tempest.lib.services.compute import base_compute_client
from tempest.lib.services.compute import servers_client

from tests import base
from tests.fixtures import served

TYPES = {
    'novnc': 'vnc',
    'spice-html5': 'spice',
    'spice-direct': 'spice',
    'serial': 'serial',
    'webmks': 'mks',
}


class SdkTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # The client warns of what it will remove from itself.
        self.useFixture(
            fixtures.WarningsFilter(
                [{'action': 'ignore', 'module': 'openstack'}]
            )
        )
        self.served = self.useFixture(served.Served())
        self.compute = self.connect()

    def connect(self, **options: str) -> Any:
        """The client of the API."""
        connection = openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            auth_type='none',
            endpoint=self.served.endpoint,
            compute_endpoint_override=self.served.endpoint,
            **options,
        )
        self.addCleanup(connection.close)
        return connection.compute

    def test_console_of_each_type(self) -> None:
        server = self.compute.find_server('every', ignore_missing=False)
        for kind, protocol in TYPES.items():
            console = self.compute.create_console(server, kind)
            self.assertEqual(kind, console['type'])
            self.assertEqual(protocol, console['protocol'])
            self.assertEqual(64, len(served.token_of(console['url'])))

    def test_legacy_console(self) -> None:
        compute = self.connect(compute_default_microversion='2.1')
        server = compute.find_server('every', ignore_missing=False)
        console = compute.get_server_console_url(server, 'novnc')
        self.assertEqual('novnc', console['type'])
        self.assertEqual(64, len(served.token_of(console['url'])))

    def test_connection_of_a_token(self) -> None:
        server = self.compute.find_server('every', ignore_missing=False)
        console = self.compute.create_console(server, 'novnc')
        found = self.compute.validate_console_auth_token(
            served.token_of(console['url'])
        )
        self.assertEqual(server.id, found.instance_uuid)
        self.assertEqual(5900, found.port)

    def test_output(self) -> None:
        server = self.compute.find_server('every', ignore_missing=False)
        output = self.compute.get_server_console_output(server, length=2)
        self.assertEqual('second\nthird\n', output['output'])

    def test_lists_servers_page_by_page(self) -> None:
        names = [server.name for server in self.compute.servers(limit=1)]
        self.assertCountEqual(self.served.servers, names)

    def test_refusal_says_why(self) -> None:
        server = self.compute.find_server('stopped', ignore_missing=False)
        exc = self.assertRaises(
            sdk_exceptions.ConflictException,
            self.compute.create_console,
            server,
            'novnc',
        )
        self.assertIn('vm_state stopped', str(exc))


class NovaClientTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.served = self.useFixture(served.Served())

    def servers(self, version: str) -> Any:
        """The client's manager of servers at this microversion."""
        session = keystone_session.Session(auth=noauth.NoAuth())
        self.addCleanup(session.session.close)
        return nova_client.Client(
            version, session=session, endpoint_override=self.served.endpoint
        ).servers

    def test_console_of_each_type(self) -> None:
        server = self.servers('2.8').find(name='every')
        for kind, protocol in TYPES.items():
            if kind == 'spice-direct':
                # The client was frozen before there was such a type.
                continue
            console = server.get_console_url(kind)['remote_console']
            self.assertEqual(kind, console['type'])
            self.assertEqual(protocol, console['protocol'])
            self.assertEqual(64, len(served.token_of(console['url'])))

    def test_legacy_consoles(self) -> None:
        server = self.servers('2.1').find(name='every')
        for console in (
            server.get_vnc_console('novnc'),
            server.get_spice_console('spice-html5'),
            server.get_serial_console('serial'),
        ):
            url = console['console']['url']
            self.assertEqual(64, len(served.token_of(url)))

    def test_output_without_a_length(self) -> None:
        for version in ('2.1', '2.53'):
            server = self.servers(version).find(name='every')
            self.assertEqual(
                'first\nsecond\nthird\n', server.get_console_output()
            )

    def test_server_without_output_is_not_found(self) -> None:
        server = self.servers('2.1').find(name='plain')
        self.assertRaises(nova_exceptions.NotFound, server.get_console_output)


class NoAuth:
    """What Tempest's clients want of an authentication provider."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def auth_request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: str | None = None,
        filters: object = None,
    ) -> tuple[str, dict[str, str], str | None]:
        """The request with its whole URL."""
        return f'{self._endpoint}/{url.lstrip("/")}', headers or {}, body


class TempestTest(base.TestCase):
    """Its clients check each answer by schemas of their own."""

    def setUp(self) -> None:
        super().setUp()
        self.served = self.useFixture(served.Served())
        self.client = servers_client.ServersClient(
            NoAuth(self.served.endpoint), 'compute', 'RegionOne'
        )
        self.server_id = self.served.servers['every']

    def speak(self, version: str) -> None:
        """Send this microversion from now on."""
        self.useFixture(
            fixtures.MonkeyPatch(
                f'{base_compute_client.__name__}.COMPUTE_MICROVERSION',
                version,
            )
        )

    def test_remote_consoles(self) -> None:
        for version, kinds in (
            ('2.6', ('novnc', 'spice-html5', 'serial')),
            ('2.8', ('webmks',)),
            ('2.99', ('spice-direct', 'novnc')),
        ):
            self.speak(version)
            for kind in kinds:
                console = self.client.get_remote_console(
                    self.server_id, console_type=kind, protocol=TYPES[kind]
                )['remote_console']
                self.assertEqual(kind, console['type'])
                self.assertEqual(64, len(served.token_of(console['url'])))

    def test_vnc_console(self) -> None:
        console = self.client.get_vnc_console(self.server_id, type='novnc')
        self.assertEqual('novnc', console['console']['type'])

    def test_vnc_console_of_an_unknown_type_is_a_bad_request(self) -> None:
        self.assertRaises(
            tempest_exceptions.BadRequest,
            self.client.get_vnc_console,
            self.server_id,
            type='invalid',
        )

    def test_output(self) -> None:
        for version in (None, '2.99'):
            if version is not None:
                self.speak(version)
            output = self.client.get_console_output(self.server_id, length=1)
            self.assertEqual('third\n', output['output'])

    def test_connection_of_a_native_client(self) -> None:
        self.speak('2.99')
        url = self.client.get_remote_console(
            self.server_id, console_type='spice-direct', protocol='spice'
        )['remote_console']['url']
        found = self.client.get_console_auth_token_details(
            served.token_of(url)
        )['console']
        self.assertEqual(self.server_id, found['instance_uuid'])
        self.assertEqual(5902, found['tls_port'])
        self.assertIsNone(found['internal_access_path'])

    def test_servers(self) -> None:
        listed = self.client.list_servers()['servers']
        self.assertCountEqual(
            self.served.servers, [server['name'] for server in listed]
        )
