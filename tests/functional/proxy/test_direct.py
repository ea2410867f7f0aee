# SPDX-License-Identifier: Apache-2.0
"""The files with which virt-viewer connects by itself."""

import asyncio
import configparser
import dataclasses
import http.client
import pathlib
import tempfile

from console_api import exception
from console_api.consoles import types
from console_api.proxy import direct
from console_api.proxy import tally
from tests import base
from tests.functional.proxy import harness

PATH = '/spice-direct?token='


class DirectCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.grant(5900, 'spice-direct', host='hypervisor-1')

    def lead_to(self, **connect: object) -> None:
        """Change where the token leads."""
        grant = self.authority.answers[harness.TOKEN]
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant, connect=dataclasses.replace(grant.connect, **connect)
        )

    async def ask(
        self, path: str, method: str = 'GET'
    ) -> tuple[http.client.HTTPResponse, bytes]:
        def run() -> tuple[http.client.HTTPResponse, bytes]:
            client = http.client.HTTPConnection(*self.address, timeout=30)
            client.request(method, path)
            response = client.getresponse()
            body = response.read()
            client.close()
            return response, body

        return await asyncio.to_thread(run)

    async def file(self, path: str = PATH) -> dict[str, str]:
        """The entries of the file at this path."""
        response, body = await self.ask(f'{path}{harness.TOKEN}')
        self.assertEqual(200, response.status)
        parser = configparser.RawConfigParser(delimiters='=')
        parser.read_string(body.decode())
        self.assertEqual(['virt-viewer'], parser.sections())
        return dict(parser['virt-viewer'])

    async def assert_none(self, status: int, path: str) -> None:
        response, body = await self.ask(path)
        self.assertEqual((status, b''), (response.status, body))
        self.assertEqual('no-store', response.headers['Cache-Control'])


class ViewerFileTest(DirectCase):
    async def test_names_the_console(self) -> None:
        await self.start_proxy()
        self.assertEqual(
            {
                'type': 'spice',
                'host': 'hypervisor-1',
                'port': '5900',
                'title': 'the-server',
                'delete-this-file': '1',
            },
            await self.file(),
        )

    async def test_is_for_virt_viewer_and_is_not_kept(self) -> None:
        await self.start_proxy()
        response, _ = await self.ask(f'{PATH}{harness.TOKEN}')
        headers = response.headers
        self.assertEqual('application/x-virt-viewer', headers['Content-Type'])
        self.assertEqual('no-store', headers['Cache-Control'])
        self.assertEqual('no-referrer', headers['Referrer-Policy'])
        self.assertEqual('nosniff', headers['X-Content-Type-Options'])
        self.assertIn('.vv', headers['Content-Disposition'])

    async def test_is_at_the_path_of_the_base_url_and_its_ends(self) -> None:
        url = 'https://console.example.com/edge/nova'
        self.set('spice', spice_direct_proxy_base_url=url)
        await self.start_proxy()
        for path in ('/edge/nova', '/nova', '/spice-direct'):
            await self.file(f'{path}?token=')
        for path in ('/edge', '/edge/nova/', '/nova/x', '/'):
            response, _ = await self.ask(f'{path}?token={harness.TOKEN}')
            self.assertIn(response.status, (404, 426), path)

    async def test_bad_token_gets_nothing(self) -> None:
        await self.start_proxy()
        await self.assert_none(404, f'{PATH}unknown')

    async def test_what_cannot_be_a_token_is_not_asked_about(self) -> None:
        await self.start_proxy()
        for query in ('', '?token=', '?token=%0a', '?token=a&token=b', '?x=y'):
            await self.assert_none(404, f'/spice-direct{query}')
        self.assertEqual([], self.authority.asked)

    async def test_only_a_get_uses_the_token(self) -> None:
        await self.start_proxy()
        for method in ('HEAD', 'POST', 'OPTIONS'):
            response, body = await self.ask(f'{PATH}{harness.TOKEN}', method)
            self.assertEqual((405, b''), (response.status, body))
            self.assertEqual('GET', response.headers['Allow'])
        self.assertEqual([], self.authority.asked)

    async def test_token_of_another_console_gets_nothing(self) -> None:
        self.grant(5900, 'spice-html5')
        await self.start_proxy()
        await self.assert_none(404, f'{PATH}{harness.TOKEN}')

    async def test_host_that_does_not_answer(self) -> None:
        unavailable = exception.HostUnavailable('x')
        self.authority.answers[harness.TOKEN] = unavailable
        await self.start_proxy()
        await self.assert_none(503, f'{PATH}{harness.TOKEN}')

    async def test_one_of_too_many_is_asked_to_try_again(self) -> None:
        self.authority.answers[harness.TOKEN] = exception.ServiceBusy()
        await self.start_proxy()
        response, _ = await self.ask(f'{PATH}{harness.TOKEN}')
        self.assertEqual(503, response.status)
        self.assertEqual('5', response.headers['Retry-After'])

    async def test_look_up_that_fails(self) -> None:
        self.authority.answers[harness.TOKEN] = RuntimeError(harness.TOKEN)
        await self.start_proxy()
        with self.assertLogs('console_api', 'DEBUG') as logs:
            await self.assert_none(500, f'{PATH}{harness.TOKEN}')
        told = '\n'.join(logs.output)
        self.assertIn('RuntimeError', told)
        self.assertNotIn(harness.TOKEN, told)

    async def test_look_up_that_hangs_is_given_up(self) -> None:
        self.authority.answers[harness.TOKEN] = None
        self.set('proxy', authority_timeout=1)
        await self.start_proxy()
        await self.assert_none(503, f'{PATH}{harness.TOKEN}')
        self.assertEqual([harness.TOKEN], self.authority.cancelled)

    async def test_host_cannot_add_to_the_file(self) -> None:
        await self.start_proxy()
        for host in ('a\nport=1', 'a b', 'a=b', '', 'a\x00'):
            self.lead_to(host=host)
            await self.assert_none(404, f'{PATH}{harness.TOKEN}')

    async def test_password_and_token_are_not_told(self) -> None:
        self.grant(5900, 'spice-direct', secret='hunter42')
        await self.start_proxy()
        with self.assertLogs('console_api', 'DEBUG') as logs:
            _, body = await self.ask(f'{PATH}{harness.TOKEN}')
        self.assertNotIn(b'hunter42', body)
        told = body.decode() + '\n'.join(logs.output)
        self.assertNotIn(harness.TOKEN, told)
        self.assertIn('user the-user of project the-project', told)


class SecureTest(DirectCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ca = pathlib.Path(folder.name) / 'ca.pem'
        self.ca.write_text('-----BEGIN-----\nabc\\\n-----END-----\n')
        self.set('spice', direct_ca_certs=str(self.ca))

    async def assert_secure(self, **more: str) -> None:
        # CVE-2013-6434: a viewer tries a plain port first.
        self.assertEqual(
            {
                'type': 'spice',
                'host': 'hypervisor-1',
                'tls-port': '5901',
                'title': 'the-server',
                'delete-this-file': '1',
                'ca': '-----BEGIN-----\\nabc\\\\\\n-----END-----\\n',
                'host-subject': 'CN=hypervisor-1',
            }
            | more,
            await self.file(),
        )

    async def test_tls_port_alone_is_named_where_it_is_required(self) -> None:
        self.lead_to(tls_port=5901)
        self.set('spice', require_secure=True)
        await self.start_proxy()
        await self.assert_secure()

    async def test_tls_port_alone_is_named_where_there_is_no_other(
        self,
    ) -> None:
        self.lead_to(port=5901, tls_port=5901)
        await self.start_proxy()
        await self.assert_secure()

    async def test_new_authorities_are_named_after_a_reload(self) -> None:
        self.lead_to(port=5901, tls_port=5901)
        await self.start_proxy()
        self.ca.write_text('others')
        await self.assert_secure()
        assert self.proxy is not None
        self.proxy.reload()
        await self.assert_secure(ca='others')

    async def test_guest_without_tls_gets_nothing_where_required(self) -> None:
        self.set('spice', require_secure=True)
        await self.start_proxy()
        await self.assert_none(404, f'{PATH}{harness.TOKEN}')

    async def test_subject_is_the_operators(self) -> None:
        self.lead_to(port=5901, tls_port=5901)
        self.set('spice', direct_host_subject='C=DE,O=X,CN={host}')
        await self.start_proxy()
        await self.assert_secure(
            **{'host-subject': 'C=DE,O=X,CN=hypervisor-1'}
        )

    async def test_plain_file_has_no_certificates(self) -> None:
        self.lead_to(tls_port=5901)
        await self.start_proxy()
        entries = await self.file()
        self.assertEqual('5900', entries['port'])
        self.assertNotIn('ca', entries)
        self.assertNotIn('tls-port', entries)

    async def test_missing_authorities_are_said_at_the_start(self) -> None:
        self.set('spice', direct_ca_certs='/nowhere/ca.pem')
        with self.assertRaises(exception.ConfigurationError) as caught:
            await self.start_proxy()
        self.assertIn('/nowhere/ca.pem', str(caught.exception))


class SettingsTest(base.TestCase):
    def test_address_of_ipv6_is_taken(self) -> None:
        settings = direct.Settings(frozenset())
        files = direct.DirectFiles(
            settings, harness.FakeAuthority(), tally.Tally()
        )
        grant = types.ConsoleGrant(
            's', 'spice-direct', types.ConnectInfo('2001:db8::1', 5900), 0
        )
        entries = files._entries(grant)
        assert entries is not None
        self.assertEqual('2001:db8::1', entries['host'])
