# SPDX-License-Identifier: Apache-2.0
"""A connection on which anything but a request comes."""

import asyncio
import pathlib
import socket

import hypothesis
from hypothesis import strategies as st

from console_api.proxy import connection
from console_api.proxy import direct
from console_api.proxy import entrance
from console_api.proxy import forwarded
from console_api.proxy import inbox
from console_api.proxy import origin
from console_api.proxy import pages
from console_api.proxy import readbuffer
from console_api.proxy import services
from console_api.proxy import settings
from console_api.proxy import static
from tests import base
from tests.functional.proxy import harness

_SETTINGS = hypothesis.settings(deadline=None, max_examples=200)

_ENTRANCE = entrance.Entrance(
    entrance.Rules(30.0, False, forwarded.Trust(['127.0.0.1']), False), None
)
_UPGRADE = (
    b'GET /?token=abc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
    b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nOrigin: http://x\r\n'
    b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
)
_PAGE = b'GET /vnc.html HTTP/1.1\r\nHost: x\r\n\r\n'


def _mutate(data: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    for place, new in changes:
        at = place % len(data)
        data = data[:at] + new + data[at + len(new) :]
    return data


_requests = st.builds(
    _mutate,
    st.sampled_from((_UPGRADE, _PAGE)),
    st.lists(
        st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=8)),
        max_size=4,
    ),
)
_inputs = st.one_of(
    st.lists(_requests, max_size=3).map(b''.join),
    st.builds(lambda head, tail: head + tail, _requests, st.binary()),
    st.binary(max_size=500),
)


async def _ready() -> bool:
    return True


class ConnectionTest(base.TestCase):
    async def serve(self, data: bytes) -> None:
        """Serve a client that sends this and then its end."""
        shared = services.Services(
            settings.Settings(30, 30, 30, 30, frozenset(), frozenset()),
            harness.FakeAuthority(),
            readbuffer.ReadBuffer(1024 * 64),
        )
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            client = await inbox.attach(ours, shared.buffer)
            allowed: frozenset[origin.Origin] = frozenset()
            files = static.StaticFiles(pathlib.Path('/nowhere'), allowed)
            made = direct.DirectFiles(
                direct.Settings(frozenset()),
                shared.authority,
                shared.told.counted,
            )
            served = pages.Pages(files, made, None, _ready)
            source = forwarded.Source('127.0.0.1')
            serving = connection.Connection(
                client, source, shared, served, _ENTRANCE
            )
            task = asyncio.ensure_future(serving.serve())
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(harness.DEADLINE):
                await task
            self.assertTrue(client.wire.lost)

    @_SETTINGS
    @hypothesis.given(_inputs)
    def test_any_input_ends(self, data: bytes) -> None:
        asyncio.run(self.serve(data))
