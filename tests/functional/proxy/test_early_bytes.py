# SPDX-License-Identifier: Apache-2.0
"""Clients that send garbage before their session carries data."""

import asyncio
import unittest

from console_api.proxy import readbuffer
from console_api.proxy import server
from tests.functional.proxy import harness
from tests.functional.proxy import test_unreachable

#: No frame, frames that no client may send, and more than anybody keeps.
_GARBAGE = (
    b'\xff' * 100,
    b'\x82\x05hello',
    bytes(range(256)) * 20,
    b'\x82\xff' + b'\xff' * 12,
    b'\xff' * 5_000_000,
)


class EarlyBytesTest(harness.ProxyTestCase):
    async def codes(self) -> list[int]:
        """The close codes of sessions with garbage behind the request."""
        return list(await asyncio.gather(*map(self.code, _GARBAGE)))

    async def code(self, garbage: bytes) -> int:
        scheme = self.own_origin.partition(':')[0]
        reader, writer = await self.open_raw()
        # Of a page, so that each end has a code.
        writer.write(
            f'GET /?token={harness.TOKEN} HTTP/1.1\r\nHost: x\r\n'
            f'Origin: {scheme}://x\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'.encode()
        )
        writer.write(garbage)
        most, looking = 0, True

        async def look() -> None:
            nonlocal most
            while looking:
                most = max(most, self.kept())
                await asyncio.sleep(0.01)

        watching = asyncio.ensure_future(look())
        try:
            async with asyncio.timeout(harness.DEADLINE):
                code = await self.close_code(reader)
        finally:
            looking = False
            await watching
            writer.transport.abort()
        self.assertLessEqual(most, 2 * readbuffer.SMALL_READ)
        return code

    def kept(self) -> int:
        """The most that the proxy keeps of what one client has sent."""
        assert self.proxy is not None
        kept = 0
        for serving in list(self.proxy.server._tasks.values()):
            if serving is not None and serving._session is not None:
                transport = serving._session._client.transport
                # Within TLS there is another protocol between the two.
                reads = getattr(transport, '_app', None)
                reads = reads or transport.get_protocol()
                kept = max(kept, len(getattr(reads, '_data', b'')))
        return kept

    async def close_code(self, reader: asyncio.StreamReader) -> int:
        """The code of the first Close frame behind the answer."""
        head = await reader.readuntil(b'\r\n\r\n')
        self.assertEqual(b'HTTP/1.1 101 ', head[:13])
        while True:
            kind, size = await reader.readexactly(2)
            payload = await reader.readexactly(size)
            if kind == 0x88:
                return int.from_bytes(payload[:2], 'big')

    async def test_while_the_token_is_looked_up(self) -> None:
        self.authority.answers[harness.TOKEN] = None
        self.set('proxy', authority_timeout=1)
        await self.start_proxy()
        self.assertEqual([4002] * len(_GARBAGE), await self.codes())

    async def test_while_connecting(self) -> None:
        self.set('proxy', connect_timeout=1)
        with test_unreachable.black_hole() as (_, port):
            self.grant(port)
            await self.start_proxy()
            self.assertEqual([4003] * len(_GARBAGE), await self.codes())

    async def test_while_negotiating(self) -> None:
        async def silent(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            del writer
            # Nothing of the garbage gets here.
            self.assertEqual(b'', await reader.read())

        self.set('proxy', negotiation_timeout=1)
        await self.with_backend(silent)
        self.assertEqual([4010] * len(_GARBAGE), await self.codes())

    async def test_garbage_ends_the_session_once_it_is_read(self) -> None:
        await self.with_backend()
        self.assertEqual([1002] * len(_GARBAGE), await self.codes())


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopEarlyBytesTest(EarlyBytesTest):
    loop_factory = staticmethod(server.new_event_loop)


class SecureEarlyBytesTest(EarlyBytesTest):
    """The same within TLS."""

    secure = True
