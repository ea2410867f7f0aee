# SPDX-License-Identifier: Apache-2.0
"""Clients without a token who make much work of few bytes."""

import asyncio
import logging
import pathlib
import socket
import ssl
import tempfile
import unittest

from console_api.proxy import connection
from console_api.proxy import server
from tests.fixtures import tls_records
from tests.functional.proxy import harness

_REQUEST = b'GET /vnc.html HTTP/1.1\r\nHost: here\r\n'
_LAST = b'Connection: close\r\n'
#: They fit into one read.
_REQUESTS = 200


class _Turns(logging.Handler):
    """How many requests were answered before others had their turn."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.answered = 0
        self.in_a_turn: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if 'was answered' not in record.getMessage():
            return
        self.answered += 1
        if self.answered == 1:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self.in_a_turn.append(self.answered))


class RequestsTest(harness.ProxyTestCase):
    async def test_others_have_their_turn_between_requests(self) -> None:
        await self.start_proxy()
        turns = _Turns()
        level = connection.LOG.level
        connection.LOG.setLevel(logging.DEBUG)
        self.addCleanup(connection.LOG.setLevel, level)
        connection.LOG.addHandler(turns)
        self.addCleanup(connection.LOG.removeHandler, turns)
        answer = await self.exchange(
            (_REQUEST + b'\r\n') * _REQUESTS + _REQUEST + _LAST + b'\r\n'
        )
        self.assertEqual(_REQUESTS + 1, answer.count(b'HTTP/1.1 '))
        self.assertEqual([1], turns.in_a_turn)


class NewKeysTest(harness.SecureCase):
    def flood(self) -> bytes:
        """What comes back for new keys, one after the other, to its end."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with (
            tempfile.TemporaryDirectory() as folder,
            socket.create_connection(self.address, harness.DEADLINE) as sock,
        ):
            keys = pathlib.Path(folder) / 'keys'
            context.keylog_filename = str(keys)
            client = context.wrap_bio(incoming, outgoing)
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))
            sock.sendall(outgoing.read())
            sender = tls_records.Sender(keys, server=False)
            burst = b''.join(sender.new_key() for _ in range(20_000))
            answer = b''
            try:
                sock.sendall(burst)
                while data := sock.recv(65536):
                    answer += data
            except ConnectionError:
                pass
            return answer

    async def test_new_keys_without_end_end_the_connection(self) -> None:
        await self.with_backend(harness.echo, 'serial')
        answer = await asyncio.to_thread(self.flood)
        self.assertLess(len(answer), 10_000)
        await self.nothing_left()
        async with self.connect() as ws:
            await ws.send(b'x')
            self.assertEqual(b'x', await harness.receive(ws, 1))


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopNewKeysTest(NewKeysTest):
    loop_factory = staticmethod(server.new_event_loop)
