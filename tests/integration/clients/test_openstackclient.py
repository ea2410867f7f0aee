# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` command, unmodified, finds every console."""

import json
from urllib import parse

from tests import base
from tests.fixtures import client
from tests.fixtures import parts
from tests.fixtures import served
from tests.fixtures import standalone

#: Option -> protocol, type and how the URL starts.
CONSOLES = {
    '--novnc': ('vnc', 'novnc', f'{served.PROXY}/vnc_auto.html?path='),
    '--spice': ('spice', 'spice-html5', f'{served.PROXY}/spice_auto.html?'),
    '--spice-direct': (
        'spice',
        'spice-direct',
        f'{served.PROXY}/spice-direct?',
    ),
    '--serial': ('serial', 'serial', 'ws://proxy.example.com:6080/?'),
    '--mks': ('mks', 'webmks', f'{served.PROXY}/mks.html?'),
}
#: Those that there were before microversion 2.6.
LEGACY = ('--novnc', '--spice', '--serial')
OLD = ('--os-compute-api-version', '2.1')


class OpenStackClientTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'openstackclient')
        self.served = self.useFixture(served.Served())
        self.openstack = client.OpenStackClient(self.served.clouds)

    def show(self, *arguments: str) -> dict[str, object]:
        """What a command shows, by its columns."""
        shown: dict[str, object] = json.loads(
            self.openstack.run(*arguments, '-f', 'json')
        )
        return shown

    def refused(self, *arguments: str) -> str:
        """What a command says when it fails."""
        return str(
            self.assertRaises(RuntimeError, self.openstack.run, *arguments)
        )

    def test_list_of_servers(self) -> None:
        for version in ((), OLD, ('--os-compute-api-version', '2.99')):
            rows = json.loads(
                self.openstack.run(*version, 'server', 'list', '-f', 'json')
            )
            found = {row['Name']: row['Status'] for row in rows}
            self.assertEqual(set(self.served.servers), set(found))
            self.assertEqual('SHUTOFF', found['stopped'])

    def test_one_server(self) -> None:
        for version in ((), OLD, ('--os-compute-api-version', '2.99')):
            shown = self.show(*version, 'server', 'show', 'stopped')
            self.assertEqual(self.served.servers['stopped'], shown['id'])
            self.assertEqual('SHUTOFF', shown['status'])

    def test_url_of_each_console(self) -> None:
        for option, (protocol, kind, start) in CONSOLES.items():
            shown = self.show('console', 'url', 'show', 'every', option)
            self.assertEqual(protocol, shown['protocol'])
            self.assertEqual(kind, shown['type'])
            self.assertTrue(str(shown['url']).startswith(start), shown)

    def test_url_of_each_console_at_2_1(self) -> None:
        for option in LEGACY:
            _, kind, start = CONSOLES[option]
            shown = self.show(*OLD, 'console', 'url', 'show', 'every', option)
            self.assertEqual(kind, shown['type'])
            self.assertTrue(str(shown['url']).startswith(start), shown)

    def test_removed_console_is_refused_with_the_reason(self) -> None:
        for option in ('--xvpvnc', '--rdp'):
            said = self.refused('console', 'url', 'show', 'every', option)
            self.assertIn('consoles of this type were removed', said)

    def test_console_that_the_server_lacks_is_refused(self) -> None:
        said = self.refused('console', 'url', 'show', 'plain', '--spice')
        self.assertIn('Unavailable console type spice-html5', said)

    def test_stopped_server_is_refused_with_the_reason(self) -> None:
        said = self.refused('console', 'url', 'show', 'stopped')
        self.assertIn('vm_state stopped', said)

    def test_log(self) -> None:
        for version in ((), OLD):
            text = self.openstack.run(
                *version, 'console', 'log', 'show', 'every'
            )
            self.assertEqual('first\nsecond\nthird\n', text)

    def test_last_lines_of_the_log(self) -> None:
        text = self.openstack.run(
            'console', 'log', 'show', 'every', '--lines', '1'
        )
        self.assertEqual('third\n', text)

    def test_connection_of_a_token(self) -> None:
        url = self.openstack.console_url('every')
        shown = self.show(
            'console', 'connection', 'show', served.token_of(url)
        )
        self.assertEqual('127.0.0.1', shown['host'])
        self.assertEqual(5900, shown['port'])
        self.assertEqual(self.served.servers['every'], shown['instance_uuid'])

    def test_connection_of_a_native_client(self) -> None:
        shown = self.show('console', 'url', 'show', 'every', '--spice-direct')
        token = served.token_of(str(shown['url']))
        connection = self.show('console', 'connection', 'show', token)
        self.assertEqual(5902, connection['tls_port'])

    def test_connection_of_an_unknown_token_is_refused(self) -> None:
        said = self.refused('console', 'connection', 'show', 'unknown')
        self.assertIn('Token not found', said)

    def test_connection_at_2_1_is_refused(self) -> None:
        url = self.openstack.console_url('every')
        said = self.refused(
            *OLD, 'console', 'connection', 'show', served.token_of(url)
        )
        self.assertIn('Use 2.31 or newer', said)


class StandaloneTest(base.TestCase):
    """The same against a process of its own, as a new user runs it."""

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'openstackclient')
        self.service = self.useFixture(
            standalone.Standalone(f'--inventory={served.INVENTORY}')
        )
        self.openstack = client.OpenStackClient(self.service.clouds)

    def check_url(self, option: str, *version: str) -> None:
        """The URL of the server with everything is one of the proxy."""
        url = self.openstack.run(
            *(*version, 'console', 'url', 'show', 'every', option),
            *('-f', 'value', '-c', 'url'),
        ).strip()
        start = CONSOLES[option][2]
        example = parse.urlsplit(served.PROXY).netloc
        proxy = parse.urlsplit(self.service.facts['proxy_url']).netloc
        self.assertTrue(url.startswith(start.replace(example, proxy)), url)

    def test_urls_are_those_of_the_proxy(self) -> None:
        for option in ('--novnc', '--spice', '--spice-direct', '--serial'):
            self.check_url(option)

    def test_urls_at_2_1_are_those_of_the_proxy(self) -> None:
        for option in LEGACY:
            self.check_url(option, *OLD)

    def test_connection_is_one_of_the_server(self) -> None:
        url = self.openstack.console_url('plain')
        shown = json.loads(
            self.openstack.run(
                *('console', 'connection', 'show', served.token_of(url)),
                *('-f', 'json'),
            )
        )
        self.assertEqual(
            self.service.server_id('plain'), shown['instance_uuid']
        )

    def test_log(self) -> None:
        text = self.openstack.run('console', 'log', 'show', 'every')
        self.assertIn('second\n', text)
