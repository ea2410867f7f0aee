# SPDX-License-Identifier: Apache-2.0
"""Requests, hosts and clients that are wrong: each ends with a reason."""

import asyncio
import contextlib
import socket

from websockets import exceptions

from console_api import exception
from tests.functional.proxy import harness
from tests.functional.proxy.harness import V38


class TokenTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', authority_timeout=3600)
        await self.start_proxy()

    async def assertScriptRefused(
        self, status: int, **options: object
    ) -> None:
        with self.assertRaises(exceptions.InvalidStatus) as caught:
            await self.connect(origin=None, **options)
        response = caught.exception.response
        self.assertEqual(status, response.status_code)
        self.assertEqual(b'', response.body or b'')

    async def test_browser_is_told_that_the_token_is_unknown(self) -> None:
        async with self.connect('unknown') as ws:
            self.assertEqual(4001, await self.closing_of(ws))
            self.assertEqual(
                'the token is unknown, expired, revoked or used',
                ws.close_reason,
            )

    async def test_script_gets_no_data_for_an_unknown_token(self) -> None:
        await self.assertScriptRefused(403, token='unknown')

    async def test_no_token_is_refused_without_a_question(self) -> None:
        self.assertEqual(4001, await self.refusal(token=None))
        await self.assertScriptRefused(403, token=None)
        self.assertEqual([], self.authority.asked)

    async def test_malformed_token_is_refused_without_a_question(self) -> None:
        for token in ('', 'a%00b', 'a%0d%0ab', "';--", 'x' * 129, 'a/../b'):
            self.assertEqual(4001, await self.refusal(token=token))
        self.assertEqual([], self.authority.asked)

    async def test_cookie_without_an_origin_is_refused(self) -> None:
        self.grant(1)
        await self.assertScriptRefused(
            403,
            token=None,
            additional_headers={'Cookie': f'token={harness.TOKEN}'},
        )
        self.assertEqual([], self.authority.asked)

    async def test_host_that_cannot_be_asked_is_named(self) -> None:
        self.authority.answers['t'] = exception.HostUnavailable('id')
        self.assertEqual(4002, await self.refusal(token='t'))
        await self.assertScriptRefused(503, token='t')

    async def test_one_of_too_many_is_asked_to_try_again(self) -> None:
        for error in (exception.HostBusy('id'), exception.ServiceBusy()):
            self.authority.answers['t'] = error
            self.assertEqual(4012, await self.refusal(token='t'))

    async def test_script_is_told_when_to_try_again(self) -> None:
        for error in (exception.HostBusy('i'), exception.HostUnavailable('i')):
            self.authority.answers['t'] = error
            with self.assertRaises(exceptions.InvalidStatus) as caught:
                async with self.connect('t', origin=None):
                    pass
            response = caught.exception.response
            self.assertEqual(503, response.status_code)
            self.assertEqual('5', response.headers['Retry-After'])

    async def test_crash_of_the_authority_is_an_internal_error(self) -> None:
        self.authority.answers['t'] = RuntimeError('broken')
        async with self.connect('t') as ws:
            self.assertEqual(1011, await self.closing_of(ws))
            self.assertNotIn('broken', ws.close_reason or '')
        await self.assertScriptRefused(500, token='t')

    async def test_client_that_vanishes_cancels_the_question(self) -> None:
        self.authority.answers['t'] = None
        _, writer = await self.open_raw()
        writer.write(
            b'GET /?token=t HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
        )
        await self.until(lambda: self.authority.asked == ['t'], 'it asks')
        writer.close()
        await self.until(
            lambda: self.authority.cancelled == ['t'], 'it is cancelled'
        )


class SlowAuthorityTest(harness.ProxyTestCase):
    async def test_authority_that_hangs_is_given_up(self) -> None:
        self.set('proxy', authority_timeout=1)
        self.authority.answers['t'] = None
        await self.start_proxy()
        self.assertEqual(4002, await self.refusal(token='t'))
        self.assertEqual(['t'], self.authority.cancelled)


class OriginTest(harness.ProxyTestCase):
    async def test_foreign_pages_are_refused_before_anything_else(
        self,
    ) -> None:
        connected = []

        async def note(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            connected.append(1)

        await self.with_backend(note)
        port = self.address[1]
        for origin in (
            'null',
            f'https://127.0.0.1:{port}',
            'http://127.0.0.1',
            f'http://127.0.0.1:{port + 1}',
            f'http://127.0.0.1:{port}.evil.com',
            f'http://evil-127.0.0.1:{port}',
            'http://evil.com',
            '',
        ):
            for cookie in ({}, {'Cookie': f'token={harness.TOKEN}'}):
                with self.assertRaises(exceptions.InvalidStatus) as caught:
                    await self.connect(
                        None if cookie else harness.TOKEN,
                        origin=None,
                        additional_headers={'Origin': origin, **cookie},
                    )
                response = caught.exception.response
                self.assertEqual(403, response.status_code, origin)
                self.assertEqual(b'', response.body or b'')
        self.assertEqual([], self.authority.asked)
        self.assertEqual([], connected)

    async def test_two_origins_are_refused(self) -> None:
        await self.start_proxy()
        own = self.own_origin
        with self.assertRaises(exceptions.InvalidStatus) as caught:
            await self.connect(origin=own, additional_headers={'Origin': own})
        self.assertEqual(403, caught.exception.response.status_code)


class HypervisorTest(harness.ProxyTestCase):
    async def code_for(self, *answers: bytes, hold: bool = True) -> int | None:
        """The close code when the server says this, a step at a time."""

        async def server(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            for answer in answers:
                writer.write(answer)
                if not await reader.read(100):
                    return
            if hold:
                await reader.read()

        if self.proxy is None:
            await self.start_proxy()
        self.grant(await self.backend(server))
        return await self.refusal()

    async def test_refused_connection(self) -> None:
        await self.start_proxy()
        port = await self.backend(harness.echo)
        self.backends[0].close()
        await self.backends[0].wait_closed()
        self.grant(port)
        self.assertEqual(4003, await self.refusal())

    async def test_name_that_does_not_resolve(self) -> None:
        await self.start_proxy()
        for host in ('host.invalid', 'a' * 300, '', 'a..b'):
            self.grant(5900, host=host)
            self.assertEqual(4003, await self.refusal(), host)

    async def test_console_type_that_nobody_knows(self) -> None:
        await self.start_proxy()
        self.grant(5900, 'novelty')
        self.assertEqual(1011, await self.refusal())

    async def test_silent_server_is_given_up(self) -> None:
        self.set('proxy', negotiation_timeout=1)
        self.assertEqual(4010, await self.code_for())

    async def test_server_that_stops_half_way_is_given_up(self) -> None:
        self.set('proxy', negotiation_timeout=1)
        self.assertEqual(4010, await self.code_for(b'RFB 003'))

    async def test_server_that_closes(self) -> None:
        async def close(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b'RFB')

        await self.with_backend(close)
        self.assertEqual(4004, await self.refusal())

    async def test_garbage_instead_of_a_version(self) -> None:
        for greeting in (b'\x80\xff' * 6, b'HTTP/1.1 200 OK\r\n\r\n'):
            self.assertEqual(4004, await self.code_for(greeting))

    async def test_security_type_that_is_not_known(self) -> None:
        self.assertEqual(4004, await self.code_for(V38, b'\x02\x02\xf0'))

    async def test_refusal_with_a_reason(self) -> None:
        self.assertEqual(
            4004, await self.code_for(V38, b'\x00\x00\x00\x00\x03why')
        )

    async def test_lengths_of_4_gib(self) -> None:
        # bug 2155052
        for steps in (
            (V38, b'\x00' + b'\xff' * 4),
            (V38, b'\x01\x01', b'\x00\x00\x00\x01' + b'\xff' * 4),
            (b'RFB 003.003\n', bytes(4) + b'\xff' * 4),
            (V38, b'\xff' * 256),
        ):
            self.assertEqual(4004, await self.code_for(*steps))


class ClientTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', negotiation_timeout=1)
        await self.with_backend()

    async def test_version_that_was_not_offered(self) -> None:
        async with self.connect() as ws:
            await ws.send(b'RFB 003.003\n')
            self.assertEqual(1002, await self.closing_of(ws))

    async def test_bytes_beyond_ascii_instead_of_a_version(self) -> None:
        async with self.connect() as ws:
            await ws.send(b'\x80' * 12)
            self.assertEqual(1002, await self.closing_of(ws))

    async def test_security_type_that_was_not_offered(self) -> None:
        # CVE-2006-2369, CVE-2022-36436
        for chosen in (b'\x00', b'\x02', b'\x13', b'\xff'):
            async with self.connect() as ws:
                await ws.send(V38 + chosen)
                self.assertEqual(1002, await self.closing_of(ws))

    async def test_silent_client_is_given_up(self) -> None:
        self.assertEqual(4010, await self.refusal())

    async def test_text_is_not_taken(self) -> None:
        async with self.connect() as ws:
            await ws.send('RFB 003.008\n')
            self.assertEqual(1003, await self.closing_of(ws))

    async def bad_frames(self, data: bytes) -> list[int | None]:
        """The codes for these bytes in the handshake and in a session."""
        codes = []
        for settled in (False, True):
            # Nothing is left to close behind that: the transports of asyncio
            # in Python 3.11 cannot be aborted after a late end, which
            # leaving a context would do.
            ws = await self.connect()
            if settled:
                await harness.rfb_open(ws)
            ws.transport.write(data)
            codes.append(await self.closing_of(ws))
        return codes

    async def test_unmasked_frame(self) -> None:
        self.assertEqual([1002, 1002], await self.bad_frames(b'\x82\x01a'))

    async def test_garbage_for_frames(self) -> None:
        self.assertEqual([1002, 1002], await self.bad_frames(b'\xff' * 1000))

    async def test_garbage_that_does_not_end(self) -> None:
        self.be_patient()
        self.assertEqual(
            [1002, 1002], await self.bad_frames(b'\xff' * 5_000_000)
        )

    async def test_client_that_goes_on_sending_is_not_reset(self) -> None:
        self.be_patient()
        # A reset could overtake the Close frame and take it away.
        reader, writer = await self.open_raw()
        writer.write(
            b'GET /?token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
            % harness.TOKEN.encode()
        )
        await reader.readuntil(b'\r\n\r\n')
        writer.write(b'\xff' * 20_000_000)
        answer = await asyncio.wait_for(reader.read(), harness.DEADLINE)
        self.assertIn(b'\x03\xeathe client broke the WebSocket', answer)
        writer.close()

    async def test_oversized_frame(self) -> None:
        frame = b'\x82\xff' + (1 << 40).to_bytes(8, 'big') + bytes(4)
        self.assertEqual([1009, 1009], await self.bad_frames(frame))

    async def test_oversized_control_frame(self) -> None:
        frame = b'\x89\xfe\x01\x00' + bytes(4 + 256)
        self.assertEqual([1002, 1002], await self.bad_frames(frame))


class HttpTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', handshake_timeout=1)
        await self.start_proxy()

    async def assertAnswer(self, status: int, data: bytes) -> bytes:
        answer = await self.exchange(data)
        self.assertEqual(b'HTTP/1.1 %d ' % status, answer[:13])
        return answer

    def send_all(self, data: bytes) -> bytes:
        """Send everything before reading; a reset is an error."""
        answer = bytearray()
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(
                socket.create_connection(self.address, harness.DEADLINE)
            )
            if self.trust is not None:
                sock = stack.enter_context(
                    self.trust.wrap_socket(sock, server_hostname='127.0.0.1')
                )
            sock.sendall(data)
            while got := sock.recv(65536):
                answer += got
        return bytes(answer)

    async def test_silent_connection_is_closed(self) -> None:
        self.assertEqual(b'', await self.exchange(b''))

    async def test_request_that_does_not_end_is_given_up(self) -> None:
        await self.assertAnswer(408, b'GET / HTTP/1.1\r\nHost: x\r\nA: ')

    async def test_byte_by_byte_is_given_up(self) -> None:
        reader, writer = await self.open_raw()
        answering = asyncio.ensure_future(reader.read())
        while not answering.done():
            writer.write(b'G')
            await asyncio.sleep(0.02)
        self.assertIn(answering.result()[:13], (b'', b'HTTP/1.1 408 '))
        writer.close()

    async def test_garbage_instead_of_http(self) -> None:
        for data in (
            b'\x16\x03\x01\x02\x00\x01\xfc\x03\x03' * 50,
            b'\r\nx\n\n',
        ):
            await self.assertAnswer(400, data + b'\r\n\r\n')

    async def test_head_that_is_too_long(self) -> None:
        await self.assertAnswer(
            431, b'GET / HTTP/1.1\r\nHost: x\r\nA: ' + b'x' * 200_000
        )

    async def test_request_with_a_body(self) -> None:
        await self.assertAnswer(
            413,
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
        )

    async def test_answers_reach_a_client_that_goes_on_sending(self) -> None:
        self.be_patient()
        endless = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n'
        for status, data in (
            (413, endless + b'\r\n' + b'x' * 5_000_000),
            (431, endless + b'A: ' + b'x' * 5_000_000),
        ):
            answer = await asyncio.to_thread(self.send_all, data)
            self.assertEqual(b'HTTP/1.1 %d ' % status, answer[:13])

    async def test_absolute_target(self) -> None:
        await self.assertAnswer(
            400, b'GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n'
        )

    async def test_request_without_a_host(self) -> None:
        await self.assertAnswer(400, b'GET / HTTP/1.1\r\n\r\n')

    async def test_path_that_is_not_a_websocket(self) -> None:
        await self.assertAnswer(
            426, b'GET /?token=t HTTP/1.1\r\nHost: x\r\n\r\n'
        )
        self.assertEqual([], self.authority.asked)

    async def test_websocket_of_another_version(self) -> None:
        answer = await self.assertAnswer(
            426,
            b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        )
        self.assertIn(b'Sec-WebSocket-Version: 13\r\n', answer)

    async def test_client_that_ends_in_the_middle_of_a_request(self) -> None:
        _, writer = await self.open_raw()
        writer.write(b'GET / HT')
        writer.close()
