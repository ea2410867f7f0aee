# SPDX-License-Identifier: Apache-2.0
"""Proxies in front: what they say of their clients, and HAProxy itself."""

import asyncio
import contextlib
import pathlib
import socket
import subprocess
import tempfile

from websockets import exceptions
from websockets.asyncio import client as ws_client

from console_api import exception
from console_api.proxy import forwarded
from console_api.proxy import listeners
from console_api.proxy import post as posts
from tests.fixtures import parts
from tests.fixtures import processes
from tests.functional.proxy import harness
from tests.unit.proxy import test_proxyprotocol as headers

_PAGE = 'https://console.example.com'
_REQUEST = b'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'


class FrontCase(harness.ProxyTestCase):
    async def status(self, **options: object) -> int:
        """How a request for a session is answered."""
        try:
            async with self.connect(**options):
                return 101
        except exceptions.InvalidStatus as exc:
            return exc.response.status_code

    def claims(self, **values: str) -> dict[str, object]:
        return {
            'additional_headers': {
                f'X-Forwarded-{name.capitalize()}': value
                for name, value in values.items()
            }
        }


class HeadersTest(FrontCase):
    async def start(self, *trusted: str) -> None:
        self.set('proxy', trusted_proxies=list(trusted))
        await self.with_backend()

    async def test_page_of_the_forwarded_host_is_an_own_one(self) -> None:
        await self.start('127.0.0.0/8')
        claims = self.claims(proto='https', host='console.example.com')
        self.assertEqual(101, await self.status(origin=_PAGE, **claims))
        self.assertEqual(403, await self.status(origin=_PAGE))

    async def test_nobody_else_is_believed(self) -> None:
        await self.start('192.0.2.0/24')
        claims = self.claims(proto='https', host='console.example.com')
        self.assertEqual(403, await self.status(origin=_PAGE, **claims))

    async def test_scheme_alone_is_taken(self) -> None:
        await self.start('127.0.0.1')
        page = self.own_origin.replace('http', 'https')
        claims = self.claims(proto='https')
        self.assertEqual(101, await self.status(origin=page, **claims))

    async def test_log_has_the_client(self) -> None:
        await self.start('127.0.0.1')
        claims = self.claims(**{'for': '6.6.6.6, 192.0.2.7'})
        with self.assertLogs('console_api.proxy', 'INFO') as logs:
            self.assertEqual(101, await self.status(**claims))
            await self.nothing_left()
        self.assertIn('192.0.2.7:0', '\n'.join(logs.output))
        self.assertNotIn('127.0.0.1:', '\n'.join(logs.output))

    async def test_each_client_has_a_limit_of_its_own(self) -> None:
        self.set('proxy', max_sessions_per_client=1)
        await self.start('127.0.0.1')
        one = self.claims(**{'for': '192.0.2.7'})
        other = self.claims(**{'for': '192.0.2.8'})
        async with self.connect(**one) as ws:
            await harness.rfb_open(ws)
            self.assertEqual(503, await self.status(origin=None, **one))
            self.assertEqual(101, await self.status(**other))

    async def test_network_of_an_ipv6_client_has_one_limit(self) -> None:
        self.set('proxy', max_sessions_per_client=1)
        await self.start('127.0.0.1')
        one = self.claims(**{'for': '2001:db8::1'})
        same = self.claims(**{'for': '2001:db8::ffff:0:0:2'})
        other = self.claims(**{'for': '2001:db8:0:1::1'})
        async with self.connect(**one) as ws:
            await harness.rfb_open(ws)
            self.assertEqual(503, await self.status(origin=None, **same))
            self.assertEqual(101, await self.status(**other))

    async def test_page_may_connect_to_the_forwarded_host(self) -> None:
        await self.start('127.0.0.1')
        answer = await self.exchange(
            b'GET /vnc.html HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n'
            b'X-Forwarded-Host: console.example.com\r\n\r\n'
        )
        self.assertIn(b'wss://console.example.com', answer)
        self.assertNotIn(b'inner', answer)

    async def test_what_is_no_network_keeps_it_from_starting(self) -> None:
        with self.assertRaisesRegex(
            exception.ConfigurationError, 'trusted_proxies.*lb.example.com'
        ):
            await self.start('lb.example.com')


class UnixSocketTest(FrontCase):
    """A proxy in front on the same host, which comes by a Unix socket."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = f'{folder.name}/socket'
        listening = listeners.UnixSocket(self.path, 0o600)
        self.addCleanup(listening.close)
        self.post = posts.Post(place=listeners.Place(shared=listening.socket))
        self.headers = self.claims(
            **{'for': '192.0.2.7'}, proto='https', host='console.example.com'
        )

    def connect(self, *_: object, **options: object) -> ws_client.connect:
        return ws_client.unix_connect(
            self.path,
            f'ws://inner/?token={harness.TOKEN}',
            compression=None,
            **(self.headers | options),
        )

    async def session_log(self) -> str:
        """What the log has of a session of no page."""
        with self.assertLogs('console_api.proxy', 'INFO') as logs:
            async with self.connect() as ws:
                await harness.rfb_open(ws)
                await ws.send(b'hello')
                self.assertEqual(b'hello', await harness.receive(ws, 5))
            await self.nothing_left()
        return '\n'.join(logs.output)

    async def test_proxy_in_front_is_believed_where_unix_is_trusted(
        self,
    ) -> None:
        self.set('proxy', trusted_proxies=['unix'])
        await self.with_backend()
        self.assertIn('client=192.0.2.7:0', await self.session_log())
        self.assertEqual(101, await self.status(origin=_PAGE))
        self.assertEqual(403, await self.status(origin='https://inner'))

    async def test_each_client_has_a_limit_of_its_own(self) -> None:
        self.set('proxy', trusted_proxies=['unix'], max_sessions_per_client=1)
        await self.with_backend()
        other = self.claims(**{'for': '192.0.2.8'})
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            self.assertEqual(503, await self.status(origin=None))
            self.assertEqual(101, await self.status(**other))

    async def test_it_is_not_believed_otherwise(self) -> None:
        self.set('proxy', trusted_proxies=['127.0.0.1', '0.0.0.0/0', '::/0'])
        await self.with_backend()
        log = await self.session_log()
        self.assertIn('client=unix:0', log)
        self.assertNotIn('192.0.2.7', log)
        self.assertEqual(403, await self.status(origin=_PAGE))

    async def test_header_of_the_proxy_protocol_is_taken(self) -> None:
        self.set('proxy', trusted_proxies=['unix'], proxy_protocol=True)
        await self.with_backend()
        reader, writer = await asyncio.open_unix_connection(self.path)
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            writer.write(
                headers.header(headers.addresses('192.0.2.9', 99)) + _REQUEST
            )
            answer = await asyncio.wait_for(reader.read(), harness.DEADLINE)
        writer.close()
        self.assertEqual(b'HTTP/1.1 404', answer[:12])
        self.assertIn('192.0.2.9:99 was answered', '\n'.join(logs.output))


class PreambleTest(FrontCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', trusted_proxies=['127.0.0.1'], proxy_protocol=True)

    async def test_header_names_the_client(self) -> None:
        await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            answer = await self.exchange(
                headers.header(headers.addresses('192.0.2.7', 99)) + _REQUEST
            )
        self.assertEqual(b'HTTP/1.1 404', answer[:12])
        self.assertIn('192.0.2.7:99 was answered', '\n'.join(logs.output))

    async def test_ipv4_within_ipv6_is_trusted_as_ipv4(self) -> None:
        self.set('proxy', trusted_proxies=['127.0.0.1', '192.0.2.0/24'])
        await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            answer = await self.exchange(
                headers.header(
                    headers.addresses('::ffff:192.0.2.7', 99), family=0x21
                )
                + b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
                b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
                b'X-Forwarded-For: 198.51.100.1\r\n\r\n'
            )
        self.assertEqual(b'HTTP/1.1 403', answer[:12])
        self.assertIn('198.51.100.1:0', '\n'.join(logs.output))

    async def test_header_in_pieces(self) -> None:
        await self.start_proxy()
        reader, writer = await self.open_raw()
        data = headers.header(headers.addresses()) + _REQUEST
        for number in range(0, len(data), 7):
            writer.write(data[number : number + 7])
            await writer.drain()
            await asyncio.sleep(0)
        self.assertEqual(b'HTTP/1.1 404', await reader.readexactly(12))
        writer.close()

    async def test_health_check_is_answered(self) -> None:
        await self.start_proxy()
        answer = await self.exchange(
            headers.header(b'', command=0x20) + _REQUEST
        )
        self.assertEqual(b'HTTP/1.1 404', answer[:12])

    async def test_connection_without_a_header_is_closed(self) -> None:
        await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            self.assertEqual(b'', await self.exchange(_REQUEST))
        self.assertIn('no PROXY header', '\n'.join(logs.output))

    async def test_header_that_does_not_end_is_given_up(self) -> None:
        self.set('proxy', handshake_timeout=1)
        await self.start_proxy()
        data = headers.header(headers.addresses())[:-1]
        self.assertEqual(b'', await self.exchange(data))

    async def test_end_within_the_header_ends_the_connection(self) -> None:
        await self.start_proxy()
        reader, writer = await self.open_raw()
        writer.write(headers.header(headers.addresses())[:-1])
        writer.write_eof()
        ended = asyncio.wait_for(reader.read(), harness.DEADLINE)
        self.assertEqual(b'', await ended)
        writer.close()

    async def test_others_come_without_a_header(self) -> None:
        self.set('proxy', trusted_proxies=['192.0.2.1'])
        await self.start_proxy()
        answer = await self.exchange(_REQUEST)
        self.assertEqual(b'HTTP/1.1 404', answer[:12])

    async def test_header_of_a_stranger_is_no_request(self) -> None:
        self.set('proxy', trusted_proxies=['192.0.2.1'])
        await self.start_proxy()
        answer = await self.exchange(headers.header(headers.addresses()))
        self.assertEqual(b'HTTP/1.1 400', answer[:12])

    async def test_nobody_to_trust_keeps_it_from_starting(self) -> None:
        self.set('proxy', trusted_proxies=[])
        with self.assertRaisesRegex(
            exception.ConfigurationError, 'trusted_proxies is not'
        ):
            await self.start_proxy()


class SecurePreambleTest(harness.SecureCase):
    async def test_tls_begins_behind_the_header(self) -> None:
        self.set('proxy', trusted_proxies=['127.0.0.1'], proxy_protocol=True)
        await self.start_proxy()
        sock = socket.create_connection(self.address, harness.DEADLINE)
        sock.sendall(headers.header(headers.addresses()))
        secure = await asyncio.to_thread(
            self.trust.wrap_socket, sock, server_hostname='127.0.0.1'
        )
        with secure:
            await asyncio.to_thread(secure.sendall, _REQUEST)
            answer = await asyncio.to_thread(secure.recv, 12)
        self.assertEqual(b'HTTP/1.1 404', answer)


class HaproxyTest(FrontCase):
    """The real one in front, in its modes."""

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'haproxy')

    def run_haproxy(self, path: pathlib.Path) -> None:
        command = [parts.haproxy() or '', '-db', '-f', str(path)]
        process = subprocess.Popen(command)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

    async def front(self, mode: str, server: str) -> int:
        """Start it before the proxy; its port."""
        port = processes.free_port()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'haproxy.cfg'
        path.write_text(
            'defaults\n timeout connect 10s\n timeout client 1m\n'
            ' timeout server 1m\n timeout tunnel 1m\n'
            f'listen front\n mode {mode}\n bind 127.0.0.1:{port}\n'
            f' server it 127.0.0.1:{self.address[1]} {server}\n'
        )
        self.run_haproxy(path)

        def listens() -> bool:
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', port)).close()
                return True
            return False

        await self.until(listens, 'HAProxy listens')
        return port

    async def check(self, mode: str, server: str) -> None:
        """A session through it, whose client is named in the log."""
        self.set('proxy', trusted_proxies=['127.0.0.0/8'])
        await self.with_backend()
        port = await self.front(mode, server)
        with self.assertLogs('console_api.proxy', 'INFO') as logs:
            async with self.connect(
                host='127.0.0.1',
                port=port,
                local_addr=('127.0.0.9', 0),
                origin=None,
            ) as ws:
                await harness.rfb_open(ws)
                await ws.send(b'hello')
                self.assertEqual(b'hello', await harness.receive(ws, 5))
            await self.nothing_left()
        self.assertIn('127.0.0.9:', '\n'.join(logs.output))

    async def test_proxy_header(self) -> None:
        self.set('proxy', proxy_protocol=True)
        await self.check('tcp', 'send-proxy-v2')

    async def test_proxy_header_with_more_fields(self) -> None:
        self.set('proxy', proxy_protocol=True)
        await self.check(
            'tcp', 'send-proxy-v2-ssl proxy-v2-options crc32c,unique-id'
        )

    async def test_forwarded_headers(self) -> None:
        await self.check('http\n option forwardfor', '')

    async def test_its_own_check_finds_the_proxy_well(self) -> None:
        await self.start_proxy()
        port = await self.front(
            'http\n option httpchk', 'check inter 50ms fall 1 rise 1'
        )
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            await self.until(
                lambda: '\n'.join(logs.output).count('answered 204') > 1,
                'it was checked twice',
            )
            _, writer = await self.open_raw()
            writer.close()
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(_REQUEST)
        answer = await asyncio.wait_for(reader.read(12), harness.DEADLINE)
        writer.close()
        # Its own answer would be 503: there is nobody to ask.
        self.assertEqual(b'HTTP/1.1 404', answer)

    async def test_health_checks_leave_nothing(self) -> None:
        self.set('proxy', trusted_proxies=['127.0.0.0/8'], proxy_protocol=True)
        await self.start_proxy()
        assert self.proxy is not None
        with self.assertLogs('console_api.proxy', 'DEBUG') as logs:
            await self.front(
                'tcp\n option httpchk GET /vnc.html',
                'send-proxy-v2 check inter 50ms check-send-proxy',
            )
            await self.until(
                lambda: 'was answered' in '\n'.join(logs.output),
                'a health check was answered',
            )
        self.assertNotIn('ERROR', '\n'.join(logs.output))


class BalancerTest(FrontCase):
    """What balancers ask at the port of the consoles."""

    async def answer(self, question: str) -> tuple[int, bytes]:
        """Status and body."""
        answer = await self.exchange(
            f'{question}\r\nConnection: close\r\n\r\n'.encode()
        )
        head, _, body = answer.partition(b'\r\n\r\n')
        self.asked = head
        return int(head.split()[1]), body

    async def test_questions_that_they_ask_by_default(self) -> None:
        await self.start_proxy()
        for question, status in (
            ('OPTIONS / HTTP/1.0', 204),
            ('OPTIONS * HTTP/1.1\r\nHost: x', 204),
            ('HEAD / HTTP/1.0', 200),
        ):
            found = await self.answer(question)
            self.assertEqual((status, b''), found, question)
        self.assertEqual(200, (await self.answer('GET / HTTP/1.0'))[0])
        self.assertEqual([], self.authority.asked)

    async def test_answer_without_a_body_has_no_length(self) -> None:
        await self.start_proxy()
        await self.answer('OPTIONS / HTTP/1.0')
        self.assertNotIn(b'content-length', self.asked.lower())

    async def test_health_is_that_of_the_look_ups_and_names_no_cause(
        self,
    ) -> None:
        await self.start_proxy()
        question = 'GET /healthcheck HTTP/1.0'
        self.assertEqual((200, b'OK\n'), await self.answer(question))
        self.assertEqual((200, b'OK\n'), await self.answer(question))
        # Whoever asks often costs nobody more.
        self.assertEqual(1, len(self.authority.asked))
        self.assertEqual(
            (200, b''), await self.answer('HEAD /healthcheck HTTP/1.0')
        )

    async def test_proxy_that_can_look_up_nothing_is_not_well(self) -> None:
        class Away(harness.FakeAuthority):
            async def authorize(
                self, token: str, key: object = None
            ) -> object:
                del token, key
                raise exception.HostUnavailable('a-host')

        self.authority = Away()
        await self.start_proxy()
        self.assertEqual(
            (503, b'unavailable\n'),
            await self.answer('GET /healthcheck HTTP/1.0'),
        )


class SourceTest(FrontCase):
    async def test_ipv4_client_of_both_families_is_ipv4(self) -> None:
        self.set('proxy', host='::', trusted_proxies=['127.0.0.1'])
        await self.with_backend()
        port = self.address[1]
        claims = self.claims(**{'for': '192.0.2.7'})
        with self.assertLogs('console_api.proxy', 'INFO') as logs:
            async with self.connect(
                host='127.0.0.1', port=port, origin=None, **claims
            ) as ws:
                await harness.rfb_open(ws)
            async with self.connect(host='::1', port=port, origin=None) as ws:
                await harness.rfb_open(ws)
            await self.nothing_left()
        self.assertIn('192.0.2.7:0', '\n'.join(logs.output))
        self.assertIn('[::1]:', '\n'.join(logs.output))

    def test_client_of_a_unix_socket_has_a_name(self) -> None:
        self.assertEqual(forwarded.UNIX, forwarded.of_socket('').host)
