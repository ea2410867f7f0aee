# SPDX-License-Identifier: Apache-2.0
"""Many bad clients at once; afterwards nothing of them is left."""

import asyncio
import contextlib

from tests.functional.proxy import harness

_UPGRADE = (
    b'GET /?token=' + harness.TOKEN.encode() + b' HTTP/1.1\r\nHost: x\r\n'
    b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
    b'Sec-WebSocket-Version: 13\r\n'
    b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
)


class CrowdTest(harness.ProxyTestCase):
    async def test_slow_handshakes_are_ended_by_the_deadline(self) -> None:
        self.set('proxy', handshake_timeout=3, max_handshakes=0)
        await self.with_backend()
        connections = [await self.open_raw() for _ in range(1000)]
        ended = 0

        async def drip(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            nonlocal ended
            answer = asyncio.ensure_future(reader.read())
            for byte in _UPGRADE:
                with contextlib.suppress(OSError):
                    writer.write(bytes([byte]))
                done, _ = await asyncio.wait([answer], timeout=1)
                if done:
                    break
            with contextlib.suppress(OSError):
                self.assertEqual(b'HTTP/1.1 408', (await answer)[:12])
            writer.close()
            ended += 1

        async with asyncio.timeout(2 * harness.DEADLINE):
            await asyncio.gather(*(drip(*pair) for pair in connections))
        self.assertEqual(1000, ended)
        self.assertEqual([], self.authority.asked)
