# SPDX-License-Identifier: Apache-2.0
"""TLS on an open connection, against OpenSSL's other side in memory."""

import asyncio
import contextlib
import pathlib
import ssl
import tempfile
import types

from console_api.proxy import certificates as trust
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import tls
from console_api.proxy import wire
from tests import base
from tests.fixtures import certificates
from tests.fixtures import tls_records


class Raw(asyncio.Transport):
    """A plain transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = self.reading = self.ended = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def write_eof(self) -> None:
        self.ended = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class App(asyncio.BufferedProtocol):
    """Takes ten bytes at a time; may stop after each piece."""

    def __init__(self) -> None:
        self.room = memoryview(bytearray(10))
        self.pieces: list[bytes] = []
        self.stop: tls.TlsTransport | None = None
        self.ended = False
        #: Whether it stays when the peer has ended.
        self.stays = True

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.room

    def buffer_updated(self, nbytes: int) -> None:
        self.pieces.append(bytes(self.room[:nbytes]))
        if self.stop is not None:
            self.stop.pause_reading()

    def eof_received(self) -> bool:
        self.ended = True
        return self.stays

    def pause_writing(self) -> None:
        pass

    resume_writing = pause_writing


class TransportCase(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        ca = certificates.Authority(pathlib.Path(folder.name))
        pair = ca.issue('hypervisor')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.num_tickets = 0
        self.keys = pathlib.Path(folder.name) / 'keys'
        context.keylog_filename = str(self.keys)
        self.to_server = ssl.MemoryBIO()
        self.from_server = ssl.MemoryBIO()
        self.server = context.wrap_bio(
            self.to_server, self.from_server, server_side=True
        )
        self.raw = Raw()
        self.app = App()
        self.transport = tls.TlsTransport(
            self.raw, self.app, readbuffer.ReadBuffer()
        )
        shaking = asyncio.ensure_future(
            self.transport.handshake(
                trust.client_context(str(ca.certificate), None, None),
                'hypervisor',
            )
        )
        while not shaking.done():
            await asyncio.sleep(0)
            self.carry()
            with contextlib.suppress(ssl.SSLWantReadError):
                self.server.do_handshake()
            self.feed()
        await shaking
        self.feed()

    def carry(self) -> None:
        """Hand to the server what was written."""
        self.to_server.write(bytes(self.raw.written))
        self.raw.written.clear()

    def feed(self) -> None:
        """Hand to the transport what the server has sent."""
        while data := self.from_server.read(tls.READ_SIZE):
            self.hand_over(data)

    def hand_over(self, data: bytes) -> None:
        """Hand to the transport what came in one read."""
        self.transport.get_buffer(-1)[: len(data)] = data
        self.transport.buffer_updated(len(data))


class TransportTest(TransportCase):
    async def test_delivers_what_comes(self) -> None:
        self.server.write(b'x' * 25)
        self.feed()
        self.assertEqual([10, 10, 5], [len(p) for p in self.app.pieces])

    async def test_nothing_is_delivered_while_paused(self) -> None:
        self.app.stop = self.transport
        self.server.write(b'x' * 25)
        self.feed()
        self.assertEqual(1, len(self.app.pieces))
        self.assertFalse(self.raw.reading)

    async def test_resuming_delivers_the_rest_before_reading_on(self) -> None:
        self.app.stop = self.transport
        self.server.write(b'x' * 25)
        self.feed()
        self.transport.resume_reading()
        await asyncio.sleep(0)
        self.assertEqual(2, len(self.app.pieces))
        self.assertFalse(self.raw.reading)
        self.app.stop = None
        self.transport.resume_reading()
        await asyncio.sleep(0)
        self.assertEqual(25, sum(len(p) for p in self.app.pieces))
        self.assertTrue(self.raw.reading)

    async def test_end_comes_behind_the_last_bytes(self) -> None:
        self.server.write(b'x' * 10)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.server.unwrap()
        self.feed()
        self.assertEqual([b'x' * 10], self.app.pieces)
        await asyncio.sleep(0)
        self.assertTrue(self.app.ended)

    async def test_protocol_that_lets_go_is_closed_at_the_end(self) -> None:
        self.app.stays = False
        self.transport.eof_received()
        self.assertTrue(self.raw.closed)

    async def test_protocol_that_stays_is_not_closed_at_the_end(self) -> None:
        self.transport.eof_received()
        self.assertFalse(self.raw.closed)

    async def test_end_of_ours_leaves_the_connection_open(self) -> None:
        self.transport.write_eof()
        self.assertTrue(self.raw.ended)
        self.carry()
        self.assertEqual(b'', self.server.read())
        self.assertFalse(self.raw.closed)

    async def test_what_comes_behind_our_end_is_dropped(self) -> None:
        self.transport.write_eof()
        self.server.write(b'x' * 10)
        self.feed()
        self.assertEqual([], self.app.pieces)
        self.assertFalse(self.raw.closed)

    async def test_what_waited_before_our_end_is_dropped(self) -> None:
        self.app.stop = self.transport
        self.server.write(b'x' * 10)
        self.server.write(b'x' * 10)
        self.feed()
        self.transport.resume_reading()
        self.transport.write_eof()
        await asyncio.sleep(0)
        # A reset would take away what was written before.
        self.assertFalse(self.raw.closed)
        self.assertIsNone(self.transport.error)
        self.assertEqual(1, len(self.app.pieces))
        self.assertTrue(self.raw.reading)

    async def test_peer_that_has_ended_already_is_not_waited_for(self) -> None:
        client = inbox.Inbox(readbuffer.ReadBuffer())
        client.wire = types.SimpleNamespace(ended=True, transport=Raw())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        buffer = readbuffer.ReadBuffer()
        with self.assertRaises(ConnectionError):
            await asyncio.wait_for(
                tls.accept(client, context, buffer, b'\x16'), 5
            )

    async def test_close_tells_the_peer(self) -> None:
        self.transport.write(b'last')
        self.transport.close()
        self.assertTrue(self.raw.closed)
        self.carry()
        self.assertEqual(b'last', self.server.read(100))
        # Without a word it would be SSLWantReadError: more may come.
        self.assertEqual(b'', self.server.read(100))

    async def test_large_writes_are_whole(self) -> None:
        data = bytes(range(256)) * 1000
        self.transport.write(data)
        self.carry()
        got = b''
        while len(got) < len(data):
            got += self.server.read(len(data))
        self.assertEqual(data, got)

    async def test_a_write_does_not_overtake_what_waits(self) -> None:
        plain = types.SimpleNamespace(
            blocked=False, ended=False, lost=False, descriptor=-1
        )
        secure = tls.TlsWire(self.transport, plain)
        outbox = wire.Outbox()
        for write in (secure.write, lambda last: secure.write_all([last])):
            secure.write_soon(b'first', outbox)
            self.carry()
            self.assertRaises(ssl.SSLWantReadError, self.server.read, 99)
            write(b'last')
            self.carry()
            self.assertEqual(b'firstlast', self.server.read(99))

    async def test_nothing_is_written_after_the_close(self) -> None:
        self.transport.close()
        self.raw.written.clear()
        self.transport.write(b'late')
        self.assertEqual(b'', bytes(self.raw.written))


class RecordsTest(TransportCase):
    """A peer whose records carry little."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.sender = tls_records.Sender(self.keys, server=True)

    def burst(self, *counts: int) -> bytes:
        """New keys, so many at a time, and data between."""
        sent = b''
        for number, count in enumerate(counts):
            if number:
                sent += self.sender.data(b'x')
            for _ in range(count):
                sent += self.sender.new_key()
        return sent

    async def test_new_keys_are_answered_and_used(self) -> None:
        self.hand_over(self.burst(2, 0))
        self.assertEqual([b'x'], self.app.pieces)
        self.assertTrue(self.raw.written)

    async def test_new_keys_without_end_end_the_connection(self) -> None:
        self.hand_over(self.burst(2400))
        self.assertTrue(self.raw.closed)
        self.assertIn('without data', tls.reason(self.transport.error))
        # What was not looked at has no answer.
        answer = len(self.sender.new_key())
        self.assertLess(len(self.raw.written), 100 * answer)

    async def test_records_that_come_in_pieces_are_counted_once(self) -> None:
        for byte in self.burst(32, 0):
            self.hand_over(bytes((byte,)))
        self.assertFalse(self.raw.closed)
        for byte in self.burst(33):
            self.hand_over(bytes((byte,)))
        self.assertTrue(self.raw.closed)

    async def test_a_little_data_does_not_pay_for_new_keys(self) -> None:
        self.hand_over(self.burst(*[16] * 60))
        self.assertTrue(self.raw.closed)

    async def test_data_is_no_credit_for_new_keys(self) -> None:
        for _ in range(3000):
            self.hand_over(self.sender.data(b'x'))
        self.hand_over(self.burst(40))
        self.assertTrue(self.raw.closed)

    async def test_new_keys_now_and_then_are_taken_for_ever(self) -> None:
        for _ in range(200):
            data = [self.sender.data(b'x') for _ in range(40)]
            self.hand_over(b''.join(data) + self.sender.new_key())
        self.assertFalse(self.raw.closed)
        self.assertEqual(8000, sum(map(len, self.app.pieces)))

    async def test_many_short_records_arrive_whole_and_in_order(self) -> None:
        sent = [b'%d,' % number for number in range(2000)]
        self.hand_over(b''.join(map(self.sender.data, sent)))
        self.assertEqual(b''.join(sent), b''.join(self.app.pieces))

    async def test_what_is_left_of_a_read_comes_after_a_pause(self) -> None:
        self.app.stop = self.transport
        sent = [b'%d,' % number for number in range(1000)]
        self.hand_over(b''.join(map(self.sender.data, sent)))
        self.assertEqual(1, len(self.app.pieces))
        while not self.raw.reading:
            self.transport.resume_reading()
            await asyncio.sleep(0)
        self.assertEqual(b''.join(sent), b''.join(self.app.pieces))

    async def test_peer_that_takes_no_answers_is_not_read(self) -> None:
        self.raw.reading = True
        self.hand_over(self.burst(2, 0))
        self.assertTrue(self.raw.reading)
        self.transport.pause_writing()
        self.hand_over(self.burst(2, 0))
        self.assertFalse(self.raw.reading)
        self.transport.resume_writing()
        await asyncio.sleep(0)
        self.assertTrue(self.raw.reading)

    async def test_peer_that_takes_nothing_may_send_data(self) -> None:
        self.raw.reading = True
        self.transport.pause_writing()
        self.hand_over(self.sender.data(b'x'))
        self.assertTrue(self.raw.reading)

    async def test_nobody_reads_on_while_an_answer_waits(self) -> None:
        self.app.stop = self.transport
        self.transport.pause_writing()
        self.hand_over(self.burst(2, 0))
        self.transport.resume_reading()
        await asyncio.sleep(0)
        self.assertFalse(self.raw.reading)
