# SPDX-License-Identifier: Apache-2.0
"""The way out of a connection."""

import asyncio
import socket

from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy.ws import receiver
from tests import base
from tests.unit.proxy.ws import test_receiver

FRAME = test_receiver.masked(0x82)


class FarewellTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        near, self.client = socket.socketpair()
        near.setblocking(False)
        self.addCleanup(self.client.close)
        self.buffer = readbuffer.ReadBuffer()
        self.wire = (await inbox.attach(near, self.buffer)).wire
        self.reader = receiver.Receiver()
        self.farewell = closing.Farewell(self.wire, self.buffer, self.reader)
        self.farewell.linger()

    async def asyncTearDown(self) -> None:
        self.wire.transport.abort()
        await asyncio.sleep(0)
        await super().asyncTearDown()

    def send(self, data: bytes) -> None:
        self.buffer.payload[: len(data)] = data
        self.farewell.buffer_updated(len(data))

    async def test_close_frame_is_waited_for(self) -> None:
        self.send(FRAME * receiver.MAX_FRAMES)
        self.assertFalse(self.wire.transport.is_closing())
        self.send(test_receiver.masked(0x88))
        self.assertTrue(self.wire.transport.is_closing())

    async def test_crowd_of_frames_is_not_waited_for(self) -> None:
        self.send(FRAME * (receiver.MAX_FRAMES + 1))
        self.assertTrue(self.wire.transport.is_closing())
