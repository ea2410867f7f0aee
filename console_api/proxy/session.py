# SPDX-License-Identifier: Apache-2.0
"""One console session, from the request to its end.

VNC alone negotiates security on the way; the bytes of the other protocols are
carried as they come.
"""

import asyncio
from collections.abc import Awaitable
import dataclasses
import logging
import math
import ssl
import time
import traceback
from typing import TypeVar
import uuid

from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import gateway
from console_api.proxy import inbox
from console_api.proxy import limits
from console_api.proxy import lines
from console_api.proxy import negotiation
from console_api.proxy import origin
from console_api.proxy import readbuffer
from console_api.proxy import relay
from console_api.proxy import request
from console_api.proxy import settings
from console_api.proxy import target
from console_api.proxy import upgrade
from console_api.proxy import vigil
from console_api.proxy import wire
from console_api.proxy.ws import frames
from console_api.proxy.ws import receiver

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')


@dataclasses.dataclass(frozen=True)
class Services:
    """What all sessions of one event loop share."""

    settings: settings.Settings
    authority: authority.Authority
    buffer: readbuffer.ReadBuffer
    #: None where ``[vnc] auth_schemes`` does not ask for certificates.
    tls: ssl.SSLContext | None = None
    rounds: vigil.Rounds = dataclasses.field(default_factory=vigil.Rounds)
    places: limits.Limits = dataclasses.field(
        default_factory=lambda: limits.Limits(limits.Most())
    )


@dataclasses.dataclass(frozen=True)
class Opening:
    """A client that waits for the answer to its request for a WebSocket."""

    client: inbox.Inbox
    peer: str
    http: request.HttpConnection
    wanted: upgrade.Upgrade

    def accept(self) -> channel.Channel:
        """Answer 101."""
        early = self.http.upgrade(self.wanted.headers())
        return channel.Channel(self.client, early)

    def refuse(self, ending: closing.Ending) -> None:
        """Answer with an HTTP error without a body."""
        headers = [('Connection', 'close')]
        if ending is closing.FULL:
            headers.append(('Retry-After', str(limits.RETRY_AFTER)))
        self.http.respond(request.Response(ending.status, tuple(headers)))


class Session:
    """One user at one console."""

    __slots__ = (
        '_client',
        '_ending',
        '_expires',
        '_guest',
        '_line',
        '_opening',
        '_parting',
        '_peer',
        '_reader',
        '_relay',
        '_seat',
        '_services',
        '_started',
        '_task',
        'id',
    )

    def __init__(self, services: Services, opening: Opening) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._services = services
        self._client = opening.client.wire
        self._peer = opening.peer
        # What only the opening needs is let go with it: a session may last
        # for days.
        self._opening: Opening | None = opening
        self._reader: receiver.Receiver | None = None
        self._guest: wire.Wire | None = None
        self._line: lines.Line | None = None
        self._seat: limits.Seat | None = None
        self._relay: relay.Relay | None = None
        self._ending: closing.Ending | None = None
        self._parting = False
        self._started = time.monotonic()
        self._expires = math.inf
        self._task: asyncio.Task[None] | None = None
        opening.client.on_gone = self._client_gone

    async def run(self) -> None:
        """Serve the client until the session ends; closes what it opened."""
        self._task = asyncio.current_task()
        try:
            ended = await self._outcome()
            self._parting = True
            self._log_end(ended)
            self._tell(ended.ending)
            if ended.ending is closing.TAKEN_OVER:
                await self._yield_line()
            await closing.part(
                self._client, self._guest, self._services.buffer, self._reader
            )
        finally:
            for peer in (self._client, self._guest):
                if peer is not None and not peer.lost:
                    peer.transport.abort()
            if self._line is not None:
                self._line.release()
            if self._seat is not None:
                self._seat.leave()

    def end(self, ending: closing.Ending) -> None:
        """End the session from outside, whatever it is doing."""
        if self._task is None or self._ending is not None or self._parting:
            return
        self._ending = ending
        self._task.cancel()

    async def _outcome(self) -> closing.EndedError:
        """Why the session ended; an error of ours is an end like others."""
        try:
            self._relay = await self._open()
            watched = vigil.Vigil(
                self._relay, self._services.settings, self._expires
            )
            with self._services.rounds.watch(watched):
                return await self._relay.finished
        except closing.EndedError as exc:
            return exc
        except asyncio.CancelledError:
            if self._ending is None or self._task is None:
                raise
            self._task.uncancel()
            return closing.EndedError(self._ending)
        except Exception as exc:  # noqa: BLE001 - a session ends, not the loop
            self._log_crash(exc)
            return closing.EndedError(closing.INTERNAL)

    async def _open(self) -> relay.Relay:
        """All the steps up to the first byte that is carried."""
        opening = self._opening
        assert opening is not None
        times = self._services.settings
        grant = await self._enter(opening)
        protocol = self._log_start(grant)
        if protocol == 'serial':
            await _within(
                times.connect_timeout, self._take_line(grant), closing.IN_USE
            )
        user = opening.accept()
        self._opening, self._reader = None, user.reader
        guest = await _within(
            times.connect_timeout,
            self._connect(grant.connect),
            closing.UNREACHABLE,
        )
        early = typed = b''
        if grant.connect.internal_access_path:
            early = await _within(
                times.connect_timeout,
                gateway.enter(guest, grant.connect),
                closing.UNREACHABLE,
            )
        if protocol == 'vnc':
            limit = times.negotiation_timeout
            secured = self._secure(guest, grant)
            early = await _within(limit, secured, closing.TOO_SLOW)
            greeted = negotiation.greet(user)
            typed = await _within(limit, greeted, closing.TOO_SLOW)
        carried = relay.Relay(
            self._client, guest.wire, user.reader, self._services.buffer
        )
        carried.start(typed, user.take(), early + guest.take())
        return carried

    async def _enter(self, opening: Opening) -> types.ConsoleGrant:
        """What the client may do, and its place among the sessions."""
        times = self._services.settings
        self._seat = self._services.places.seat(self._peer.rpartition(':')[0])
        token = self._admit(opening.wanted)
        grant = await _within(
            times.authority_timeout,
            self._authorize(token),
            closing.NO_ANSWER,
        )
        self._seat.at(grant.server_id)
        if times.ends_with_token:
            left = grant.expires_at - time.time()
            self._expires = asyncio.get_running_loop().time() + left
        return grant

    def _admit(self, wanted: upgrade.Upgrade) -> tokens.Token:
        """The token, if the request may come with one at all.

        :raises EndedError: a wrong Origin, or no token that can be one
        """
        if wanted.origin is not None:
            allowed = origin.is_allowed(
                wanted.origin,
                origin.of_host('http', wanted.host),
                self._services.settings.origins,
            )
            if not allowed:
                raise closing.EndedError(
                    closing.BAD_ORIGIN, repr(wanted.origin[:200])
                )
        if wanted.token is None:
            raise closing.EndedError(
                closing.BAD_TOKEN, 'none was sent, or not one that can be'
            )
        if wanted.from_cookie and wanted.origin is None:
            # A browser sends cookies for any page; only the Origin tells.
            raise closing.EndedError(
                closing.BAD_TOKEN, 'a cookie without an Origin'
            )
        return wanted.token

    async def _authorize(self, token: tokens.Token) -> types.ConsoleGrant:
        try:
            return await self._services.authority.authorize(token.reveal())
        except exception.TokenNotFound:
            raise closing.EndedError(closing.BAD_TOKEN) from None
        except exception.HostUnavailable:
            raise closing.EndedError(closing.NO_ANSWER) from None

    async def _connect(self, where: types.ConnectInfo) -> inbox.Inbox:
        try:
            guest = await target.connect(
                where.host, where.port, self._services.buffer
            )
        except OSError as exc:
            raise closing.EndedError(closing.UNREACHABLE, str(exc)) from exc
        self._guest = guest.wire
        return guest

    async def _take_line(self, grant: types.ConsoleGrant) -> None:
        where = grant.connect
        self._line = await lines.take(
            f'{grant.server_id} {where.host} {where.port}', self._is_wanted
        )

    def _is_wanted(self) -> bool:
        """Another session wants the line: whether it gets it."""
        if self._services.settings.takeover:
            self.end(closing.TAKEN_OVER)
        over = self._relay is not None and self._relay.finished.done()
        return over or self._ending is not None or self._parting

    async def _yield_line(self) -> None:
        """Leave the line at once: what is not sent yet is of no use."""
        if self._guest is not None and not self._guest.lost:
            self._guest.transport.abort()
            # Aborted transports close their sockets in the next turn.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if self._line is not None:
            self._line.release()

    async def _secure(
        self, guest: inbox.Inbox, grant: types.ConsoleGrant
    ) -> bytes:
        """Settle security with the hypervisor; returns what came behind."""
        needs = negotiation.Needs(
            self._services.settings.auth_schemes,
            self._services.tls,
            grant.connect.host,
            grant.secret,
        )
        try:
            return await negotiation.secure(
                guest, needs, self._services.buffer
            )
        finally:
            # Within TLS it is another one.
            self._guest = guest.wire

    def _tell(self, ending: closing.Ending) -> None:
        """Tell the client why, in the way that it can understand."""
        if self._client.lost:
            return
        if self._opening is not None:
            opening, self._opening = self._opening, None
            if ending.code is None or opening.wanted.origin is None:
                if ending is not closing.CLIENT_GONE:
                    opening.refuse(ending)
                return
            # Only behind an upgrade can a page read why it was refused.
            self._reader = opening.accept().reader
        close = frames.Close(ending.code, ending.text)
        if self._reader is not None and self._reader.close is not None:
            # RFC 6455, 5.5.1: the answer to a Close frame echoes its code.
            close = frames.Close(self._reader.close.code)
        self._client.write(frames.encode_close(close))

    def _client_gone(self) -> None:
        self.end(closing.CLIENT_GONE)

    def _log_start(self, grant: types.ConsoleGrant) -> str:
        """Log whose session this is; returns the protocol to speak."""
        LOG.info(
            'Session %s: %s console of server %s for user %s of project %s '
            'from %s',
            self.id,
            grant.console_type,
            grant.server_id,
            grant.user_id,
            grant.project_id,
            self._peer,
        )
        row = types.CONSOLE_TYPES.get(grant.console_type)
        if row is None:
            raise closing.EndedError(
                closing.INTERNAL, f'unknown type {grant.console_type!r}'
            )
        return row.protocol

    def _log_end(self, ended: closing.EndedError) -> None:
        carried = self._relay
        LOG.info(
            'Session %s from %s ended after %.3f s: %s%s; %d bytes from the '
            'guest, %d from the client',
            self.id,
            self._peer,
            time.monotonic() - self._started,
            ended.ending.text,
            f' ({ended.detail})' if ended.detail else '',
            carried.guest.count if carried else 0,
            carried.client.count if carried else 0,
        )

    def _log_crash(self, exc: Exception) -> None:
        # The message of an unknown error may hold the token; the places in
        # the code that it went through do not.
        LOG.error(
            'Session %s failed with %s:\n%s',
            self.id,
            type(exc).__name__,
            ''.join(traceback.format_tb(exc.__traceback__)),
        )


async def _within(
    seconds: float, step: Awaitable[_T], ending: closing.Ending
) -> _T:
    """The result of a step that ends the session if it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await step
    except TimeoutError:
        raise closing.EndedError(ending, 'timed out') from None
