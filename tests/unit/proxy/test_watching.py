# SPDX-License-Identifier: Apache-2.0
"""Reads that are full of messages, of clients that are looked at."""

from console_api.proxy import usage
from console_api.proxy import viewing
from console_api.proxy import watching
from console_api.proxy.ws import receiver
from tests import base
from tests.unit.proxy.rfb import test_client_messages as rfb
from tests.unit.proxy.spice import test_client_messages as spice
from tests.unit.proxy.ws import test_receiver

#: A few more than one call finds in the shortest messages.
MOST = 1024
READ = 256 * 1024


def watched(watcher: watching.Watcher) -> watching.Watcher:
    watcher.watch(rfb.SHARED)
    return watcher


class WatcherTest(base.TestCase):
    def calls(self, watcher: watching.Watcher, data: bytes) -> list[int]:
        """How many messages each call has found; what passes is kept."""
        found = []
        self.passed = b''
        while data:
            before = watcher._messages()
            self.passed += b''.join(watcher.receive(memoryview(data)))
            found.append(watcher._messages() - before)
            data, watcher.rest = watcher.rest, b''
            watcher.crowd = 0
        return found

    def test_viewer_s_messages_are_read_in_parts(self) -> None:
        for message in (rfb.AUDIO_ON, rfb.REQUEST):
            with self.subTest(message=message):
                viewer = watched(viewing.viewer('vnc'))
                count = READ // len(message)
                frame = test_receiver.masked(0x82, message * count)
                found = self.calls(viewer, frame)
                self.assertEqual(count, sum(found))
                self.assertLess(max(found), MOST)
        self.assertEqual(rfb.REQUEST * count, self.passed)

    def test_messages_of_a_screen_in_use_are_read_in_parts(self) -> None:
        use = usage.Use()
        observer = watched(watching.observer('vnc', use))
        sent = rfb.AUDIO_ON * (READ // 4)
        found = self.calls(observer, test_receiver.masked(0x82, sent))
        self.assertEqual(READ // 4, sum(found))
        self.assertLess(max(found), MOST)
        self.assertEqual(sent, self.passed)
        self.assertGreater(use.since, 0)

    def test_messages_of_a_channel_in_use_are_read_in_parts(self) -> None:
        observer = watching.observer('spice', usage.Use())
        observer.watch(spice.link(spice.INPUTS) + spice.TICKET)
        sent = spice.ACK * (READ // len(spice.ACK))
        found = self.calls(observer, test_receiver.masked(0x82, sent))
        self.assertLess(max(found), MOST)
        self.assertEqual(sent, self.passed)

    def test_frames_and_messages_are_a_crowd_together(self) -> None:
        viewer = watched(viewing.viewer('vnc'))
        frame = test_receiver.masked(0x82, rfb.AUDIO_ON)
        viewer.receive(memoryview(frame * 10_000))
        self.assertLess(viewer.crowd, 2 * MOST)
        self.assertGreaterEqual(viewer.crowd, 2 * viewer._messages())

    def test_long_text_is_no_crowd(self) -> None:
        observer = watched(watching.observer('vnc', usage.Use()))
        text = b'\x06' + bytes(3) + READ.to_bytes(4, 'big') + bytes(READ)
        frame = test_receiver.masked(0x82, text)
        self.assertEqual([1], self.calls(observer, frame))
        self.assertEqual(text, self.passed)

    def test_a_few_messages_are_no_crowd(self) -> None:
        observer = watched(watching.observer('vnc', usage.Use()))
        moves = test_receiver.masked(0x82, rfb.POINTER) * receiver.FEW
        observer.receive(memoryview(moves))
        self.assertEqual((0, b''), (observer.crowd, observer.rest))
