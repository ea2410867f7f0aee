# SPDX-License-Identifier: Apache-2.0
"""Metrics, health and readiness of a proxy, as one asks for them."""

import asyncio
import contextlib
import json
import socket
import unittest

import fixtures
from prometheus_client import parser

from console_api import exception
from console_api.proxy import doors
from console_api.proxy import post as posts
from console_api.proxy import server
from console_api.proxy import tally
from tests.fixtures import processes
from tests.functional.proxy import harness


class StatusTestCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.port = processes.free_port()
        self.set('proxy_status', port=self.port)
        self.opened = contextlib.ExitStack()
        self.post = self.opened.enter_context(posts.among(self.conf, 1))

    async def asyncTearDown(self) -> None:
        await self.nothing_left()
        await self.stop_proxy()
        self.opened.close()
        await super().asyncTearDown()

    async def send(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port)
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.read(), harness.DEADLINE)
        finally:
            writer.close()

    async def get(self, path: str) -> tuple[int, str]:
        answer = await self.send(
            f'GET {path} HTTP/1.1\r\nHost: here\r\n\r\n'.encode()
        )
        head, _, body = answer.partition(b'\r\n\r\n')
        return int(head.split()[1]), body.decode()

    async def figures(self) -> dict[str, float]:
        """Every sample by its name and labels, as a line has them."""
        _, text = await self.get('/metrics')
        found = {}
        for family in parser.text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ','.join(
                    sample.labels[name]
                    for name in sorted(sample.labels)
                    if name != 'worker'
                )
                found[f'{sample.name}{{{labels}}}'] = sample.value
        return found

    async def document(self, path: str) -> tuple[int, object]:
        status, text = await self.get(path)
        return status, json.loads(text)


class MetricsTest(StatusTestCase):
    async def test_session_is_seen_while_it_lives_and_after(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'x' * 1000)
            await harness.receive(ws, 1000)
            alive = await self.figures()
        await self.nothing_left()
        over = await self.figures()
        sessions = 'console_proxy_sessions{novnc}'
        guest = 'console_proxy_carried_bytes_total{from_guest,novnc}'
        client = 'console_proxy_carried_bytes_total{from_client,novnc}'
        self.assertEqual((1, 0), (alive[sessions], over[sessions]))
        self.assertEqual((1000, 1000), (alive[guest], over[guest]))
        # The frame has eight bytes of header, the Close frame eight in all.
        self.assertEqual((1008, 1016), (alive[client], over[client]))
        started = 'console_proxy_sessions_started_total{novnc}'
        self.assertEqual((1, 1), (alive[started], over[started]))
        ended = 'console_proxy_sessions_ended_total{normal,novnc}'
        self.assertNotIn(ended, alive)
        self.assertEqual(1, over[ended])

    async def test_refusals_are_counted_by_reason(self) -> None:
        await self.with_backend()
        self.authority.answers['away'] = exception.HostUnavailable('host')
        for token in ('bad', 'worse', 'away'):
            await self.refusal(token=token)
        await self.nothing_left()
        found = await self.figures()
        name = 'console_proxy_refusals_total'
        self.assertEqual(2, found[f'{name}{{bad_token}}'])
        self.assertEqual(1, found[f'{name}{{no_answer}}'])
        self.assertEqual(0, found[f'{name}{{full}}'])

    async def test_files_for_viewers_are_counted_by_outcome(self) -> None:
        answers = self.authority.answers
        self.grant(5900, 'spice-direct')
        self.grant(5900, 'novnc', 'other')
        answers['away'] = exception.HostUnavailable('host')
        answers['busy'] = exception.ServiceBusy()
        answers['broken'] = RuntimeError('a secret')
        await self.start_proxy()
        for token in (*answers, 'bad', 'bad'):
            await self.exchange(
                f'GET /spice-direct?token={token} HTTP/1.1\r\n'
                'Host: here\r\nConnection: close\r\n\r\n'.encode()
            )
        self.mishaps.messages.clear()
        found = await self.figures()
        name = 'console_proxy_direct_files_total'
        self.assertEqual(
            {
                'made': 1,
                'unfit': 1,
                'no_answer': 1,
                'busy': 1,
                'internal': 1,
                'bad_token': 2,
            },
            {
                outcome: found[f'{name}{{{outcome}}}']
                for outcome in tally.FILE_OUTCOMES
            },
        )

    async def test_connections_beyond_the_limit_are_counted(self) -> None:
        self.set('proxy', max_handshakes=1)
        await self.with_backend()
        _, writer = await self.open_raw()
        await self.until(
            lambda: len(self.proxy.server._tasks) == 1, 'it is accepted'
        )
        await self.exchange(b'')
        found = await self.figures()
        writer.close()
        self.assertEqual(1, found['console_proxy_handshakes{}'])
        self.assertEqual(
            1, found['console_proxy_connections_turned_away_total{}']
        )

    async def test_look_ups_are_timed_by_their_outcome(self) -> None:
        self.set('proxy', authority_timeout=1)
        await self.with_backend()
        self.authority.answers['error'] = RuntimeError()
        self.authority.answers['away'] = exception.HostUnavailable('host')
        self.authority.answers['hangs'] = None
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        for token in ('bad', 'away', 'error', 'hangs'):
            await self.refusal(token=token)
        found = await self.figures()
        for outcome in (
            'granted',
            'refused',
            'unavailable',
            'error',
            'timeout',
        ):
            name = f'console_proxy_authority_seconds_count{{{outcome}}}'
            self.assertEqual(1, found[name], outcome)

    async def test_process_build_and_loop_are_seen(self) -> None:
        await self.with_backend()
        found = await self.figures()
        self.assertGreater(found['process_open_fds{}'], 0)
        self.assertGreater(found['process_resident_memory_bytes{}'], 0)
        self.assertEqual(1, found['console_proxy_worker_up{}'])
        self.assertTrue(
            [name for name in found if name.startswith('console_proxy_build')]
        )
        count = 'console_proxy_loop_lag_seconds_count{}'
        async with asyncio.timeout(harness.DEADLINE):
            while not (await self.figures())[count]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def test_nothing_in_it_is_from_outside(self) -> None:
        await self.with_backend()
        grant = self.authority.answers[harness.TOKEN]
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            _, text = await self.get('/metrics')
        await self.refusal(token='other')
        text += (await self.get('/metrics'))[1]
        for word in (
            harness.TOKEN,
            grant.server_id,
            grant.user_id,
            grant.project_id,
            'other-',
            '127.0.0.1',
        ):
            self.assertNotIn(word, text)


class HealthTest(StatusTestCase):
    async def test_proxy_that_serves_is_ready(self) -> None:
        await self.with_backend()
        self.assertEqual(
            (200, {'ready': True, 'workers': _one(ready=True, reasons=[])}),
            await self.document('/readyz'),
        )
        self.assertEqual(
            (200, {'alive': True, 'workers': _one(alive=True)}),
            await self.document('/healthz'),
        )

    async def test_readiness_has_the_name_that_it_has_at_the_api(
        self,
    ) -> None:
        await self.with_backend()
        self.assertEqual(
            await self.document('/readyz'), await self.document('/healthcheck')
        )

    async def test_authority_is_asked_with_a_token_that_is_none(self) -> None:
        await self.with_backend()
        for _ in range(3):
            await self.get('/readyz')
        self.assertEqual(1, len(self.authority.asked))
        self.assertNotIn(self.authority.asked[0], self.authority.answers)

    async def test_session_saves_the_question(self) -> None:
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            status, _ = await self.document('/readyz')
        self.assertEqual(200, status)
        self.assertEqual([harness.TOKEN], self.authority.asked)

    async def test_authority_without_an_answer_is_the_reason(self) -> None:
        class Silent(harness.FakeAuthority):
            away = True

            async def authorize(
                self, token: str, key: object = None
            ) -> object:
                if self.away:
                    raise exception.HostUnavailable('host')
                return await super().authorize(token, key)

        self.authority = Silent()
        await self.with_backend()
        reasons = ['the authority does not answer']
        self.assertEqual(
            (503, {'ready': False, 'workers': _one(False, reasons=reasons)}),
            await self.document('/readyz'),
        )
        self.assertEqual(200, (await self.document('/healthz'))[0])
        self.authority.away = False
        async with asyncio.timeout(harness.DEADLINE):
            while (await self.document('/readyz'))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def test_authority_that_hangs_is_asked_once(self) -> None:
        class Hanging(harness.FakeAuthority):
            async def authorize(
                self, token: str, key: object = None
            ) -> object:
                self.answers[token] = None
                return await super().authorize(token, key)

        self.authority = Hanging()
        await self.with_backend()
        for _ in range(2):
            self.assertEqual(503, (await self.document('/readyz'))[0])
        self.assertEqual(1, len(self.authority.asked))
        await self.stop_proxy()

    async def test_proxy_that_goes_down_is_not_ready(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        reader, writer = await self.open_raw()
        writer.write(
            f'GET /?token={harness.TOKEN} HTTP/1.1\r\nHost: here\r\n'
            'Connection: Upgrade\r\nUpgrade: websocket\r\n'
            'Sec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'.encode()
        )
        await reader.readuntil(b'\r\n\r\n')
        # This client answers no Close frame, so that the proxy waits.
        self.be_patient()
        stopping = asyncio.ensure_future(self.stop_proxy(harness.DEADLINE))
        self.assertEqual(b'\x88', await reader.readexactly(1))
        status, document = await self.document('/readyz')
        self.assertEqual(503, status)
        self.assertEqual(
            _one(False, reasons=['it is going down']), document['workers']
        )
        writer.transport.abort()
        await stopping


class BoundsTest(StatusTestCase):
    async def test_get_of_what_is_there_is_all(self) -> None:
        await self.with_backend()
        for method, path, status in (
            ('POST', '/metrics', b'405'),
            ('DELETE', '/metrics', b'405'),
            ('GET', '/', b'404'),
            ('GET', '/figures', b'404'),
            ('GET', '/vnc.html', b'404'),
        ):
            answer = await self.send(
                f'{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()
            )
            self.assertEqual(status, answer.split()[1], method + path)

    async def test_balancers_ask_without_a_body(self) -> None:
        await self.with_backend()
        for question, status in (
            ('HEAD /healthz HTTP/1.1', b'200'),
            ('HEAD /readyz HTTP/1.0', b'200'),
            ('OPTIONS / HTTP/1.0', b'204'),
        ):
            answer = await self.send(f'{question}\r\nHost: x\r\n\r\n'.encode())
            head, _, body = answer.partition(b'\r\n\r\n')
            self.assertEqual((status, b''), (head.split()[1], body), question)

    async def test_long_or_broken_request_is_refused(self) -> None:
        await self.with_backend()
        for data in (
            b'GET /metrics HTTP/1.1\r\nX: ' + b'x' * 20000 + b'\r\n\r\n',
            b'nonsense\r\n\r\n',
            b'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx',
        ):
            answer = await self.send(data)
            self.assertEqual(b'4', answer.split()[1][:1], answer)

    async def test_one_connection_is_for_one_request(self) -> None:
        await self.with_backend()
        answer = await self.send(
            b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' * 3
        )
        self.assertEqual(1, answer.count(b'HTTP/1.1 '))

    async def test_silent_clients_take_bounded_room(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch('console_api.proxy.doors._PATIENCE', 600.0)
        )
        await self.with_backend()
        with contextlib.ExitStack() as stack:
            for _ in range(doors.MOST):
                stack.enter_context(self.silent())
            one_more = stack.enter_context(self.silent())
            one_more.settimeout(harness.DEADLINE)
            self.assertEqual(b'', await asyncio.to_thread(one_more.recv, 1))
        await self.nothing_left()
        self.assertEqual(200, (await self.document('/healthz'))[0])

    def silent(self) -> socket.socket:
        return socket.create_connection(('127.0.0.1', self.port))

    async def test_it_is_off_without_a_port(self) -> None:
        self.opened.close()
        self.set('proxy_status', port=None)
        with posts.among(self.conf, 2) as nothing:
            self.assertEqual(((), ()), (nothing.status, nothing.doors))

    async def test_address_in_use_is_told(self) -> None:
        with self.assertRaisesRegex(
            exception.ConfigurationError,
            f'port {self.port}: Address already in use',
        ):
            posts.among(self.conf, 1).__enter__()


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopMetricsTest(MetricsTest):
    loop_factory = staticmethod(server.new_event_loop)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopBoundsTest(BoundsTest):
    loop_factory = staticmethod(server.new_event_loop)


def _one(ready: bool | None = None, **facts: object) -> dict[str, object]:
    """What is said of the only worker."""
    if ready is not None:
        facts = {'ready': ready, **facts}
    return {'0': facts}
