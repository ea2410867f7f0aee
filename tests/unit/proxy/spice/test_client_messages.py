# SPDX-License-Identifier: Apache-2.0
import struct

from console_api.proxy.spice import client_messages
from tests import base

MAIN, DISPLAY, INPUTS = 1, 2, 3
AUTH_SELECTION, MINI_HEADER = 1, 8
BOTH = AUTH_SELECTION | MINI_HEADER
TICKET = struct.pack('<I', 1) + bytes(128)


def link(channel: int, caps: int | None = BOTH) -> bytes:
    """What a channel begins with, but for its ticket."""
    words = [] if caps is None else [caps]
    offset = 18 if words else 0
    body = struct.pack('<IBBIII', 7, channel, 0, len(words), 1, offset)
    body += struct.pack(f'<{len(words) + 1}I', *words, 0xFFFF)
    return struct.pack('<4sIII', b'REDQ', 2, 2, len(body)) + body


def message(kind: int, data: bytes = b'') -> bytes:
    return struct.pack('<HI', kind, len(data)) + data


def long_message(kind: int, data: bytes = b'') -> bytes:
    return struct.pack('<QHII', 0x0065_0065, kind, len(data), 0) + data


KEY = message(101, struct.pack('<I', 30))
MOVE = message(111, bytes(10))
ACK = message(2)
PONG = message(3, bytes(12))


class InputTest(base.TestCase):
    def opened(self, channel: int = INPUTS) -> client_messages.Input:
        found = client_messages.Input()
        self.assertFalse(found.feed(link(channel)))
        self.assertFalse(found.feed(TICKET))
        return found

    def test_keys_and_pointer_are_input(self) -> None:
        found = self.opened()
        for kind in (101, 102, 103, 104, 111, 112, 113, 114):
            with self.subTest(kind=kind):
                self.assertTrue(found.feed(ACK + message(kind, b'abcd')))
                self.assertFalse(found.feed(ACK))

    def test_what_a_client_sends_by_itself_is_none(self) -> None:
        found = self.opened()
        for kind in range(1, 7):
            with self.subTest(kind=kind):
                self.assertFalse(found.feed(message(kind, bytes(12))))

    def test_other_channels_have_none(self) -> None:
        for channel in (MAIN, DISPLAY, 4, 5, 6):
            with self.subTest(channel=channel):
                found = self.opened(channel)
                self.assertFalse(found.feed(PONG + KEY + bytes(100_000)))

    def test_byte_by_byte(self) -> None:
        stream = link(INPUTS) + TICKET + PONG + KEY + ACK + MOVE + PONG
        found = client_messages.Input()
        seen = [found.feed(bytes((value,))) for value in stream]
        self.assertEqual(2, seen.count(True))

    def test_all_at_once(self) -> None:
        for begin in (link(INPUTS) + TICKET, link(INPUTS, MINI_HEADER)):
            ticket = b'' if TICKET in begin else bytes(128)
            found = client_messages.Input()
            self.assertTrue(found.feed(begin + ticket + PONG + KEY))
            self.assertFalse(found.feed(PONG))

    def test_long_headers(self) -> None:
        for caps, ticket in ((AUTH_SELECTION, TICKET), (None, bytes(128))):
            with self.subTest(caps=caps):
                found = client_messages.Input()
                begin = link(INPUTS, caps) + ticket
                self.assertFalse(found.feed(begin + long_message(2)))
                self.assertTrue(found.feed(long_message(101, bytes(4))))
                self.assertFalse(found.feed(long_message(3, bytes(12))))

    def test_message_that_never_ends_is_not_kept(self) -> None:
        found = self.opened()
        found.feed(struct.pack('<HI', 3, 0xFFFFFFFF))
        for _ in range(100):
            self.assertFalse(found.feed(bytes(65536)))
        self.assertEqual(b'', found._kept)

    def test_anything_counts_behind_what_cannot_be_read(self) -> None:
        sasl = link(INPUTS) + struct.pack('<I', 2)
        for begin in (
            b'GET / HTTP/1.1\r\n',
            struct.pack('<4sIII', b'REDQ', 2, 2, 17),
            struct.pack('<4sIII', b'REDQ', 2, 2, 4097),
            sasl,
            link(INPUTS) + TICKET + message(200),
        ):
            with self.subTest(begin=begin):
                found = client_messages.Input()
                found.feed(begin)
                self.assertTrue(found.feed(b'x'))

    def test_capabilities_elsewhere_are_none(self) -> None:
        body = struct.pack('<IBBIII', 7, INPUTS, 0, 1, 0, 0xFFFFFFF0)
        found = client_messages.Input()
        found.feed(struct.pack('<4sIII', b'REDQ', 2, 2, len(body)) + body)
        self.assertFalse(found.feed(bytes(128) + long_message(3)))
        self.assertTrue(found.feed(long_message(101)))
