# SPDX-License-Identifier: Apache-2.0
"""The handshake with the user's client."""

from console_api.proxy.rfb import browser
from console_api.proxy.rfb import dialogue
from tests import base

V38 = b'RFB 003.008\n'


class BrowserTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.talk = browser.handshake()

    def test_version_comes_first_and_alone(self) -> None:
        self.assertEqual([V38], self.talk.begin())

    def test_each_answer_is_one_message(self) -> None:
        self.talk.begin()
        self.assertEqual([b'\x01\x01'], self.talk.feed(V38))
        self.assertEqual([bytes(4)], self.talk.feed(b'\x01'))
        self.assertTrue(self.talk.done)
        self.assertIsNone(self.talk.error)

    def test_byte_by_byte(self) -> None:
        sent = self.talk.begin()
        for byte in V38 + b'\x01':
            sent += self.talk.feed(bytes((byte,)))
        self.assertEqual([V38, b'\x01\x01', bytes(4)], sent)
        self.assertTrue(self.talk.done)

    def test_what_follows_is_kept(self) -> None:
        self.talk.begin()
        self.talk.feed(V38 + b'\x01\x01more')
        self.assertEqual(b'\x01more', self.talk.leftover)

    def test_other_versions_are_refused(self) -> None:
        for answer in (b'RFB 003.003\n', b'RFB 003.889\n', b'\xff' * 12):
            talk = browser.handshake()
            talk.begin()
            self.assertEqual([], talk.feed(answer))
            assert talk.error is not None
            self.assertIs(dialogue.Fault.VERSION, talk.error.fault)

    def test_type_that_was_not_offered_is_refused(self) -> None:
        for chosen in (0, 2, 16, 19, 255):
            talk = browser.handshake()
            talk.begin()
            self.assertEqual([b'\x01\x01'], talk.feed(V38 + bytes((chosen,))))
            assert talk.error is not None
            self.assertIs(dialogue.Fault.TYPE, talk.error.fault)
