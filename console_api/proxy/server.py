# SPDX-License-Identifier: Apache-2.0
"""The console proxy: listens, and serves each connection in its own task."""

import asyncio
from collections.abc import Callable
import contextlib
import errno
import logging
import pathlib
import socket
import ssl
import threading
import traceback

from oslo_config import cfg

from console_api.proxy import authority
from console_api.proxy import connection
from console_api.proxy import direct
from console_api.proxy import front as front_page
from console_api.proxy import inbox
from console_api.proxy import limits
from console_api.proxy import pages
from console_api.proxy import readbuffer
from console_api.proxy import request
from console_api.proxy import services
from console_api.proxy import settings
from console_api.proxy import static
from console_api.proxy import tls
from console_api.proxy import wire

try:
    import uvloop
except ImportError:  # everything works without it, a little slower
    uvloop = None  # type: ignore[assignment,unused-ignore]

LOG = logging.getLogger(__name__)

_BACKLOG = 1024
#: Connections that are accepted before others get their turn.
_ACCEPT_BATCH = 64
#: How long to wait for descriptors or memory before accepting again.
_ACCEPT_PAUSE = 0.5
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop for the proxy: uvloop's where it is installed."""
    return (
        asyncio.new_event_loop()
        if uvloop is None
        else (uvloop.new_event_loop())
    )


class ProxyServer:
    """One listener and its sessions, on the loop that calls ``start``.

    ``static_root`` is where the console pages are, if not beside this module.
    With ``reuse_port`` other processes may listen beside it. ``front`` makes
    it list the servers at ``/``.

    :raises ConfigurationError: an origin or a certificate is no good
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        authority: authority.Authority,
        static_root: pathlib.Path = static.ROOT,
        reuse_port: bool = False,
        front: front_page.FrontPage | None = None,
    ) -> None:
        self._host: str = conf.proxy.host
        self._port: int = conf.proxy.port
        self._settings = settings.load(conf)
        self._tls = _tls_context(conf)
        self._direct = direct.DirectFiles(
            direct.load(conf), authority, self._settings.authority_timeout
        )
        self._authority = authority
        self._static_root = static_root
        self._reuse_port = reuse_port
        self._front = front
        self._listeners: list[socket.socket] = []
        self._tasks: dict[
            asyncio.Task[None], connection.Connection | None
        ] = {}
        self._pauses: set[asyncio.TimerHandle] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that it listens on."""
        return [sock.getsockname()[:2] for sock in self._listeners]

    async def start(self) -> None:
        """Listen.

        :raises OSError: the address cannot be listened on
        """
        loop = asyncio.get_running_loop()
        self._services = services.Services(
            self._settings,
            self._authority,
            readbuffer.ReadBuffer(),
            self._tls,
            places=limits.Limits(self._settings.most),
        )
        files = static.StaticFiles(
            self._static_root, self._settings.allowed_origins, self._front
        )
        self._pages = pages.Pages(files, self._direct, self._front)
        found = await loop.getaddrinfo(
            self._host,
            self._port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        try:
            for family, _, _, _, address in found:
                self._listeners.append(
                    _listen(family, address, self._reuse_port)
                )
        except OSError:
            self._stop_listening()
            raise
        for sock in self._listeners:
            loop.add_reader(sock, self._accept, sock)

    async def stop(self, grace: float = 5.0) -> None:
        """Stop listening and end all sessions, by force after ``grace`` s."""
        loop = asyncio.get_running_loop()
        for sock in self._listeners:
            loop.remove_reader(sock)
        self._stop_listening()
        for handle in self._pauses:
            handle.cancel()
        for task, serving in list(self._tasks.items()):
            if serving is None:
                task.cancel()
            else:
                serving.end()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Aborted transports close their sockets in the next turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _stop_listening(self) -> None:
        while self._listeners:
            self._listeners.pop().close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPT_BATCH):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as exc:
                if exc.errno not in _EXHAUSTED:
                    raise
                self._pause(listener, exc)
                return
            if self._is_crowded():
                _refuse(sock)
                continue
            task = asyncio.ensure_future(self._serve(sock, address[:2]))
            self._tasks[task] = None
            task.add_done_callback(self._served)

    def _is_crowded(self) -> bool:
        """Whether too many connections have no session (yet)."""
        counted = self._services.places
        waiting = len(self._tasks) - counted.sessions
        return waiting >= counted.most.handshakes

    def _pause(self, listener: socket.socket, exc: OSError) -> None:
        """Leave new connections in the backlog until others have ended."""
        LOG.error('Accepting no connections for a moment: %s', exc.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)

        def resume() -> None:
            self._pauses.discard(handle)
            loop.add_reader(listener, self._accept, listener)

        handle = loop.call_later(_ACCEPT_PAUSE, resume)
        self._pauses.add(handle)

    async def _serve(
        self, sock: socket.socket, address: tuple[str, int]
    ) -> None:
        try:
            wire.tune(sock)
            client = await inbox.attach(sock, self._services.buffer)
        except OSError as exc:
            LOG.debug('A client has gone already: %s', exc.strerror)
            sock.close()
            return
        serving = connection.Connection(
            client, wire.peer_text(address), self._services, self._pages
        )
        del sock, client
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = serving
        await serving.serve()

    def _served(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            # No message: it could hold what the client sent.
            LOG.error(
                'A connection failed with %s:\n%s',
                type(error).__name__,
                ''.join(traceback.format_tb(error.__traceback__)),
            )


def _refuse(sock: socket.socket) -> None:
    """Answer 503 without reading a request."""
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        sock.send(limits.REFUSAL)
        sock.shutdown(socket.SHUT_WR)
        # Data that nobody has read would turn the end into a reset.
        sock.recv(request.MAX_HEAD)


def _tls_context(conf: cfg.ConfigOpts) -> ssl.SSLContext | None:
    if 'vencrypt' not in conf.vnc.auth_schemes:
        return None
    return tls.client_context(
        conf.vnc.vencrypt_ca_certs,
        conf.vnc.vencrypt_client_cert,
        conf.vnc.vencrypt_client_key,
    )


def _listen(
    family: int,
    address: tuple[str | int, ...] | tuple[int, bytes],
    reuse_port: bool,
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            # The kernel spreads the connections over all who listen.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Accepted sockets inherit it.
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, wire.RECEIVE_BUFFER
        )
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class ProxyThread:
    """A proxy with a thread and an event loop of its own."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        authority: authority.Authority,
        static_root: pathlib.Path = static.ROOT,
        loop_factory: LoopFactory = new_event_loop,
        reuse_port: bool = False,
        front: front_page.FrontPage | None = None,
    ) -> None:
        self.server = ProxyServer(
            conf, authority, static_root, reuse_port, front
        )
        self._loop_factory = loop_factory
        # A main thread that dies without a stop() must not be held up.
        self._thread = threading.Thread(
            target=self._run, name='proxy', daemon=True
        )
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ask: asyncio.Event | None = None
        self._grace = 0.0

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that it listens on."""
        return self.server.addresses

    def start(self) -> None:
        """Return once it listens.

        :raises OSError: the address cannot be listened on
        """
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self, grace: float = 5.0) -> None:
        """End all sessions, at the latest after ``grace`` s, and the thread.

        May be called again, and without a start.
        """
        if self._thread.is_alive() and self._loop and self._ask:
            self._grace = grace
            self._loop.call_soon_threadsafe(self._ask.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ask = asyncio.Event()
        try:
            await self.server.start()
        except BaseException as exc:  # noqa: BLE001 - start() raises it
            self._error = exc
            return
        finally:
            self._started.set()
        await self._ask.wait()
        await self.server.stop(self._grace)
