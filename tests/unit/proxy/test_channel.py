# SPDX-License-Identifier: Apache-2.0
"""Messages of a client before data flows."""

import asyncio
import socket

from console_api.proxy import channel
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy.ws import receiver
from tests import base
from tests.unit.proxy.ws import test_receiver

PONG = test_receiver.masked(0x8A)


class ChannelTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        near, self.client = socket.socketpair()
        near.setblocking(False)
        self.addCleanup(self.client.close)
        self.inbox = await inbox.attach(near, readbuffer.ReadBuffer())

    async def asyncTearDown(self) -> None:
        self.inbox.wire.transport.abort()
        await asyncio.sleep(0)
        await super().asyncTearDown()

    async def test_crowd_of_frames_is_read_in_parts(self) -> None:
        sent = PONG * 2 * receiver.MAX_FRAMES
        user = channel.Channel(
            self.inbox, sent + test_receiver.masked(0x82, b'hello')
        )
        reading = asyncio.ensure_future(user.read())
        await asyncio.sleep(0)
        self.assertEqual(receiver.MAX_FRAMES, user.reader.pongs)
        self.assertEqual(b'hello', await reading)
        self.assertEqual(2 * receiver.MAX_FRAMES, user.reader.pongs)

    async def test_what_is_left_is_taken_over(self) -> None:
        key = test_receiver.masked(0x82, b'a')
        user = channel.Channel(self.inbox, key * 2 * receiver.MAX_FRAMES)
        self.assertEqual(b'a' * receiver.MAX_FRAMES, await user.read())
        self.assertEqual(key * receiver.MAX_FRAMES, user.take())

    async def test_pause_is_as_long_as_the_crowd(self) -> None:
        reader = receiver.Receiver()
        reader.receive(memoryview(PONG * 100))
        self.assertAlmostEqual(100 * channel.PAUSE, channel.pause(reader))
        self.assertEqual(0, channel.pause(reader))
