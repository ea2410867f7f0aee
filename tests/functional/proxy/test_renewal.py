# SPDX-License-Identifier: Apache-2.0
"""Certificates and settings: no good at the start, and new ones later."""

import asyncio
import subprocess
from unittest import mock

from websockets import exceptions

from console_api import exception
from console_api.conf import proxy as proxy_conf
from console_api.proxy import certificates
from console_api.proxy import server
from tests.fixtures import parts
from tests.functional.proxy import harness


class FilesTest(harness.SecureCase):
    """What is wrong with the files when the proxy starts."""

    async def assert_no_start(self, *words: str) -> None:
        with self.assertRaises(exception.ConfigurationError) as caught:
            await self.start_proxy()
        for word in words:
            self.assertIn(word, str(caught.exception))

    async def test_missing_certificate(self) -> None:
        self.set('DEFAULT', cert='/nowhere/cert.pem')
        await self.assert_no_start('cert', '/nowhere/cert.pem', 'No such file')

    async def test_missing_key(self) -> None:
        self.set('DEFAULT', key='/nowhere/key.pem')
        await self.assert_no_start('key', '/nowhere/key.pem', 'No such file')

    async def test_unreadable_key(self) -> None:
        # A folder, for root may read any file.
        self.set('DEFAULT', key=str(self.top))
        await self.assert_no_start('key', str(self.top), 'Is a directory')

    async def test_certificate_that_is_none(self) -> None:
        self.pair.certificate.write_text('nothing')
        await self.assert_no_start(
            str(self.pair.certificate), 'holds no certificate'
        )

    async def test_key_that_is_none(self) -> None:
        self.pair.key.write_text('nothing')
        await self.assert_no_start(str(self.pair.key), 'no private key')

    async def test_key_of_another_certificate(self) -> None:
        self.set('DEFAULT', key=str(self.ca.issue('other').key))
        await self.assert_no_start('is not the key of the certificate')

    async def test_key_with_a_password(self) -> None:
        parts.require(self, 'openssl')
        command = ['openssl', 'pkey', '-in', str(self.pair.key), '-aes256']
        command += ['-passout', 'pass:secret', '-out', str(self.top / 'new')]
        await asyncio.to_thread(
            subprocess.run, command, check=True, timeout=harness.DEADLINE
        )
        self.set('DEFAULT', key=str(self.top / 'new'))
        await self.assert_no_start('is encrypted')

    async def test_ssl_only_without_a_certificate(self) -> None:
        self.set('DEFAULT', cert=None, key=None, ssl_only=True)
        await self.assert_no_start('ssl_only', 'cert is not')

    async def test_key_without_a_certificate(self) -> None:
        self.set('DEFAULT', cert=None)
        await self.assert_no_start('key is set', 'cert is not')

    async def test_cipher_that_does_not_exist(self) -> None:
        self.set('console', ssl_ciphers='NO-SUCH-CIPHER')
        await self.assert_no_start('ssl_ciphers', 'NO-SUCH-CIPHER')

    async def test_key_in_the_file_of_the_certificate(self) -> None:
        with self.pair.certificate.open('ab') as file:
            file.write(self.pair.key.read_bytes())
        self.set('DEFAULT', key=None)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_expired_certificate_is_warned_of(self) -> None:
        pair = self.ca.issue('127.0.0.1', expired=True)
        self.set('DEFAULT', cert=str(pair.certificate), key=str(pair.key))
        with self.assertLogs(certificates.LOG, 'WARNING') as logs:
            await self.start_proxy()
        self.assertIn('has expired', logs.output[0])

    async def test_chain_in_the_wrong_order_is_warned_of(self) -> None:
        with self.pair.certificate.open('ab') as file:
            file.write(self.ca.issue('other').certificate.read_bytes())
        with self.assertLogs(certificates.LOG, 'WARNING') as logs:
            await self.start_proxy()
        self.assertIn('certificate 1 was not issued by', logs.output[0])


class RenewalTest(harness.SecureCase):
    """Other files in their place while the proxy runs."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        patch = mock.patch.object(certificates, 'CHECK_INTERVAL', 0.0)
        patch.start()
        self.addCleanup(patch.stop)

    async def serial(self) -> str:
        """The serial number of the certificate that a client is shown."""
        _, writer = await self.open_raw()
        shown = writer.get_extra_info('peercert')['serialNumber']
        writer.close()
        return str(shown)

    def renew(self) -> None:
        """A new key and certificate under the names of the old ones."""
        pair = self.ca.issue('127.0.0.1')
        self.assertEqual(self.pair, pair)

    async def test_new_files_are_taken_over(self) -> None:
        await self.start_proxy()
        before = await self.serial()
        self.assertEqual(before, await self.serial())
        self.renew()
        self.assertNotEqual(before, await self.serial())

    async def test_session_goes_on(self) -> None:
        await self.with_backend()
        before = await self.serial()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            self.renew()
            self.assertNotEqual(before, await self.serial())
            await ws.send(b'still here')
            self.assertEqual(b'still here', await harness.receive(ws, 10))

    async def test_broken_files_leave_the_old_certificate(self) -> None:
        await self.start_proxy()
        before = await self.serial()
        self.pair.key.write_text('nothing')
        with self.assertLogs(certificates.LOG, 'ERROR') as logs:
            self.assertEqual(before, await self.serial())
            self.assertEqual(before, await self.serial())
        self.assertEqual(1, len(logs.output))
        self.assertIn('The old certificate is kept', logs.output[0])
        self.assertIn(str(self.pair.key), logs.output[0])

    async def test_mended_files_are_taken_over(self) -> None:
        await self.start_proxy()
        before = await self.serial()
        self.pair.certificate.unlink()
        self.assertEqual(before, await self.serial())
        self.renew()
        self.assertNotEqual(before, await self.serial())

    async def test_files_are_not_looked_at_for_each_connection(self) -> None:
        await self.start_proxy()
        before = await self.serial()
        with mock.patch.object(certificates, 'CHECK_INTERVAL', 3600.0):
            self.renew()
            self.assertEqual(before, await self.serial())

    async def test_reload_does_not_wait_for_the_next_look(self) -> None:
        await self.start_proxy()
        before = await self.serial()
        assert self.proxy is not None
        with mock.patch.object(certificates, 'CHECK_INTERVAL', 3600.0):
            self.renew()
            self.proxy.reload()
            self.assertNotEqual(before, await self.serial())


class OriginsTest(harness.ProxyTestCase):
    """Other allowed origins while the proxy runs."""

    page = 'https://dash.example.com'

    async def status(self) -> int:
        """How a page of that origin is answered."""
        try:
            async with self.connect(origin=self.page):
                return 101
        except exceptions.InvalidStatus as exc:
            return exc.response.status_code

    async def reload(self, *origins: str) -> None:
        self.set('console', allowed_origins=list(origins))
        assert self.proxy is not None
        self.proxy.reload()

    async def test_new_origin_is_let_in(self) -> None:
        await self.with_backend()
        self.assertEqual(403, await self.status())
        await self.reload(self.page)
        self.assertEqual(101, await self.status())

    async def test_origin_that_was_taken_off_is_refused(self) -> None:
        self.set('console', allowed_origins=[self.page])
        await self.with_backend()
        async with self.connect(origin=self.page) as ws:
            await harness.rfb_open(ws)
            await self.reload()
            self.assertEqual(403, await self.status())
            await ws.send(b'still here')
            self.assertEqual(b'still here', await harness.receive(ws, 10))

    async def test_new_origin_may_show_a_console_in_a_frame(self) -> None:
        await self.with_backend()
        await self.reload(self.page)
        answer = await self.exchange(
            b'GET /vnc.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        )
        self.assertIn(f"frame-ancestors 'self' {self.page}".encode(), answer)

    async def test_what_is_no_origin_changes_nothing(self) -> None:
        self.set('console', allowed_origins=[self.page])
        await self.with_backend()
        with self.assertLogs(server.LOG, 'ERROR') as logs:
            await self.reload('*')
        self.assertIn('allowed_origins', logs.output[0])
        self.assertEqual(101, await self.status())


class OptionsTest(harness.ProxyTestCase):
    """Other options while the proxy runs."""

    def reload(self, **options: object) -> None:
        self.set('proxy', **options)
        assert self.proxy is not None
        self.proxy.reload()

    async def settled(self) -> server.ProxyServer:
        """The server, with all that a reload has handed to it."""
        assert self.proxy is not None
        assert self.proxy._loop is not None
        done = asyncio.run_coroutine_threadsafe(
            asyncio.sleep(0), self.proxy._loop
        )
        await asyncio.wrap_future(done)
        return self.proxy.server

    async def test_limit_is_taken_over(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            self.reload(max_sessions=1)
            with self.assertRaises(exceptions.InvalidStatus) as caught:
                await self.refusal()
        self.assertEqual(503, caught.exception.response.status_code)

    async def test_times_are_taken_over(self) -> None:
        await self.start_proxy()
        self.reload(
            handshake_timeout=1,
            connect_timeout=2,
            negotiation_timeout=3,
            ping_interval=4,
            idle_timeout=5,
        )
        proxy = await self.settled()
        times = proxy._services.settings
        self.assertEqual(
            [1, 2, 3, 4, 5],
            [
                times.handshake_timeout,
                times.connect_timeout,
                times.negotiation_timeout,
                times.ping_interval,
                times.idle_timeout,
            ],
        )
        self.assertEqual(1, proxy._entrance.rules.patience)

    async def test_trusted_proxies_are_taken_over(self) -> None:
        await self.start_proxy()
        self.reload(trusted_proxies=['192.0.2.0/24'])
        proxy = await self.settled()
        self.assertTrue(proxy._entrance.rules.trust.covers('192.0.2.1'))

    async def test_what_is_no_network_is_not_taken_over(self) -> None:
        self.set('proxy', trusted_proxies=['192.0.2.1'])
        await self.start_proxy()
        with self.assertLogs(server.LOG, 'ERROR') as logs:
            self.reload(trusted_proxies=['nothing'])
        self.assertIn('trusted proxies are kept', logs.output[0])
        proxy = await self.settled()
        self.assertTrue(proxy._entrance.rules.trust.covers('192.0.2.1'))

    async def test_all_that_is_taken_over_may_change(self) -> None:
        for name in (
            *('trusted_proxies', 'ping_interval', 'idle_timeout'),
            *('max_sessions', 'max_sessions_per_client', 'max_handshakes'),
            *('max_sessions_per_server', 'max_handshakes_per_client'),
            'handshake_timeout',
            *('connect_timeout', 'negotiation_timeout'),
        ):
            (found,) = (opt for opt in proxy_conf.OPTS if opt.name == name)
            self.assertTrue(found.mutable, name)
