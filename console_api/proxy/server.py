# SPDX-License-Identifier: Apache-2.0
"""The console proxy: listens, and serves each connection in its own task."""

import asyncio
from collections.abc import Callable
import contextlib
import dataclasses
import logging
import pathlib
import socket
import threading
import traceback
from typing import Any

from oslo_config import cfg

from console_api import threads
from console_api.proxy import authority
from console_api.proxy import certificates
from console_api.proxy import connection
from console_api.proxy import direct
from console_api.proxy import entrance
from console_api.proxy import forwarded
from console_api.proxy import front as front_page
from console_api.proxy import heap
from console_api.proxy import inbox
from console_api.proxy import limits
from console_api.proxy import listeners
from console_api.proxy import lookups
from console_api.proxy import metrics
from console_api.proxy import negotiation
from console_api.proxy import notices
from console_api.proxy import outlook
from console_api.proxy import pages
from console_api.proxy import post as posts
from console_api.proxy import readbuffer
from console_api.proxy import renewal
from console_api.proxy import request
from console_api.proxy import services
from console_api.proxy import settings
from console_api.proxy import static
from console_api.proxy import status
from console_api.proxy import tally
from console_api.proxy import usage
from console_api.proxy import wire

try:
    import uvloop
except ImportError:  # everything works without it, a little slower
    uvloop = None  # type: ignore[assignment,unused-ignore]

LOG = logging.getLogger(__name__)

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
    ``post`` is its place among the workers of a proxy. ``front`` makes it
    list the servers at ``/``.

    :raises ConfigurationError: an origin or a certificate is no good
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        authority: authority.ProbedAuthority,
        static_root: pathlib.Path = static.ROOT,
        post: posts.Post = posts.ALONE,
        front: front_page.FrontPage | None = None,
    ) -> None:
        self._settings = settings.load(conf)
        self._tls = negotiation.load(conf)
        self._lookups = lookups.Lookups(
            authority, self._settings.authority_timeout
        )
        self._counted = tally.Tally()
        self._direct = direct.DirectFiles(
            direct.load(conf), self._lookups, self._counted
        )
        self._entrance = entrance.Entrance(
            entrance.load(conf), certificates.load(conf)
        )
        self._static_root = static_root
        self._place = post.place or listeners.Place(
            conf.proxy.host, conf.proxy.port
        )
        self._post = post
        self._draining = False
        self._front = front
        self._listeners = listeners.Listeners(self._take)
        #: Set when a connection has ended, for ``drain``.
        self._changed = asyncio.Event()
        self._sweeper = heap.Sweeper(lambda: len(self._tasks))
        self._hurried = False
        self._tasks: dict[
            asyncio.Task[None], connection.Connection | None
        ] = {}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that it listens on."""
        return self._listeners.addresses

    async def start(self) -> None:
        """Listen.

        :raises OSError: the address cannot be listened on
        """
        self._services = services.Services(
            self._settings,
            self._lookups,
            readbuffer.ReadBuffer(),
            self._tls,
            places=limits.Limits(self._settings.most),
            board=self._post.board or usage.Board(),
            told=outlook.Outlook(self._counted, self._post.announcer),
        )
        self._files = static.StaticFiles(
            self._static_root, self._settings.allowed_origins, self._front
        )
        self._pages = pages.Pages(
            self._files, self._direct, self._front, self._is_ready
        )
        await self._listeners.listen(self._place)
        self._listeners.start()
        self._start_status()

    def _start_status(self) -> None:
        self._lag = metrics.Lag()
        figures = metrics.Metrics(
            self._counted,
            self._handshakes,
            self._lookups,
            self._lag,
            self._post.announcer,
        )
        self._status = status.Status(
            self._post, figures, self._lookups, self._hindrances
        )
        if self._post.status:
            self._lag.start()
            self._status.start(self._services.buffer)

    def _hindrances(self) -> list[str]:
        """Why it takes no sessions; none while it takes them."""
        return ['it is going down'] if self._draining else []

    async def _is_ready(self) -> bool:
        """Whether it takes sessions."""
        free = not self._hindrances()
        return free and await self._lookups.can_be_reached()

    def renew(self, fresh: renewal.Renewal) -> None:
        """Serve new connections by this; old ones go on."""
        if self._entrance.certificate is not None:
            self._entrance.certificate.reload()
        if fresh.settings is not None:
            self._settings = fresh.settings
            self._services.places.most = fresh.settings.most
            self._files.allow(fresh.settings.allowed_origins)
        if fresh.rules is not None:
            self._entrance.rules = fresh.rules
        if fresh.files is not None:
            self._direct.renew(fresh.files)
        self._services = dataclasses.replace(
            self._services,
            settings=self._settings,
            tls=fresh.trust or self._services.tls,
        )

    async def drain(self, patience: float) -> None:
        """Stop listening; return once no session is left, or as told.

        That is after ``patience`` seconds, or at a call of ``hurry``. Pages
        that want to know are told at once.
        """
        self._draining = True
        self._listeners.stop()
        if patience > 0:
            notice = notices.draining(patience)
            for serving in self._tasks.values():
                if serving is not None:
                    serving.note(notice)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._is_used() and not self._hurried:
                    self._changed.clear()
                    await self._changed.wait()

    def _is_used(self) -> bool:
        """Whether there are sessions, or may be once tokens are looked up."""
        places = self._services.places
        return places.sessions + places.waiting > 0

    def hurry(self) -> None:
        """Wait for no session to end by itself."""
        self._hurried = True
        self._changed.set()

    async def stop(self, grace: float = 5.0) -> None:
        """Stop listening and end all sessions, by force after ``grace`` s."""
        self._draining = True
        self._listeners.stop()
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
        self._lag.stop()
        self._sweeper.stop()
        await self._status.stop()
        await self._lookups.close()
        # Aborted transports close their sockets in the next turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _take(self, sock: socket.socket, address: Any) -> None:
        """Serve a new connection."""
        source = forwarded.of_socket(address)
        places = self._services.places
        host = source.host
        # All clients of a proxy in front come from its address.
        trusted = self._entrance.rules.trust.covers(host)
        if places.is_crowded(self._handshakes(), None if trusted else host):
            self._counted.turned_away += 1
            # A client of TLS could not read an answer.
            _refuse(sock, answer=self._entrance.certificate is None)
            return
        task = asyncio.ensure_future(self._serve(sock, source))
        self._tasks[task] = None
        task.add_done_callback(self._served)
        if not trusted:
            places.come(host)
            task.add_done_callback(lambda _: places.go(host))

    def _handshakes(self) -> int:
        """How many connections have no session (yet)."""
        return len(self._tasks) - self._services.places.sessions

    async def _serve(
        self, sock: socket.socket, source: forwarded.Source
    ) -> None:
        try:
            wire.tune(sock, self._settings.ping_interval)
            client = await inbox.attach(sock, self._services.buffer)
        except OSError as exc:
            LOG.debug('A client has gone already: %s', exc.strerror)
            sock.close()
            return
        serving = connection.Connection(
            client,
            source,
            self._services,
            self._pages,
            self._entrance,
        )
        del sock, client
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = serving
        try:
            await serving.serve()
        finally:
            # Not when the loop calls back: its session has left its place by
            # now, and it must not be counted as a handshake until then.
            del self._tasks[task]

    def _served(self, task: asyncio.Task[None]) -> None:
        # One that ended before it served is still there.
        self._tasks.pop(task, None)
        self._sweeper.ended()
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # No message: it could hold what the client sent.
            LOG.error(
                'A connection failed with %s:\n%s',
                type(error).__name__,
                ''.join(traceback.format_tb(error.__traceback__)),
            )


def _refuse(sock: socket.socket, *, answer: bool) -> None:
    """Close without reading a request, and answer 503 before it."""
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        if answer:
            sock.send(limits.REFUSAL)
        sock.shutdown(socket.SHUT_WR)
        # Data that nobody has read would turn the end into a reset.
        sock.recv(request.MAX_HEAD)


class ProxyThread:
    """A proxy with a thread and an event loop of its own."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        authority: authority.ProbedAuthority,
        static_root: pathlib.Path = static.ROOT,
        loop_factory: LoopFactory = new_event_loop,
        post: posts.Post = posts.ALONE,
        front: front_page.FrontPage | None = None,
    ) -> None:
        self.server = ProxyServer(conf, authority, static_root, post, front)
        self._conf = conf
        self._loop_factory = loop_factory
        # A main thread that dies without a stop() must not be held up.
        self._thread = threading.Thread(
            target=self._run, name='proxy', daemon=True
        )
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ask: asyncio.Event | None = None
        self._grace = self._patience = 0.0

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
        self.check()

    def check(self) -> None:
        """Raise what the thread ended with, if that was an error."""
        if self._error is not None:
            raise self._error

    def reload(self) -> None:
        """Take over options and files that may change; sessions go on.

        What is no good is logged, and what was before stays.
        """
        if self._loop is None or self._loop.is_closed():
            return
        fresh = renewal.load(self._conf)
        for problem in fresh.problems:
            LOG.error('The old %s', problem)
        self._call(lambda: self.server.renew(fresh))

    def stop(self, grace: float = 5.0, patience: float = 0.0) -> None:
        """End all sessions, at the latest after ``grace`` s, and the thread.

        Before, they have ``patience`` s to end by themselves, while nothing
        listens any more. May be called again, and without a start.
        """
        if self._thread.is_alive() and self._loop and self._ask:
            self._grace, self._patience = grace, patience
            self._call(self._ask.set)
            self._thread.join()

    def hurry(self) -> None:
        """End the patience of a ``stop``; from a signal's handler, too."""
        self._call(self.server.hurry)

    def _call(self, act: Callable[[], object]) -> None:
        # There is nothing left to do where the loop has just been closed: a
        # second SIGTERM may come while its thread ends.
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._main())
        except BaseException as exc:  # noqa: BLE001 - ends what waits for it
            self._error = exc
            if self._started.is_set():
                threads.end_process('proxy', exc)
            self._started.set()

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
        await self.server.drain(self._patience)
        await self.server.stop(self._grace)
