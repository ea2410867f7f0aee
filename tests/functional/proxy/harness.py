# SPDX-License-Identifier: Apache-2.0
"""A running proxy with an authority, backends and clients on real sockets."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
import contextlib
import logging
import os
import pathlib
import ssl
import tempfile
import time

import fixtures
from oslo_config import cfg
from websockets import exceptions
from websockets.asyncio import client as ws_client
from websockets.typing import Subprotocol

from console_api import conf as console_conf
from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import closing
from console_api.proxy import front as front_page
from console_api.proxy import post as posts
from console_api.proxy import server
from console_api.proxy import static
from tests import base
from tests.fixtures import certificates

#: Generous: nothing here is expected to take a tenth of it.
DEADLINE = 30.0
V38 = b'RFB 003.008\n'
TOKEN = 'a-good-token'

Handler = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
]


class FakeAuthority:
    """Answers from a table; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, types.ConsoleGrant | Exception | None] = {}
        self.asked: list[str] = []
        self.keys: list[tokens.SessionKey | None] = []
        self.cancelled: list[str] = []

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        self.asked.append(token)
        self.keys.append(key)
        answer = self.answers.get(token, exception.TokenNotFound())
        if answer is None:  # hangs
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.append(token)
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    async def probe(self, token: str) -> None:
        await self.authorize(token)


async def rfb_echo(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """RFB 3.8 without security, and then an echo."""
    writer.write(V38)
    assert await reader.readexactly(12) == V38
    writer.write(b'\x01\x01')
    assert await reader.readexactly(1) == b'\x01'
    writer.write(bytes(4))
    await echo(reader, writer)


async def echo(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send back whatever comes."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


#: asyncio of Python 3.11 tells a transport twice that its connection is lost
#: when TLS above it writes once more as it resumes, or when it is aborted
#: late; the second time nothing is left to close. Clients and backends of the
#: tests run on it.
_LOST_TWICE = (
    'Exception in callback _SelectorSocketTransport._call_connection_lost',
    "'NoneType' object has no attribute 'close'",
)


class Mishaps(logging.Handler):
    """Keeps what the server and the event loop complain about."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = self.format(record)
        if not all(part in message for part in _LOST_TWICE):
            self.messages.append(message)


class ProxyTestCase(base.AsyncTestCase):
    """Starts what a test asks for; at the end nothing of it may be left."""

    loop_factory: server.LoopFactory = staticmethod(asyncio.new_event_loop)
    static_root: pathlib.Path = static.ROOT
    front: front_page.FrontPage | None = None
    post: posts.Post = posts.ALONE
    #: Whether the proxy has a certificate, which clients trust.
    secure = False
    #: What clients connect with; None for plain HTTP.
    trust: ssl.SSLContext | None = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The first loop opens what libuv keeps for the whole process.
        loop = cls.loop_factory()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.descriptors = count_descriptors()
        self.mishaps = Mishaps()
        for name in ('asyncio', server.LOG.name):
            logger = logging.getLogger(name)
            logger.addHandler(self.mishaps)
            self.addCleanup(logger.removeHandler, self.mishaps)
        self.authority = FakeAuthority()
        self.backends: list[asyncio.Server] = []
        self.backend_tasks: set[asyncio.Task[None]] = set()
        self.conf = cfg.ConfigOpts()
        console_conf.register_opts(self.conf)
        self.conf([], project='console_api', default_config_files=[])
        self.set('proxy', host='127.0.0.1', port=0)
        # Backends are here, whatever their names.
        self.set('console', allowed_targets=['127.0.0.0/8'])
        self.proxy: server.ProxyThread | None = None
        if self.secure:
            self._certify()

    def _certify(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.ca = certificates.Authority(self.top)
        self.pair = self.ca.issue('127.0.0.1')
        self.set(
            'DEFAULT',
            cert=str(self.pair.certificate),
            key=str(self.pair.key),
        )
        self.trust = ssl.create_default_context(cafile=self.ca.certificate)

    async def asyncTearDown(self) -> None:
        await self.nothing_left()
        await self.stop_proxy()
        for backend in self.backends:
            backend.close()
        for task in self.backend_tasks:
            task.cancel()
        await asyncio.gather(*self.backend_tasks, return_exceptions=True)
        await self.until(
            lambda: count_descriptors() <= self.descriptors,
            'all descriptors are closed',
        )
        self.assertEqual([], self.mishaps.messages)
        await super().asyncTearDown()

    def be_patient(self, seconds: float = DEADLINE) -> None:
        """Give both peers so long to end their connections.

        To read megabytes takes longer than usual on a busy machine, with TLS
        above all.
        """
        self.useFixture(
            fixtures.MonkeyPatch(f'{closing.__name__}.CLOSE_TIMEOUT', seconds)
        )

    def set(self, group: str, **values: object) -> None:
        for name, value in values.items():
            self.conf.set_override(
                name, value, group=None if group == 'DEFAULT' else group
            )

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                self.fail(f'it never came true that {what}')
            await asyncio.sleep(0.01)

    async def start_proxy(self) -> None:
        self.proxy = server.ProxyThread(
            self.conf,
            self.authority,
            self.static_root,
            loop_factory=type(self).loop_factory,
            post=self.post,
            front=self.front,
        )
        await asyncio.to_thread(self.proxy.start)
        self.idle_tasks = self.count_tasks()

    async def stop_proxy(self, grace: float = 5.0) -> None:
        if self.proxy is not None:
            await asyncio.to_thread(self.proxy.stop, grace)

    def count_tasks(self) -> int:
        assert self.proxy is not None
        loop = self.proxy._loop
        assert loop is not None
        while True:
            with contextlib.suppress(RuntimeError):
                return len(asyncio.all_tasks(loop))

    async def nothing_left(self) -> None:
        """Clients have closed: the proxy must have nothing open either."""
        if self.proxy is not None and self.proxy._thread.is_alive():
            await self.until(
                lambda: self.count_tasks() <= self.idle_tasks,
                'the proxy has no task left',
            )
            await self.until(
                lambda: not self.proxy.server._tasks,
                'the proxy has no connection left',
            )

    @property
    def address(self) -> tuple[str, int]:
        assert self.proxy is not None
        return self.proxy.addresses[0]

    @property
    def own_origin(self) -> str:
        host, port = self.address
        scheme = 'http' if self.trust is None else 'https'
        return (
            f'{scheme}://[{host}]:{port}'
            if ':' in host
            else (f'{scheme}://{host}:{port}')
        )

    def grant(
        self,
        port: int,
        console_type: str = 'novnc',
        token: str = TOKEN,
        host: str = '127.0.0.1',
        secret: str | None = None,
    ) -> None:
        self.authority.answers[token] = types.ConsoleGrant(
            server_id='the-server',
            console_type=console_type,
            connect=types.ConnectInfo(host, port),
            expires_at=int(time.time()) + 600,
            project_id='the-project',
            user_id='the-user',
            secret=None if secret is None else types.Secret(secret),
        )

    async def backend(self, handler: Handler, **options: object) -> int:
        """Serve this on a port that is returned."""

        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.current_task()
            assert task is not None
            self.backend_tasks.add(task)
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            except asyncio.CancelledError:
                # By the end of the test; asyncio's streams of Python 3.11
                # report a cancelled handler as an error of the loop.
                pass
            finally:
                writer.close()
                self.backend_tasks.discard(task)

        listener = await asyncio.start_server(run, '127.0.0.1', 0, **options)
        self.backends.append(listener)
        port: int = listener.sockets[0].getsockname()[1]
        return port

    async def with_backend(
        self, handler: Handler = rfb_echo, console_type: str = 'novnc'
    ) -> None:
        """A started proxy, and TOKEN leads to this backend."""
        self.grant(await self.backend(handler), console_type)
        await self.start_proxy()

    def connect(
        self,
        token: str | None = TOKEN,
        origin: str | None = '',
        path: str = '/',
        **options: object,
    ) -> ws_client.connect:
        """A WebSocket; an empty origin is the proxy's own, None is none."""
        query = '' if token is None else f'?token={token}'
        place = self.own_origin.replace('http', 'ws', 1)
        settings: dict[str, object] = {
            'subprotocols': [Subprotocol('binary')],
            'compression': None,
            'max_size': None,
            'max_queue': None,
            'ping_interval': None,
            'open_timeout': DEADLINE,
            'close_timeout': DEADLINE,
            'proxy': None,
            'ssl': self.trust,
            'origin': self.own_origin if origin == '' else origin,
        }
        return ws_client.connect(
            f'{place}{path}{query}', **(settings | options)
        )

    async def closing_of(self, ws: ws_client.ClientConnection) -> int | None:
        """The code that the connection is closed with, data aside."""
        async with asyncio.timeout(DEADLINE):
            with contextlib.suppress(exceptions.ConnectionClosed):
                while True:
                    await ws.recv()
            await ws.wait_closed()
        return ws.close_code

    async def refusal(self, **options: object) -> int | None:
        """The code with which a connection is closed right away."""
        async with self.connect(**options) as ws:
            return await self.closing_of(ws)

    async def open_raw(
        self,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address, ssl=self.trust)

    async def exchange(self, data: bytes) -> bytes:
        """What comes back for these bytes, up to the end."""
        reader, writer = await self.open_raw()
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(), DEADLINE)
        finally:
            writer.close()


class SecureCase(ProxyTestCase):
    """A proxy with a certificate, and clients that trust it."""

    secure = True


async def rfb_open(ws: ws_client.ClientConnection) -> None:
    """Shake hands as a browser does, one message a frame."""
    assert await ws.recv() == V38
    await ws.send(V38)
    assert await ws.recv() == b'\x01\x01'
    await ws.send(b'\x01')
    assert await ws.recv() == bytes(4)


async def receive(ws: ws_client.ClientConnection, count: int) -> bytes:
    """This many bytes, in whatever frames they come."""
    data = bytearray()
    async with asyncio.timeout(DEADLINE):
        while len(data) < count:
            message = await ws.recv()
            assert isinstance(message, bytes)
            data += message
    return bytes(data)


def count_descriptors() -> int:
    """Descriptors of this process, which the proxy's thread is a part of."""
    return len(os.listdir('/proc/self/fd'))


async def receive_count(ws: ws_client.ClientConnection, count: int) -> int:
    """Read this many bytes and forget them; returns how many came."""
    got = 0
    async with asyncio.timeout(DEADLINE):
        while got < count:
            got += len(await ws.recv())
    return got
