# SPDX-License-Identifier: Apache-2.0
"""One accepted connection: pages, or one console session."""

import asyncio
import dataclasses
import logging

from console_api.proxy import closing
from console_api.proxy import entrance
from console_api.proxy import forwarded
from console_api.proxy import inbox
from console_api.proxy import opening
from console_api.proxy import pages
from console_api.proxy import request
from console_api.proxy import services
from console_api.proxy import session
from console_api.proxy import upgrade
from console_api.proxy import wire

LOG = logging.getLogger(__name__)

#: How long a client may take to receive a page or a file, in seconds.
RESPONSE_TIMEOUT = 60.0
#: Seconds that a client is not read for after an answer, and those for each
#: header field that it has sent: about ten times as long as the work takes, so
#: that one client keeps no worker busy with short requests. The next request
#: of one that waits for its answer takes about as long to come.
_PAUSE = 2e-3
_FIELD_PAUSE = 20e-6


class Connection:
    """What a client asks for, one request after the other.

    ``source`` is the other side as the socket names it.
    """

    __slots__ = (
        '_client',
        '_entrance',
        '_pages',
        '_services',
        '_session',
        '_source',
        '_task',
    )

    def __init__(
        self,
        client: inbox.Inbox,
        source: forwarded.Source,
        shared: services.Services,
        served: pages.Pages,
        entry: entrance.Entrance,
    ) -> None:
        self._client: inbox.Inbox | None = client
        self._entrance = entry
        self._source = source
        self._services = shared
        self._pages = served
        self._session: session.Session | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer until the client ends or is too slow; then close."""
        self._task = asyncio.current_task()
        client = self._client
        assert client is not None
        try:
            if await self._enter(client):
                self._session = await self._answer(client)
            if self._session is None:
                await closing.part(client.wire, None, self._services.buffer)
        finally:
            if self._session is None and not client.wire.lost:
                client.wire.transport.abort()
        # A session may last for days; it has what it needs.
        self._client = client = None
        if self._session is not None:
            await self._session.run()

    def end(self) -> None:
        """The proxy is going down: end what this connection does."""
        if self._session is not None:
            self._session.end(closing.GOING_AWAY)
        elif self._task is not None:
            self._task.cancel()

    def note(self, notice: bytes) -> None:
        """Tell the client of a session something, if it wants to know."""
        if self._session is not None:
            self._session.note(notice)

    @property
    def _peer(self) -> str:
        """The address for the log."""
        return wire.peer_text((self._source.host, self._source.port))

    async def _enter(self, client: inbox.Inbox) -> bool:
        """Whether the client is let in."""
        try:
            self._source = await self._entrance.enter(
                client, self._source, self._services.buffer
            )
        except entrance.EntranceError as exc:
            LOG.debug('%s was not let in: %s', self._peer, exc)
            return False
        return True

    def _believe(
        self, head: request.Request
    ) -> tuple[request.Request, forwarded.Source]:
        """The request and its source, as trusted proxies in front say."""
        trust = self._entrance.rules.trust
        if not trust.covers(self._source.host):
            return head, self._source
        claims = forwarded.Claims(
            head.words('x-forwarded-for'),
            head.words('x-forwarded-proto'),
            head.words('x-forwarded-host'),
        )
        source, host = forwarded.resolve(self._source, claims, trust)
        return head if host is None else head.with_host(host), source

    async def _answer(self, client: inbox.Inbox) -> session.Session | None:
        """Serve pages; returns the session if the client asks for one."""
        http = request.HttpConnection(client)
        more = True
        while more:
            head = None
            try:
                head = await self._head(http)
                if head is None:
                    return None
                head, source = self._believe(head)
                peer = wire.peer_text((source.host, source.port))
                if head.is_websocket:
                    wanted = dataclasses.replace(
                        upgrade.parse_upgrade(head), scheme=source.scheme
                    )
                    return session.Session(
                        self._services,
                        opening.Opening(client, peer, http, wanted),
                    )
                response = await self._pages.respond(head, peer)
            except request.RequestError as exc:
                response = request.Response(exc.status, exc.headers)
            head_only = head is not None and head.method == 'HEAD'
            more = http.respond(response, head_only=head_only)
            # Neither path nor method: both are what the client chose.
            LOG.debug('%s was answered %d', self._peer, response.status)
            more = await self._taken(client) and more
            if more and head is not None:
                await asyncio.sleep(_PAUSE + len(head.fields) * _FIELD_PAUSE)
        return None

    async def _head(
        self, http: request.HttpConnection
    ) -> request.Request | None:
        """The next request; None when the client ends or never began one.

        :raises RequestError: it is bad, or did not end in time
        """
        try:
            async with asyncio.timeout(
                self._services.settings.handshake_timeout
            ):
                return await http.request()
        except TimeoutError:
            LOG.debug('%s sent no whole request in time', self._peer)
            if not http.has_begun:
                return None
            raise request.RequestError(
                408, [('Connection', 'close')]
            ) from None

    async def _taken(self, client: inbox.Inbox) -> bool:
        """Whether the client takes the answer in time."""
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT):
                await client.flush()
        except TimeoutError:
            LOG.debug('%s did not take its answer in time', self._peer)
            return False
        return True
