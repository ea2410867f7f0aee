# SPDX-License-Identifier: Apache-2.0
"""The WebSocket reader and writer beside another implementation."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
from websockets import frames as their_frames
from websockets import protocol

from console_api.proxy.ws import frames
from console_api.proxy.ws import masking
from console_api.proxy.ws import receiver
from tests import base

_SETTINGS = hypothesis.settings(deadline=None, max_examples=300)


@dataclasses.dataclass(frozen=True)
class Sent:
    """A frame as a client, good or bad, writes it."""

    first: int
    payload: bytes
    key: bytes
    masked: bool = True

    def encode(self) -> bytes:
        length = len(self.payload)
        bit = 0x80 if self.masked else 0
        if length < 126:
            head = bytes((self.first, bit | length))
        elif length < 65536:
            head = bytes((self.first, bit | 126)) + length.to_bytes(2, 'big')
        else:
            head = bytes((self.first, bit | 127)) + length.to_bytes(8, 'big')
        if not self.masked:
            return head + self.payload
        data = masking.apply_mask_slowly(self.payload, self.key)
        return head + self.key + data


_payloads = st.one_of(
    st.binary(max_size=200),
    st.integers(0, 70_000).map(lambda size: b'\xa5' * size),
)
_keys = st.binary(min_size=4, max_size=4)
#: Mostly what is allowed: fragments, whole messages, control frames.
_good = st.sampled_from((0x82, 0x82, 0x02, 0x00, 0x80, 0x89, 0x8A))
_close = st.builds(
    Sent,
    st.just(0x88),
    st.one_of(
        st.binary(max_size=130),
        st.builds(
            lambda code, reason: code.to_bytes(2, 'big') + reason.encode(),
            st.integers(990, 5010),
            st.text(max_size=20),
        ),
    ),
    _keys,
)
_frames = st.one_of(
    st.builds(Sent, _good, st.binary(max_size=125), _keys),
    st.builds(Sent, st.sampled_from((0x82, 0x02)), _payloads, _keys),
    _close,
    # Any first byte but text, which is refused here and taken there.
    st.builds(
        Sent,
        st.integers(0, 255).filter(lambda first: first & 15 != 1),
        _payloads,
        _keys,
        st.booleans(),
    ),
)
_cuts = st.lists(st.integers(1, 5000), max_size=30)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data in pieces of these sizes, and the rest."""
    found = []
    for size in cuts:
        found.append(data[:size])
        data = data[size:]
    return [*found, data]


def theirs(data: bytes) -> tuple[bytes, list[bytes], protocol.Protocol]:
    """Payload and pings that the other implementation reads."""
    peer = protocol.Protocol(protocol.Side.SERVER, max_size=None)
    peer.receive_data(data)
    payload = b''
    pings = []
    data_codes = (their_frames.Opcode.BINARY, their_frames.Opcode.CONT)
    for event in peer.events_received():
        assert isinstance(event, their_frames.Frame)
        if event.opcode in data_codes:
            payload += bytes(event.data)
        elif event.opcode == their_frames.Opcode.PING:
            pings.append(bytes(event.data))
    return payload, pings, peer


class ReaderTest(base.TestCase):
    def read(
        self, data: bytes, cuts: list[int]
    ) -> tuple[bytes, receiver.Receiver]:
        reader = receiver.Receiver()
        payload = b''.join(
            b''.join(reader.receive(memoryview(piece)))
            for piece in pieces(data, cuts)
        )
        return payload, reader

    @_SETTINGS
    @hypothesis.given(
        st.lists(_frames, max_size=12), _cuts, st.integers(1, 12)
    )
    def test_so_many_frames_a_call_make_no_difference(
        self, sent: list[Sent], cuts: list[int], most: int
    ) -> None:
        stream = b''.join(frame.encode() for frame in sent)
        whole, reader = self.read(stream, [])
        other = receiver.Receiver(max_frames=most)
        payload = b''
        for piece in pieces(stream, cuts):
            other.rest = piece
            while other.rest:
                data, other.rest = other.rest, b''
                payload += b''.join(other.receive(memoryview(data)))
        self.assertEqual(whole, payload)
        for name in ('ping', 'pongs', 'close', 'violation'):
            self.assertEqual(getattr(reader, name), getattr(other, name), name)

    @_SETTINGS
    @hypothesis.given(st.lists(_frames, max_size=12), _cuts)
    def test_frames_are_read_as_others_read_them(
        self, sent: list[Sent], cuts: list[int]
    ) -> None:
        stream = b''.join(frame.encode() for frame in sent)
        payload, reader = self.read(stream, cuts)
        their_payload, pings, peer = theirs(stream)
        self.assertEqual(their_payload, payload)
        self.assertEqual(pings[-1] if pings else None, reader.ping)
        if reader.violation is not None:
            assert peer.close_sent is not None
            # A Close frame with two faults may be failed for either.
            codes = (reader.violation.code, peer.close_sent.code)
            self.assertTrue(
                codes[0] == codes[1] or set(codes) == {1002, 1007}, codes
            )
            self.assertIsNone(peer.close_rcvd)
        elif reader.close is not None:
            assert peer.close_rcvd is not None
            code = reader.close.code
            self.assertEqual(
                1005 if code is None else code, peer.close_rcvd.code
            )
            self.assertEqual(reader.close.reason, peer.close_rcvd.reason)
        else:
            self.assertIs(protocol.State.OPEN, peer.state)

    @_SETTINGS
    @hypothesis.given(st.lists(_frames, max_size=8), _cuts, st.binary())
    def test_pieces_make_no_difference(
        self, sent: list[Sent], cuts: list[int], garbage: bytes
    ) -> None:
        stream = b''.join(frame.encode() for frame in sent) + garbage
        whole, first = self.read(stream, [])
        split, second = self.read(stream, cuts)
        self.assertEqual(whole, split)
        self.assertEqual(first.violation, second.violation)
        self.assertEqual(first.close, second.close)
        self.assertEqual(first.ping, second.ping)
        self.assertEqual(first.pongs, second.pongs)

    @_SETTINGS
    @hypothesis.given(st.binary(max_size=2000), _cuts)
    def test_garbage_never_raises_and_little_is_kept(
        self, garbage: bytes, cuts: list[int]
    ) -> None:
        reader = receiver.Receiver()
        for piece in pieces(garbage, cuts):
            chunks = reader.receive(memoryview(piece))
            self.assertLessEqual(sum(map(len, chunks)), len(piece))
            self.assertLessEqual(len(reader._kept), 131)


class WriterTest(base.TestCase):
    def read_back(self, data: bytes) -> list[their_frames.Frame]:
        peer = protocol.Protocol(protocol.Side.CLIENT, max_size=None)
        peer.receive_data(data)
        events = peer.events_received()
        self.assertIsNone(peer.parser_exc)
        return [e for e in events if isinstance(e, their_frames.Frame)]

    @_SETTINGS
    @hypothesis.given(_payloads)
    def test_others_read_a_frame_made_in_the_buffer(
        self, payload: bytes
    ) -> None:
        view = memoryview(bytearray(frames.HEADER_ROOM) + payload)
        start = frames.put_header(view, len(payload))
        (frame,) = self.read_back(bytes(view[start:]))
        self.assertTrue(frame.fin)
        self.assertEqual(their_frames.Opcode.BINARY, frame.opcode)
        self.assertEqual(payload, bytes(frame.data))

    @_SETTINGS
    @hypothesis.given(
        st.sampled_from((1000, 1002, 4001, 4010)), st.text(max_size=200)
    )
    def test_others_read_a_close(self, code: int, reason: str) -> None:
        data = frames.encode_close(frames.Close(code, reason))
        (frame,) = self.read_back(data)
        close = their_frames.Close.parse(frame.data)
        self.assertEqual(code, close.code)
        self.assertTrue(reason.startswith(close.reason))
