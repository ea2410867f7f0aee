# SPDX-License-Identifier: Apache-2.0
"""A viewer's stream in any pieces, and one that is no stream at all."""

import hypothesis
from hypothesis import strategies as st

from console_api.proxy.rfb import client_messages
from tests import base
from tests.fuzz.test_websocket import pieces
from tests.unit.proxy.rfb import test_client_messages as messages

_SETTINGS = hypothesis.settings(deadline=None, max_examples=300)
_messages = st.lists(
    st.sampled_from(messages.PASSED + messages.DROPPED), max_size=30
)
_cuts = st.lists(st.integers(0, 1000), max_size=20)
_streams = st.builds(
    lambda whole, rest: b''.join(whole) + rest,
    _messages,
    st.binary(max_size=300),
)


def _feed(sieve: client_messages.Sieve, parts: list[bytes]) -> bytes:
    return b''.join(sieve.feed(bytes(part)) for part in parts)


class SieveTest(base.TestCase):
    @_SETTINGS
    @hypothesis.given(_messages, _cuts)
    def test_only_what_passes_comes_out(
        self, sent: list[bytes], cuts: list[int]
    ) -> None:
        sieve = client_messages.Sieve()
        stream = b'\x00' + b''.join(sent)
        passed = b''.join(one for one in sent if one in messages.PASSED)
        self.assertEqual(b'\x01' + passed, _feed(sieve, pieces(stream, cuts)))
        self.assertEqual('', sieve.fault)

    @_SETTINGS
    @hypothesis.given(_streams, _cuts)
    def test_pieces_make_no_difference(
        self, stream: bytes, cuts: list[int]
    ) -> None:
        whole, parted = client_messages.Sieve(), client_messages.Sieve()
        self.assertEqual(
            whole.feed(stream), _feed(parted, pieces(stream, cuts))
        )
        self.assertEqual(whole.fault, parted.fault)

    @_SETTINGS
    @hypothesis.given(_streams)
    def test_the_server_sees_whole_messages_that_may_pass(
        self, stream: bytes
    ) -> None:
        passed = client_messages.Sieve().feed(stream)
        self.assertEqual(passed, client_messages.Sieve().feed(passed))
        rest = passed[1:]
        while rest:
            length = _length(rest)
            self.assertIsNotNone(length)
            rest = rest[length:]


def _length(data: bytes) -> int | None:
    """How long the message at the beginning is, as a server counts."""
    fixed = {0: 20, 3: 10, 150: 10}.get(data[0])
    if data[0] == 2:
        return 4 + 4 * int.from_bytes(data[2:4].ljust(2, b'\0'), 'big')
    if data[0] == 248:
        return 9 + data[8]
    return fixed
