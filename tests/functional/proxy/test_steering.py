# SPDX-License-Identifier: Apache-2.0
"""Nothing that a client sends changes where its session leads."""

import asyncio
import unittest

from console_api.proxy import server
from tests.functional.proxy import harness

#: Another server's, which the client may use as well.
_OTHER = 'another-good-token'


class SteeringTest(harness.ProxyTestCase):
    """After Proxmox c9ee34b5, where the client chose the port."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.calls = 0
        self.decoy = await self.backend(self.count)
        self.grant(self.decoy, 'serial', _OTHER)
        # Believing what clients say of themselves makes it no better.
        self.set('proxy', trusted_proxies=['127.0.0.1'])
        await self.with_backend(self.tell, 'serial')

    async def count(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        del reader
        self.calls += 1
        writer.write(b'wrong')

    async def tell(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b'right')
        await reader.read()

    async def assert_right(
        self, path: str, headers: dict[str, str] | None = None
    ) -> None:
        options = {'additional_headers': headers or {}}
        with self.subTest(path=path, headers=headers):
            # Without an Origin, which a forwarded host would have to match.
            async with self.connect(None, None, path, **options) as ws:
                self.assertEqual(b'right', await harness.receive(ws, 5))
            self.assertEqual(0, self.calls)

    async def test_query(self) -> None:
        place = f'127.0.0.1:{self.decoy}'
        for more in (
            f'port={self.decoy}',
            f'host=127.0.0.1&port={self.decoy}',
            f'host={place}&hostname={place}&server={place}',
            f'target={place}&connect={place}&address={place}&url=tcp://{place}',
            f'path=websockify%3Ftoken%3D{_OTHER}',
            f'internal_access_path={place}&tls_port={self.decoy}',
            f'Token={_OTHER}&TOKEN={_OTHER}&token[]={_OTHER}',
            'server_id=another&console_type=novnc&vncticket=1',
        ):
            await self.assert_right(f'/?token={harness.TOKEN}&{more}')
            await self.assert_right(f'/?{more}&token={harness.TOKEN}')

    async def test_path(self) -> None:
        token = f'?token={harness.TOKEN}'
        for path in (
            f'/127.0.0.1:{self.decoy}',
            f'/{self.decoy}',
            f'/127.0.0.1/{self.decoy}/',
            f'//127.0.0.1:{self.decoy}/',
            f'/websockify/{_OTHER}',
            f'/token={_OTHER}/',
            f'/%3Ftoken={_OTHER}',
            f'/;token={_OTHER}',
        ):
            await self.assert_right(path + token)

    async def test_headers(self) -> None:
        place = f'127.0.0.1:{self.decoy}'
        for name, value in (
            ('X-Forwarded-Host', place),
            ('X-Forwarded-Server', place),
            ('X-Forwarded-Port', str(self.decoy)),
            ('X-Forwarded-For', place),
            ('X-Forwarded-Proto', 'https'),
            ('X-Forwarded-Prefix', f'/{place}'),
            ('X-Real-IP', place),
            ('X-Original-URL', f'/?token={_OTHER}'),
            ('X-Rewrite-URL', f'/?token={_OTHER}'),
            ('X-Auth-Token', _OTHER),
            ('Authorization', f'Bearer {_OTHER}'),
            ('Referer', f'http://{place}/?token={_OTHER}'),
            ('Forwarded', f'host="{place}"'),
            ('Destination', place),
        ):
            path = f'/?token={harness.TOKEN}'
            await self.assert_right(path, {name: value})

    async def test_host(self) -> None:
        for host in (f'127.0.0.1:{self.decoy}', f'x:{self.decoy}'):
            reader, writer = await self.open_raw()
            writer.write(
                f'GET /?token={harness.TOKEN} HTTP/1.1\r\nHost: {host}\r\n'
                'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                'Sec-WebSocket-Version: 13\r\n'
                'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'.encode()
            )
            await reader.readuntil(b'\r\n\r\n')
            self.assertEqual(b'\x82\x05right', await reader.readexactly(7))
            writer.close()
            self.assertEqual(0, self.calls)

    async def test_cookies(self) -> None:
        place = f'127.0.0.1:{self.decoy}'
        for cookie in (
            f'token={_OTHER}',
            f'host={place}; port={self.decoy}',
            f'token={_OTHER}; token={_OTHER}; path=/',
        ):
            path = f'/?token={harness.TOKEN}'
            await self.assert_right(path, {'Cookie': cookie})

    async def test_two_tokens_lead_nowhere(self) -> None:
        path = f'/?token={harness.TOKEN}&token={_OTHER}'
        self.assertEqual(4001, await self.refusal(token=None, path=path))
        self.assertEqual([], self.authority.asked)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopSteeringTest(SteeringTest):
    loop_factory = staticmethod(server.new_event_loop)
