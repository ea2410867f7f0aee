# SPDX-License-Identifier: Apache-2.0
"""Tests of the SPICE link of a simulated server, without a socket."""

import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
import hypothesis
from hypothesis import strategies

from console_api.virt.fake import spice
from tests import base

AUTH_SELECTION = 1
TICKET = struct.pack('<I128s', 1, b'')
DENIED = struct.pack('<I', 7)


def link(common=(11,), channel=(9,), offset=18, major=2, size=None):
    """What a client begins with; capabilities are words."""
    words = (*common, *channel)
    message = struct.pack(
        f'<IBBIII{len(words)}I',
        0,
        1,
        0,
        len(common),
        len(channel),
        offset,
        *words,
    )
    if size is None:
        size = len(message)
    return struct.pack('<4sIII', b'REDQ', major, 2, size) + message


class SpiceTestCase(base.TestCase):
    def talk(self, *sent):
        """What the server says after all that; the session."""
        session = spice.SpicePort().open()
        said = b''
        for data in sent:
            session.receive(data)
            said += session.produce()
        return session, said

    def reply(self, said):
        """Error, key and capabilities of a reply, and what follows it."""
        magic, major, minor, size = struct.unpack_from('<4sIII', said)
        self.assertEqual((b'REDQ', 2, 2), (magic, major, minor))
        body, rest = said[16 : 16 + size], said[16 + size :]
        self.assertEqual(size, len(body))
        error, key, common, channel, offset = struct.unpack_from(
            '<I162sIII', body
        )
        self.assertEqual((178, 0), (offset, channel))
        self.assertEqual(178 + 4 * common, size)
        words = struct.unpack_from(f'<{common}I', body, 178)
        return error, key, words, rest

    def refused(self, error, *sent):
        """The server says no with that error and hangs up."""
        session, said = self.talk(*sent)
        self.assertEqual(
            (error, bytes(162), (), b''), self.reply(said), session
        )
        self.assertIsNotNone(session.why_closed())


class TestLink(SpiceTestCase):
    def test_a_link_is_answered(self):
        session, said = self.talk(link())
        error, _key, words, rest = self.reply(said)

        self.assertEqual(0, error)
        self.assertEqual((0b1011,), words)
        self.assertEqual(b'', rest)
        self.assertIsNone(session.why_closed())

    def test_the_key_is_one_for_tickets(self):
        _session, said = self.talk(link())
        key = serialization.load_der_public_key(self.reply(said)[1])

        assert isinstance(key, rsa.RSAPublicKey)
        self.assertEqual(1024, key.key_size)
        self.assertEqual(65537, key.public_numbers().e)

    def test_each_link_has_its_own_key(self):
        keys = {self.reply(self.talk(link())[1])[1] for _ in range(3)}

        self.assertEqual(3, len(keys))

    def test_whatever_the_ticket_permission_is_denied(self):
        session, said = self.talk(link(), TICKET)

        self.assertEqual(DENIED, self.reply(said)[3])
        self.assertIsNotNone(session.why_closed())

    def test_a_client_that_cannot_choose_sends_its_ticket_at_once(self):
        for common in ((), (0b1010,)):
            session, said = self.talk(link(common), bytes(127))
            self.assertEqual(b'', self.reply(said)[3])
            self.assertIsNone(session.why_closed())
            session.receive(b'\0')
            self.assertEqual(DENIED, session.produce())

    def test_a_link_without_capabilities_needs_no_place_for_them(self):
        _session, said = self.talk(link((), (), offset=0xFFFFFFFF))

        self.assertEqual(0, self.reply(said)[0])

    def test_nothing_is_said_before_the_link_is_complete(self):
        whole = link()
        session, said = self.talk(whole[:-1])

        self.assertEqual(b'', said)
        self.assertIsNone(session.why_closed())

    def test_a_client_is_never_through(self):
        session, _said = self.talk(link())

        self.assertFalse(session.is_started())


class TestBadLink(SpiceTestCase):
    def test_another_protocol(self):
        self.refused(2, b'RFB 003.008\n')
        self.refused(2, b'GET ')

    def test_another_version(self):
        for major in (0, 1, 3, 0xFFFFFFFF):
            self.refused(4, link(major=major))

    def test_a_length_that_cannot_be(self):
        for size in (0, 17, 4097, 0xFFFFFFFF):
            self.refused(3, link(size=size))

    def test_more_capabilities_than_there_are(self):
        bad = bytearray(link())
        for place in (22, 26):
            for count in (3, 1025, 0x40000000, 0xFFFFFFFF):
                changed = bad.copy()
                struct.pack_into('<I', changed, place, count)
                self.refused(3, bytes(changed))

    def test_capabilities_in_the_wrong_place(self):
        for offset in (0, 17, 19, 4096, 0xFFFFFFFF):
            self.refused(3, link(offset=offset))

    def test_another_way_to_authenticate(self):
        for mechanism in (0, 2, 0xFFFFFFFF):
            session, said = self.talk(link(), struct.pack('<I', mechanism))
            error, *_rest = self.reply(self.reply(said)[3])

            self.assertEqual(3, error)
            self.assertIsNotNone(session.why_closed())

    def test_after_the_end_nothing_is_answered(self):
        session, _said = self.talk(link(), TICKET)
        session.receive(link())

        self.assertEqual(b'', session.produce())

    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        strategies.lists(
            strategies.one_of(
                strategies.binary(max_size=60),
                strategies.sampled_from((b'REDQ', link(), TICKET)),
                strategies.builds(
                    link,
                    strategies.lists(strategies.just(11), max_size=3),
                    strategies.lists(strategies.just(9), max_size=3),
                    strategies.integers(0, 40),
                    strategies.integers(1, 3),
                ),
            ),
            max_size=6,
        ),
        strategies.integers(1, 50),
    )
    def test_any_input_has_one_end(self, parts, cut):
        data = b''.join(parts)
        whole, said = self.talk(data)
        pieces, said_again = self.talk(
            *(data[i : i + cut] for i in range(0, len(data), cut))
        )

        self.assertEqual(whole.why_closed(), pieces.why_closed())
        # The keys are different each time.
        self.assertEqual(len(said), len(said_again))
        self.assertLess(len(said), 512)


class TestSecurePort(base.TestCase):
    def test_it_ends_a_handshake_in_the_words_of_tls(self):
        session = spice.SecureSpicePort().open()
        self.assertIsNone(session.why_closed())
        session.receive(b'\x16\x03\x01')

        self.assertEqual(b'\x15\x03\x01\x00\x02\x02\x28', session.produce())
        self.assertIsNotNone(session.why_closed())
