# SPDX-License-Identifier: Apache-2.0
"""What an RFB server says first, in any pieces and of any content."""

import hypothesis
from hypothesis import strategies

from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import server_init
from tests import base

SCREEN = bytes(range(20))


def said(name: bytes, length: int | None = None) -> bytes:
    """A ServerInit."""
    size = len(name) if length is None else length
    return SCREEN + size.to_bytes(4, 'big') + name


class ServerInitTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard = server_init.Heard()
        self.talk = server_init.handshake(self.heard)

    def test_client_shares_the_server(self) -> None:
        self.assertEqual([b'\x01'], self.talk.begin())

    def test_name_is_heard(self) -> None:
        self.talk.begin()
        self.talk.feed(said(b'QEMU (a)') + b'more')
        self.assertTrue(self.talk.done)
        self.assertEqual('QEMU (a)', self.heard.name)
        self.assertEqual(said(b'QEMU (a)'), self.heard.raw)
        self.assertEqual(b'more', self.talk.leftover)

    def test_name_may_be_empty(self) -> None:
        self.talk.begin()
        self.talk.feed(said(b''))
        self.assertEqual((True, ''), (self.talk.done, self.heard.name))

    def test_name_has_a_limit(self) -> None:
        for length in (server_init.MAX_NAME + 1, 0xFFFFFFFF):
            talk = server_init.handshake(server_init.Heard())
            talk.begin()
            talk.feed(said(b'', length))
            assert talk.error is not None
            self.assertIs(dialogue.Fault.LENGTH, talk.error.fault)
        self.talk.begin()
        self.talk.feed(said(b'x' * server_init.MAX_NAME))
        self.assertIsNone(self.talk.error)

    @hypothesis.given(
        strategies.binary(max_size=64), strategies.integers(1, 32)
    )
    def test_pieces_make_no_difference(self, name: bytes, size: int) -> None:
        heard = server_init.Heard()
        talk = server_init.handshake(heard)
        talk.begin()
        data = said(name)
        for place in range(0, len(data), size):
            self.assertFalse(talk.done)
            talk.feed(data[place : place + size])
        self.assertTrue(talk.done)
        self.assertEqual(data, heard.raw)
