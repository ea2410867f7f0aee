# SPDX-License-Identifier: Apache-2.0
"""The RFB handshakes on input that nobody expects."""

from collections.abc import Callable

import hypothesis
from hypothesis import strategies as st

from console_api.proxy.rfb import browser
from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import hypervisor
from console_api.proxy.rfb import security
from tests import base
from tests.fuzz.test_websocket import pieces

_SETTINGS = hypothesis.settings(deadline=None, max_examples=300)

_versions = st.one_of(
    st.sampled_from(
        (
            b'RFB 003.003\n',
            b'RFB 003.007\n',
            b'RFB 003.008\n',
            b'RFB 003.889\n',
            b'RFB 000.000\n',
            b'',
        )
    ),
    st.binary(min_size=12, max_size=12),
)
#: Something near to what a peer may say, then anything.
_streams = st.builds(
    lambda version, steps, rest: version + b''.join(steps) + rest,
    _versions,
    st.lists(
        st.sampled_from(
            (
                b'\x00',
                b'\x01\x01',
                b'\x01',
                b'\x02',
                bytes(4),
                b'\x00\x00\x00\x01',
                b'\xff\xff\xff\xff',
                b'\x01\x13',
                b'\x00\x02',
                b'\x00',
                b'\x01\x00\x00\x01\x04',
                b'\x02\x00\x00\x01\x01\x00\x00\x01\x05',
                bytes(16),
            )
        ),
        max_size=10,
    ),
    st.binary(max_size=300),
)
_means = st.builds(
    security.Means,
    st.permutations(
        (
            security.SecurityType.NONE,
            security.SecurityType.VNC_AUTH,
            security.SecurityType.VENCRYPT,
        )
    ).map(tuple),
    st.sampled_from((None, lambda challenge: challenge[::-1])),
    st.booleans(),
)
_cuts = st.lists(st.integers(1, 40), max_size=30)


class HandshakeTest(base.TestCase):
    def run_over(
        self,
        make: Callable[[], dialogue.Dialogue],
        stream: bytes,
        cuts: list[int],
    ) -> tuple[object, ...]:
        """How it ends; checks what it keeps on the way."""
        talk = make()
        sent = talk.begin()
        for piece in pieces(stream, cuts):
            sent += talk.feed(piece)
            if talk.wants_tls:
                # As if the rest came through TLS.
                sent += talk.secured()
            if not talk.done:
                self.assertLess(len(talk.leftover), dialogue.MAX_REASON)
        words = talk.error.words if talk.error else ''
        self.assertNotIn('\n', words)
        return sent, talk.done, words, talk.leftover

    @_SETTINGS
    @hypothesis.given(_streams, _cuts)
    def test_any_server(self, stream: bytes, cuts: list[int]) -> None:
        whole = self.run_over(hypervisor.handshake, stream, [])
        split = self.run_over(hypervisor.handshake, stream, cuts)
        self.assertEqual(whole, split)

    @_SETTINGS
    @hypothesis.given(_streams, _means, _cuts)
    def test_any_server_with_any_means(
        self, stream: bytes, means: security.Means, cuts: list[int]
    ) -> None:
        def make() -> dialogue.Dialogue:
            return hypervisor.handshake(means)

        # Byte by byte, so that nothing comes before TLS.
        whole = self.run_over(make, stream, [1] * len(stream))
        again = self.run_over(make, stream, [1] * len(stream))
        self.assertEqual(whole, again)
        self.run_over(make, stream, cuts)

    @_SETTINGS
    @hypothesis.given(_streams, _cuts)
    def test_any_client(self, stream: bytes, cuts: list[int]) -> None:
        whole = self.run_over(browser.handshake, stream, [])
        split = self.run_over(browser.handshake, stream, cuts)
        self.assertEqual(whole, split)
