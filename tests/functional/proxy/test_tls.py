# SPDX-License-Identifier: Apache-2.0
"""Sessions through TLS to a hypervisor on a real socket."""

import asyncio
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import unittest

from cryptography.hazmat.primitives import serialization

from console_api import exception
from console_api.proxy import server
from tests.fixtures import certificates
from tests.functional.proxy import harness

X509_NONE = b'\x00\x00\x01\x04'
_MIB = 1024 * 1024


class TlsCase(harness.ProxyTestCase):
    """A backend that speaks RFB within VeNCrypt, type X509None."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.ca = certificates.Authority(self.top)
        pair = self.ca.issue('127.0.0.1')
        self.backend_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.backend_context.load_cert_chain(pair.certificate, pair.key)
        self.set(
            'vnc',
            auth_schemes=['vencrypt'],
            vencrypt_ca_certs=str(self.ca.certificate),
        )

    async def agree(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Be a server up to the TLS handshake."""
        writer.write(harness.V38)
        assert await reader.readexactly(12) == harness.V38
        writer.write(b'\x01\x13')
        assert await reader.readexactly(1) == b'\x13'
        writer.write(b'\x00\x02')
        assert await reader.readexactly(2) == b'\x00\x02'
        writer.write(b'\x00\x01' + X509_NONE)
        assert await reader.readexactly(4) == X509_NONE
        writer.write(b'\x01')

    async def protect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Be a server up to the SecurityResult."""
        await self.agree(reader, writer)
        await writer.start_tls(self.backend_context)
        writer.write(bytes(4))

    async def echo(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self.protect(reader, writer)
        await harness.echo(reader, writer)


class SessionTest(TlsCase):
    async def test_bytes_arrive_whole_both_ways(self) -> None:
        await self.with_backend(self.echo)
        data = os.urandom(8 * _MIB)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            sending = asyncio.ensure_future(ws.send(data))
            self.assertEqual(data, await harness.receive(ws, len(data)))
            await sending

    async def test_what_came_with_the_result_is_not_lost(self) -> None:
        async def eager(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.protect(reader, writer)
            writer.write(b'early' * 40_000)
            await reader.read()

        await self.with_backend(eager)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            data = await harness.receive(ws, 200_000)
            self.assertEqual(b'early' * 40_000, data)

    async def test_client_that_stops_reading_stops_the_guest(self) -> None:
        sent = 0

        async def flood(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            nonlocal sent
            await self.protect(reader, writer)
            while True:
                writer.write(bytes(_MIB))
                sent += 1
                await writer.drain()
                # Behind TLS drain() returns at once when the connection is
                # lost; the loop could never tell.
                await asyncio.sleep(0)

        await self.with_backend(flood)
        async with self.connect(max_queue=1, close_timeout=0) as ws:
            await harness.rfb_open(ws)
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.5)
            # What the kernel's buffers on the way hold, not what came.
            self.assertLess(sent, 64)
            got = await harness.receive_count(ws, 20 * _MIB)
            self.assertGreaterEqual(got, 20 * _MIB)

    async def test_guest_that_stops_reading_stops_the_client(self) -> None:
        seen = asyncio.Event()

        async def stall(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.protect(reader, writer)
            await seen.wait()
            # It would wait for its peer's end behind what it did not read.
            writer.transport.abort()

        await self.with_backend(stall)
        sent = 0
        async with self.connect(close_timeout=0) as ws:
            await harness.rfb_open(ws)

            async def flood() -> None:
                nonlocal sent
                while True:
                    await ws.send(bytes(_MIB))
                    sent += 1

            flooding = asyncio.ensure_future(flood())
            before = -1
            while sent != before and sent < 200:
                before = sent
                await asyncio.sleep(0.5)
            seen.set()
            self.assertLess(sent, 64)
            flooding.cancel()
            ws.transport.abort()

    async def test_end_of_the_guest_ends_the_session(self) -> None:
        async def leave(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.protect(reader, writer)
            writer.write(b'bye')
            await reader.readexactly(1)

        await self.with_backend(leave)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            self.assertEqual(b'bye', await harness.receive(ws, 3))
            await ws.send(b'x')
            self.assertEqual(4005, await self.closing_of(ws))

    async def test_guest_is_told_the_end_of_the_client(self) -> None:
        ended = asyncio.Event()

        async def wait(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.protect(reader, writer)
            # An error here would be an end without a word of TLS.
            self.assertEqual(b'', await reader.read())
            ended.set()

        await self.with_backend(wait)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        await asyncio.wait_for(ended.wait(), harness.DEADLINE)

    async def test_bytes_that_are_not_tls_end_the_session(self) -> None:
        async def break_off(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.protect(reader, writer)
            await reader.readexactly(1)
            plain = writer.get_extra_info('socket')
            os.write(plain.fileno(), b'GET / HTTP/1.1\r\n\r\n' * 10)
            await reader.read()

        await self.with_backend(break_off)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'x')
            self.assertEqual(4005, await self.closing_of(ws))


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSessionTest(SessionTest):
    loop_factory = staticmethod(server.new_event_loop)


class RefusalTest(TlsCase):
    async def assert_refused(self, reason: str) -> None:
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            self.assertEqual(4004, await self.refusal())
            await self.nothing_left()
        self.assertIn(reason, '\n'.join(logs.output))

    async def test_bytes_before_tls(self) -> None:
        async def inject(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(harness.V38 + b'\x01\x13\x00\x02\x00\x01' + X509_NONE)
            writer.write(b'\x01' + bytes(4))
            await reader.read()

        await self.with_backend(inject)
        await self.assert_refused('there are bytes before TLS')

    async def test_no_tls_where_it_should_be(self) -> None:
        async def babble(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.agree(reader, writer)
            await reader.read(100)
            writer.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            await reader.read()

        await self.with_backend(babble)
        await self.assert_refused('TLS failed: WRONG_VERSION_NUMBER')

    async def test_end_within_the_tls_handshake(self) -> None:
        async def leave(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.agree(reader, writer)
            await reader.read(100)

        await self.with_backend(leave)
        await self.assert_refused('TLS failed: the connection was closed')

    async def assert_certificate_refused(
        self, pair: certificates.Pair, reason: str
    ) -> None:
        """A server with this one hears nothing of us within TLS."""
        self.backend_context.load_cert_chain(pair.certificate, pair.key)
        await self.with_backend(self.echo)
        await self.assert_refused(
            f'the certificate was not accepted: {reason}'
        )

    async def test_certificate_of_another_authority(self) -> None:
        other = certificates.Authority(self.top / 'other', 'another one')
        await self.assert_certificate_refused(
            other.issue('127.0.0.1'), 'unable to get local issuer certificate'
        )

    async def test_certificate_of_an_authority_of_the_same_name(self) -> None:
        other = certificates.Authority(self.top / 'other')
        await self.assert_certificate_refused(
            other.issue('127.0.0.1'), 'certificate signature failure'
        )

    async def test_certificate_that_has_expired(self) -> None:
        await self.assert_certificate_refused(
            self.ca.issue('127.0.0.1', expired=True), 'certificate has expired'
        )

    async def test_certificate_of_another_host(self) -> None:
        for host in ('127.0.0.2', 'localhost', '*.0.0.1'):
            pair = self.ca.issue(host)
            self.backend_context.load_cert_chain(pair.certificate, pair.key)
            if self.proxy is None:
                await self.with_backend(self.echo)
            await self.assert_refused(
                "certificate is not valid for '127.0.0.1'"
            )

    async def test_server_without_a_certificate_of_its_own(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers('aNULL:@SECLEVEL=0')
        self.backend_context = context
        await self.with_backend(self.echo)
        await self.assert_refused('TLS failed')

    async def test_silence_within_the_tls_handshake(self) -> None:
        async def wait(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await self.agree(reader, writer)
            while await reader.read(1000):
                pass

        self.set('proxy', negotiation_timeout=1)
        await self.with_backend(wait)
        self.assertEqual(4010, await self.refusal())

    async def test_server_that_goes_down_to_none(self) -> None:
        await self.with_backend(harness.rfb_echo)
        await self.assert_refused('offered: NONE (1)')


class RenewalTest(TlsCase):
    """Other certificates in the files while the proxy runs."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.other_ca = certificates.Authority(self.top / 'other')

    def reload(self) -> None:
        assert self.proxy is not None
        self.proxy.reload()

    def renew_backend(self) -> None:
        """The hypervisor has a certificate of the other authority."""
        pair = self.other_ca.issue('127.0.0.1')
        self.backend_context.load_cert_chain(pair.certificate, pair.key)

    def renew_authorities(self) -> None:
        self.ca.certificate.write_bytes(self.other_ca.certificate.read_bytes())

    async def assert_session(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_new_authority_is_trusted_and_the_old_one_not(self) -> None:
        await self.with_backend(self.echo)
        await self.assert_session()
        self.renew_authorities()
        self.reload()
        self.assertEqual(4004, await self.refusal())
        self.renew_backend()
        await self.assert_session()

    async def test_new_certificate_of_the_proxy_is_shown(self) -> None:
        self.backend_context.verify_mode = ssl.CERT_REQUIRED
        self.backend_context.load_verify_locations(self.other_ca.certificate)
        pair = self.ca.issue('proxy')
        self.set(
            'vnc',
            vencrypt_client_cert=str(pair.certificate),
            vencrypt_client_key=str(pair.key),
        )
        await self.with_backend(self.echo)
        self.assertEqual(4004, await self.refusal())
        new = self.other_ca.issue('proxy')
        pair.certificate.write_bytes(new.certificate.read_bytes())
        pair.key.write_bytes(new.key.read_bytes())
        self.reload()
        await self.assert_session()

    async def test_session_goes_on(self) -> None:
        await self.with_backend(self.echo)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            self.renew_authorities()
            self.reload()
            self.assertEqual(4004, await self.refusal())
            await ws.send(b'still here')
            self.assertEqual(b'still here', await harness.receive(ws, 10))

    async def test_broken_files_leave_the_old_ones_in_use(self) -> None:
        await self.with_backend(self.echo)
        self.ca.certificate.write_text('nothing')
        with self.assertLogs(server.LOG, 'ERROR') as logs:
            self.reload()
        self.assertIn('certificates for hypervisors are kept', logs.output[0])
        self.assertIn(str(self.ca.certificate), logs.output[0])
        await self.assert_session()


class FilesTest(TlsCase):
    async def assert_no_start(self, *words: str) -> None:
        with self.assertRaises(exception.ConfigurationError) as caught:
            await self.start_proxy()
        for word in words:
            self.assertIn(word, str(caught.exception))

    async def test_missing_authorities(self) -> None:
        self.set('vnc', vencrypt_ca_certs='/nowhere/ca.pem')
        await self.assert_no_start('/nowhere/ca.pem', 'No such file')

    async def test_authorities_that_are_none(self) -> None:
        path = self.top / 'empty.pem'
        path.write_text('nothing')
        self.set('vnc', vencrypt_ca_certs=str(path))
        await self.assert_no_start(str(path))

    async def test_key_of_another_certificate(self) -> None:
        one, other = self.ca.issue('one'), self.ca.issue('other')
        self.set(
            'vnc',
            vencrypt_client_cert=str(one.certificate),
            vencrypt_client_key=str(other.key),
        )
        await self.assert_no_start(str(one.certificate), str(other.key))

    async def test_password_of_a_key_is_not_asked_for(self) -> None:
        pair = self.ca.issue('proxy')
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b'secret'),
            )
        )
        paths = [str(pair.certificate), str(pair.key)]
        script = (
            'import sys\n'
            'from console_api.proxy import certificates\n'
            'certificates.client_context(None, *sys.argv[1:])\n'
        )
        # Without a terminal of its own OpenSSL asks on the standard ones.
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, '-c', script, *paths],
            input='secret\n',
            capture_output=True,
            text=True,
            start_new_session=True,
            timeout=harness.DEADLINE,
            check=False,
        )
        self.assertIn('ConfigurationError', done.stderr)
        self.assertNotIn('pass phrase', done.stderr)

    async def test_unused_files_are_not_read(self) -> None:
        self.set(
            'vnc', auth_schemes=['none'], vencrypt_ca_certs='/nowhere/ca.pem'
        )
        await self.start_proxy()
