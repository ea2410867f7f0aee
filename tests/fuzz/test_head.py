# SPDX-License-Identifier: Apache-2.0
"""Requests that are read without h11, with h11 as the judge."""

import h11
import hypothesis
from hypothesis import strategies as st

from console_api.proxy import head
from tests import base

_SETTINGS = hypothesis.settings(deadline=None, max_examples=1000)

_NAMES = (
    b'Host',
    b'Upgrade',
    b'Connection',
    b'Content-Length',
    b'Transfer-Encoding',
    b'Origin',
    b'x~!',
)
_VALUES = (b'websocket', b'Upgrade', b'a:1', b'5', b'chunked', b'', b'a \tb')
_line = st.builds(
    lambda *parts: b''.join(parts),
    st.one_of(st.sampled_from(_NAMES), st.binary(max_size=3)),
    st.sampled_from((b':', b': ', b':\t', b' :', b'')),
    st.one_of(st.sampled_from(_VALUES), st.binary(max_size=6)),
    st.sampled_from((b'\r\n', b' \r\n', b'\n', b'\r', b'\r\n ')),
)
_target = st.one_of(
    st.just(b'/?token=abc'), st.binary(max_size=4).map(lambda end: b'/' + end)
)
_usual = st.just(b'Host: x\r\nUpgrade: websocket\r\n')
_requests = st.builds(
    lambda target, *rest: b'GET ' + target + b' HTTP/1.1\r\n' + b''.join(rest),
    _target,
    _usual,
    st.lists(_line, max_size=4).map(b''.join),
    st.just(b'\r\n'),
    st.binary(max_size=20),
)


class OracleTest(base.TestCase):
    @_SETTINGS
    @hypothesis.given(_requests)
    def test_h11_reads_the_same_in_what_is_taken(self, data: bytes) -> None:
        found = head.parse(data)
        if found is None:
            return
        judge = h11.Connection(h11.SERVER)
        judge.receive_data(data)
        event = judge.next_event()
        assert isinstance(event, h11.Request)
        self.assertEqual((b'GET', b'1.1'), (event.method, event.http_version))
        self.assertEqual(event.target.decode(), found.target)
        self.assertEqual(
            [(name.decode(), text.decode()) for name, text in event.headers],
            list(found.fields),
        )
        self.assertIsInstance(judge.next_event(), h11.EndOfMessage)
        self.assertEqual(data[found.size :], judge.trailing_data[0])

    @_SETTINGS
    @hypothesis.given(st.binary(max_size=300))
    def test_any_input_is_taken_or_left(self, data: bytes) -> None:
        head.parse(data)
