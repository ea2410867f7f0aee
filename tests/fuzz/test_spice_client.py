# SPDX-License-Identifier: Apache-2.0
"""The stream of a SPICE channel in any pieces, and one that is none."""

import hypothesis
from hypothesis import strategies as st

from console_api.proxy.spice import client_messages
from tests import base
from tests.fuzz.test_websocket import pieces
from tests.unit.proxy.spice import test_client_messages as messages

_SETTINGS = hypothesis.settings(deadline=None, max_examples=300)
_cuts = st.lists(st.integers(0, 1000), max_size=20)
_streams = st.builds(
    lambda begin, whole, rest: begin + b''.join(whole) + rest,
    st.sampled_from((b'', messages.link(messages.INPUTS) + messages.TICKET)),
    st.lists(
        st.sampled_from((messages.KEY, messages.ACK, messages.PONG)),
        max_size=30,
    ),
    st.binary(max_size=300),
)


class InputTest(base.TestCase):
    @_SETTINGS
    @hypothesis.given(_streams, _cuts)
    def test_pieces_make_no_difference(
        self, stream: bytes, cuts: list[int]
    ) -> None:
        whole, parted = client_messages.Input(), client_messages.Input()
        found = whole.feed(stream)
        seen = [parted.feed(bytes(part)) for part in pieces(stream, cuts)]
        self.assertEqual(found, any(seen))
        self.assertEqual(whole.count, parted.count)
        self.assertEqual(whole.feed(b'x'), parted.feed(b'x'))
