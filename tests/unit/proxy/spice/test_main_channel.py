# SPDX-License-Identifier: Apache-2.0
"""Link messages and first messages of SPICE, of any content."""

import struct

import hypothesis
from hypothesis import strategies

from console_api.proxy.spice import main_channel
from tests import base

UUID = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'


def header(size: int, magic: bytes = b'REDQ') -> bytes:
    """The header of a link message."""
    return magic + struct.pack('<III', 2, 2, size)


def link(common: tuple[int, ...], own: tuple[int, ...]) -> main_channel.Link:
    """A link message for the main channel."""
    body = struct.pack('<IBBIII', 0, 1, 0, len(common), len(own), 18)
    body += b''.join(struct.pack('<I', word) for word in common + own)
    return main_channel.Link(header(len(body)), body)


class LinkTest(base.TestCase):
    def test_size_is_bounded(self) -> None:
        for size in (0, 17, 4097, 0xFFFFFFFF):
            with self.assertRaises(main_channel.LinkError):
                main_channel.link_size(header(size))
        self.assertEqual(18, main_channel.link_size(header(18)))

    def test_reply_has_room_for_a_key(self) -> None:
        with self.assertRaises(main_channel.LinkError):
            main_channel.link_size(header(177), reply=True)
        self.assertEqual(178, main_channel.link_size(header(178), reply=True))

    def test_other_protocol_is_none(self) -> None:
        with self.assertRaises(main_channel.LinkError):
            main_channel.link_size(header(18, b'RFB '))

    def test_capability_is_added_to_those_there_are(self) -> None:
        for common, own in (((), ()), ((1,), ()), ((9, 5), (4, 8))):
            first, *rest = own or (0,)
            wanted = link(common, (first | 2, *rest))
            self.assertEqual(
                wanted.header + wanted.body, link(common, own).asking()
            )

    def test_capabilities_beyond_the_message_are_refused(self) -> None:
        good = link((1,), (4,)).body
        for place, value in ((6, 0xFFFFFFFF), (10, 3), (14, 19), (14, 0)):
            body = good[:place] + struct.pack('<I', value) + good[place + 4 :]
            with self.assertRaises(main_channel.LinkError):
                main_channel.Link(header(len(body)), body).asking()

    def test_main_channel_that_joins_a_session_is_refused(self) -> None:
        made = link((), ())
        joins = b'\x07' + made.body[1:]
        other = main_channel.Link(made.header, joins)
        self.assertTrue(made.is_main)
        self.assertRaises(main_channel.LinkError, lambda: other.is_main)

    def test_ticket_has_a_choice_before_it_where_the_client_says_so(
        self,
    ) -> None:
        self.assertEqual(132, link((1,), ()).ticket_size)
        self.assertEqual(128, link((2,), ()).ticket_size)
        self.assertEqual(128, link((), (1,)).ticket_size)

    def test_only_a_ticket_of_spice_is_taken(self) -> None:
        made = link((1,), ())
        made.check_ticket(struct.pack('<I', 1) + bytes(128))
        made.check_ticket(bytes(128))
        with self.assertRaises(main_channel.LinkError):
            made.check_ticket(struct.pack('<I', 2) + bytes(128))

    @hypothesis.given(strategies.binary(min_size=18, max_size=60))
    def test_any_link_message_is_read_or_refused(self, body: bytes) -> None:
        made = main_channel.Link(header(len(body)), body)
        try:
            asked = made.asking()
        except main_channel.LinkError:
            return
        self.assertEqual(len(asked) - 16, main_channel.link_size(asked[:16]))
        self.assertIn(made.ticket_size, (128, 132))
        self.assertIn(made.message_header, (6, 18))


class MessageTest(base.TestCase):
    def test_both_headers_are_read(self) -> None:
        mini = struct.pack('<HI', 114, 16)
        full = struct.pack('<QHII', 7, 114, 16, 0)
        for data in (mini, full):
            self.assertEqual((114, 16), main_channel.message(data))

    def test_long_message_is_refused(self) -> None:
        with self.assertRaises(main_channel.LinkError):
            main_channel.message(struct.pack('<HI', 103, 0xFFFFFFFF))

    def test_uuid_is_told_by_its_message_alone(self) -> None:
        data = bytes.fromhex(UUID.replace('-', ''))
        self.assertEqual(UUID, main_channel.told(114, data))
        self.assertIsNone(main_channel.told(113, data))
        self.assertIsNone(main_channel.told(114, data[1:]))
