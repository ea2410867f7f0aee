# SPDX-License-Identifier: Apache-2.0
"""The pages over HTTP, as browsers and Tempest ask for them."""

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
import http.client
import json
import pathlib
import tempfile
import threading

import fixtures

from console_api.proxy import connection
from tests.functional.proxy import harness

PAGE = b'<html><script src="assets/app.js"></script>noVNC</html>'
SCRIPT = b'run();' * 100_000


class PageCase(harness.ProxyTestCase):
    """A proxy with a page; ``front`` is set before the set-up."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        self.static_root = pathlib.Path(top.name)
        (self.static_root / 'assets').mkdir()
        (self.static_root / 'vnc.html').write_bytes(PAGE)
        (self.static_root / 'assets' / 'app.js').write_bytes(SCRIPT)
        self.descriptors = harness.count_descriptors()
        await self.start_proxy()

    async def ask(
        self, path: str, method: str = 'GET', **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        def run() -> tuple[http.client.HTTPResponse, bytes]:
            client = http.client.HTTPConnection(*self.address, timeout=30)
            client.request(method, path, headers=headers)
            response = client.getresponse()
            body = response.read()
            client.close()
            return response, body

        return await asyncio.to_thread(run)


class PageTest(PageCase):
    async def test_page_has_what_tempest_looks_for(self) -> None:
        response, body = await self.ask('/vnc_auto.html?path=%3Ftoken%3Dx')
        self.assertEqual((200, 'OK'), (response.status, response.reason))
        for word in (b'<html', b'</html>', b'noVNC', b'<script'):
            self.assertIn(word, body)

    async def test_asset_arrives_whole(self) -> None:
        response, body = await self.ask('/assets/app.js')
        self.assertEqual(200, response.status)
        self.assertEqual(SCRIPT, body)

    async def test_known_asset_is_not_sent_again(self) -> None:
        response, _ = await self.ask('/assets/app.js')
        headers = {'If-None-Match': response.headers['ETag']}
        response, body = await self.ask('/assets/app.js', **headers)
        self.assertEqual((304, b''), (response.status, body))

    async def test_head_has_the_length_and_no_body(self) -> None:
        response, body = await self.ask('/vnc.html', 'HEAD')
        self.assertEqual((200, b''), (response.status, body))
        self.assertEqual(str(len(PAGE)), response.headers['Content-Length'])

    async def test_no_redirect_leads_away(self) -> None:
        # CVE-2021-3654
        for path in (
            '//evil',
            '///evil',
            '/\\evil',
            '/%2fevil',
            '//evil/%2F..',
        ):
            response, _ = await self.ask(path)
            self.assertEqual(404, response.status)
            self.assertIsNone(response.headers['Location'])

    async def test_one_connection_takes_several_requests(self) -> None:
        ask = b'GET /vnc.html HTTP/1.1\r\nHost: x\r\n\r\n'
        last = (
            b'GET /vnc.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        )
        answer = await self.exchange(ask + ask + last)
        self.assertEqual(3, answer.count(b'HTTP/1.1 200 OK'))
        self.assertEqual(3, answer.count(PAGE))

    async def test_page_and_then_a_console_on_one_connection(self) -> None:
        reader, writer = await self.open_raw()
        writer.write(b'GET /vnc.html HTTP/1.1\r\nHost: x\r\n\r\n')
        await reader.readuntil(PAGE)
        writer.write(
            b'GET /?token=unknown HTTP/1.1\r\nHost: x\r\n'
            b'Upgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Version: 13\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
        )
        self.assertEqual(b'HTTP/1.1 403 ', (await reader.read())[:13])
        writer.close()

    async def test_client_that_sent_its_end_gets_the_answer(self) -> None:
        reader, writer = await self.open_raw()
        writer.write(b'GET /vnc.html HTTP/1.0\r\n\r\n')
        writer.write_eof()
        self.assertIn(PAGE, await reader.read())
        writer.close()

    async def test_client_that_does_not_take_the_answer_is_given_up(
        self,
    ) -> None:
        patches = fixtures.MonkeyPatch
        self.useFixture(
            patches(f'{connection.__name__}.RESPONSE_TIMEOUT', 0.1)
        )
        self.be_patient(0.1)
        assert self.proxy is not None
        tasks = self.proxy.server._tasks
        _, writer = await self.open_raw()
        writer.transport.pause_reading()
        writer.write(b'GET /assets/app.js HTTP/1.1\r\nHost: x\r\n\r\n' * 100)
        await self.until(lambda: len(tasks) == 1, 'it is accepted')
        await self.until(lambda: not tasks, 'it is given up')
        writer.close()


class Front:
    """A front page over an API that comes up, and a list that blocks."""

    def __init__(self) -> None:
        self.api_url = 'http://127.0.0.1:8774'
        self.threads: set[int] = set()

    def consoles(self) -> Mapping[str, Sequence[str]]:
        self.threads.add(threading.get_ident())
        return {'the-server': ('novnc', 'serial')}


class FrontTest(PageCase):
    async def asyncSetUp(self) -> None:
        self.list = self.front = Front()
        await super().asyncSetUp()

    async def test_document_names_the_api_and_the_consoles(self) -> None:
        response, body = await self.ask('/front.json')
        self.assertEqual(200, response.status)
        self.assertEqual('application/json', response.headers['Content-Type'])
        self.assertEqual('no-store', response.headers['Cache-Control'])
        self.assertEqual(
            {
                'api_url': 'http://127.0.0.1:8774',
                'consoles': {'the-server': ['novnc', 'serial']},
            },
            json.loads(body),
        )

    async def test_list_may_block(self) -> None:
        await self.ask('/front.json')
        assert self.proxy is not None
        self.assertEqual(1, len(self.list.threads))
        self.assertNotIn(self.proxy._thread.ident, self.list.threads)

    async def test_document_waits_for_the_api(self) -> None:
        self.list.api_url = ''
        response, body = await self.ask('/front.json')
        self.assertEqual((503, b''), (response.status, body))

    async def test_nothing_is_changed_by_it(self) -> None:
        response, _ = await self.ask('/front.json', 'POST')
        self.assertEqual(405, response.status)


class NoFrontTest(PageCase):
    async def test_document_is_not_there(self) -> None:
        response, _ = await self.ask('/front.json')
        self.assertEqual(404, response.status)
