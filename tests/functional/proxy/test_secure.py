# SPDX-License-Identifier: Apache-2.0
"""Clients that come through TLS."""

import asyncio
import contextlib
import os
import pathlib
import socket
import ssl
import subprocess
import unittest

from websockets import exceptions

from console_api.proxy import certificates
from console_api.proxy import server
from console_api.proxy import tls
from tests.fixtures import parts
from tests.functional.proxy import harness
from tests.functional.proxy import test_pressure
from tests.functional.proxy import test_refusals
from tests.functional.proxy import test_session

_REQUEST = b'GET /vnc.html HTTP/1.1\r\nHost: here\r\n\r\n'


class SecureSessionTest(test_session.SessionTest):
    """All that a session does, within TLS."""

    secure = True


class SecureEndTest(test_session.EndTest):
    """All ends of a session, within TLS."""

    secure = True


class SecurePressureTest(test_pressure.PressureTest):
    """Sides that do not read, one of them behind TLS."""

    secure = True


class SecureHttpTest(test_refusals.HttpTest):
    """Bad requests within TLS."""

    secure = True


class SecureClientTest(test_refusals.ClientTest):
    """Clients that break the protocol within TLS."""

    secure = True


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSecureSessionTest(SecureSessionTest):
    loop_factory = staticmethod(server.new_event_loop)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSecureEndTest(SecureEndTest):
    loop_factory = staticmethod(server.new_event_loop)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSecurePressureTest(SecurePressureTest):
    loop_factory = staticmethod(server.new_event_loop)


class HandshakeTest(harness.SecureCase):
    async def plain(self, data: bytes) -> bytes:
        """What comes back for these bytes without TLS."""
        self.trust = None
        return await self.exchange(data)

    async def version(self) -> str | None:
        _, writer = await self.open_raw()
        spoken = writer.get_extra_info('ssl_object').version()
        writer.close()
        await writer.wait_closed()
        return spoken

    async def test_tls_1_3_is_preferred(self) -> None:
        await self.start_proxy()
        self.assertEqual('TLSv1.3', await self.version())

    async def test_tls_1_2_is_spoken(self) -> None:
        await self.with_backend()
        self.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual('TLSv1.2', await self.version())
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_older_version_than_configured_is_refused(self) -> None:
        self.set('console', ssl_minimum_version='tlsv1_3')
        await self.start_proxy()
        self.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            await self.version()
        await self.nothing_left()

    async def test_no_choice_goes_below_tls_1_2(self) -> None:
        # OpenSSL's own defaults may refuse older ones as well, or not.
        for choice in ('default', 'tlsv1_1', 'tlsv1_2'):
            self.set('console', ssl_minimum_version=choice)
            loaded = certificates.load(self.conf)
            assert loaded is not None
            self.assertEqual(
                ssl.TLSVersion.TLSv1_2, loaded.context().minimum_version
            )

    async def test_configured_cipher_is_the_one_that_is_used(self) -> None:
        cipher = 'ECDHE-ECDSA-CHACHA20-POLY1305'
        self.set('console', ssl_ciphers=cipher)
        await self.start_proxy()
        self.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await self.open_raw()
        self.assertEqual(cipher, writer.get_extra_info('cipher')[0])
        writer.close()

    async def test_http_1_1_is_agreed_on_where_http_2_is_offered(self) -> None:
        await self.start_proxy()
        self.trust.set_alpn_protocols(['h2', 'http/1.1'])
        _, writer = await self.open_raw()
        found = writer.get_extra_info('ssl_object').selected_alpn_protocol()
        self.assertEqual('http/1.1', found)
        writer.close()

    async def test_plain_http_is_answered_beside_tls(self) -> None:
        await self.start_proxy()
        answer = await self.plain(
            _REQUEST.replace(b'Host', b'Connection: close\r\nHost')
        )
        self.assertIn(answer[:12], (b'HTTP/1.1 200', b'HTTP/1.1 503'))

    async def test_plain_http_is_refused_where_tls_is_a_must(self) -> None:
        self.set('DEFAULT', ssl_only=True)
        await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            answer = await self.plain(_REQUEST)
            await self.nothing_left()
        self.assertEqual(b'HTTP/1.1 400', answer[:12])
        self.assertIn(b'https://', answer)
        self.assertEqual({'DEBUG'}, {r.levelname for r in logs.records})

    async def test_garbage_after_a_tls_header_is_closed(self) -> None:
        await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            answer = await self.plain(b'\x16\x03\x01\x00\x05' + b'x' * 500)
            await self.nothing_left()
        # An alert and no more (RFC 8446, 6).
        self.assertEqual(b'\x15', answer[:1])
        self.assertIn('TLS failed', '\n'.join(logs.output))

    async def test_silence_before_the_handshake_is_given_up(self) -> None:
        self.set('proxy', handshake_timeout=1)
        await self.start_proxy()
        self.assertEqual(b'', await self.plain(b''))

    async def test_handshake_that_stops_half_way_is_given_up(self) -> None:
        self.set('proxy', handshake_timeout=1)
        await self.start_proxy()
        hello = await self.plain(_client_hello(self.trust))
        # The server's part of the handshake, and then nothing but the end.
        self.assertEqual(b'\x16', hello[:1])
        await self.nothing_left()

    async def test_client_that_leaves_in_the_handshake(self) -> None:
        await self.start_proxy()
        hello = _client_hello(self.trust)
        self.trust = None
        for size in (0, 1, 5, 60, len(hello)):
            _, writer = await self.open_raw()
            writer.write(hello[:size])
            writer.close()
            await writer.wait_closed()
        await self.nothing_left()

    async def test_request_in_one_piece_with_the_finish_is_read(self) -> None:
        await self.start_proxy()
        sock = socket.create_connection(self.address, harness.DEADLINE)
        with sock:
            answer = await asyncio.to_thread(_all_at_once, sock, self.trust)
        self.assertEqual(b'HTTP/1.1 404', answer)

    async def test_handshakes_count_as_connections_without_a_session(
        self,
    ) -> None:
        self.set('proxy', max_handshakes=2)
        await self.start_proxy()
        assert self.proxy is not None
        secure, self.trust = self.trust, None
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                _, writer = await self.open_raw()
                stack.callback(writer.close)
            tasks = self.proxy.server._tasks
            await self.until(lambda: len(tasks) == 2, 'both are accepted')
            self.assertEqual(b'', await self.exchange(b''))
        await self.nothing_left()
        self.trust = secure
        self.assertEqual('TLSv1.3', await self.version())

    async def test_openssl_is_satisfied_with_the_chain(self) -> None:
        parts.require(self, 'openssl')
        await self.start_proxy()
        done = await asyncio.to_thread(_s_client, self.address, self.ca)
        self.assertIn('Verify return code: 0 (ok)', done)
        self.assertIn('HTTP/1.1 404', done)


class OriginTest(harness.SecureCase):
    async def test_own_pages_have_the_scheme_of_the_connection(self) -> None:
        await self.with_backend()
        with self.assertRaises(exceptions.InvalidStatus) as caught:
            await self.connect(origin=self.own_origin.replace('https', 'http'))
        self.assertEqual(403, caught.exception.response.status_code)

    async def test_plain_connection_beside_tls_is_of_http(self) -> None:
        await self.with_backend()
        secure = self.own_origin
        self.trust = None
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        with self.assertRaises(exceptions.InvalidStatus):
            await self.connect(origin=secure)


def _client_hello(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    pipe = context.wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname='127.0.0.1'
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        pipe.do_handshake()
    return outgoing.read()


def _all_at_once(sock: socket.socket, context: ssl.SSLContext) -> bytes:
    """Send a request together with the end of the handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    pipe = context.wrap_bio(incoming, outgoing, server_hostname='127.0.0.1')
    while True:
        try:
            pipe.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(tls.READ_SIZE))
    pipe.write(b'GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n')
    sock.sendall(outgoing.read())
    while True:
        try:
            return pipe.read(12)
        except ssl.SSLWantReadError:
            incoming.write(sock.recv(tls.READ_SIZE))


def _s_client(address: tuple[str, int], ca: object) -> str:
    certificate: pathlib.Path = ca.certificate  # type: ignore[attr-defined]
    done = subprocess.run(
        [
            'openssl',
            's_client',
            *('-connect', f'{address[0]}:{address[1]}'),
            *('-CAfile', str(certificate), '-verify_return_error'),
            '-ign_eof',
        ],
        input='GET /nothing HTTP/1.0\r\nHost: here\r\n\r\n',
        capture_output=True,
        text=True,
        timeout=harness.DEADLINE,
        check=True,
        env=os.environ,
    )
    return done.stdout
