# SPDX-License-Identifier: Apache-2.0
"""One console session, from the request to its end.

VNC alone negotiates security on the way; the bytes of the other protocols are
carried as they come.
"""

import asyncio
import dataclasses
import math
import time

from console_api.consoles import types
from console_api.proxy import admission
from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import deadline
from console_api.proxy import gateway
from console_api.proxy import identity
from console_api.proxy import inbox
from console_api.proxy import journal
from console_api.proxy import limits
from console_api.proxy import lines
from console_api.proxy import negotiation
from console_api.proxy import opening
from console_api.proxy import rejoin
from console_api.proxy import relay
from console_api.proxy import services
from console_api.proxy import target
from console_api.proxy import usage
from console_api.proxy import viewing
from console_api.proxy import vigil
from console_api.proxy import watching
from console_api.proxy import wire
from console_api.proxy.ws import frames
from console_api.proxy.ws import receiver


class Session:
    """One user at one console."""

    __slots__ = (
        '_client',
        '_ending',
        '_expires',
        '_gives_way',
        '_guest',
        '_journal',
        '_line',
        '_opening',
        '_parting',
        '_peer',
        '_reader',
        '_relay',
        '_seat',
        '_services',
        '_takes_notices',
        '_task',
        '_use',
    )

    def __init__(
        self, shared: services.Services, asked: opening.Opening
    ) -> None:
        self._journal = journal.Journal(asked.peer, shared.told)
        self._services = shared
        self._client = asked.client.wire
        self._peer = asked.peer
        # What only the opening needs is let go with it: a session may last
        # for days.
        self._opening: opening.Opening | None = asked
        self._takes_notices = asked.wanted.takes_notices
        self._reader: receiver.Receiver | None = None
        self._guest: wire.Wire | None = None
        self._line: lines.Line | None = None
        self._seat: limits.Seat | None = None
        #: None where idle sessions may go on.
        self._use: usage.Use | None = None
        self._relay: relay.Relay | None = None
        self._ending: closing.Ending | None = None
        self._parting = self._gives_way = False
        self._expires = math.inf
        self._task: asyncio.Task[None] | None = None
        asked.client.on_gone = self._client_gone

    async def run(self) -> None:
        """Serve the client until the session ends; closes what it opened."""
        self._task = asyncio.current_task()
        try:
            ended = await self._outcome()
            self._parting = True
            self._journal.ends(ended, self._relay)
            self._tell(ended.ending)
            if self._seat is not None and not self._seat.entered:
                # One that was refused takes its time to go as a handshake.
                self._leave()
            if ended.ending is closing.TAKEN_OVER:
                await self._yield_line()
            # Who waits for the line was confirmed already, so that it must
            # not be the client's say how long.
            await closing.part(
                self._client,
                self._guest,
                self._services.buffer,
                self._reader,
                self._free_line,
            )
        finally:
            if not self._client.lost:
                self._client.transport.abort()
            if self._guest is not None and not self._guest.lost:
                self._guest.reset()
            self._free_line()
            self._leave()

    def end(self, ending: closing.Ending) -> None:
        """End the session from outside, whatever it is doing."""
        if self._task is None or self._ending is not None or self._parting:
            return
        self._ending = ending
        self._task.cancel()

    def note(self, notice: bytes) -> None:
        """Tell the client something, if it wants to know; a whole frame.

        Before the console's own bytes begin, nobody is told.
        """
        begun = self._relay is not None and not self._parting
        if self._takes_notices and begun and not self._client.lost:
            # Each write there is a whole frame, so this one is between two.
            self._client.write(notice)

    async def _outcome(self) -> closing.EndedError:
        """Why the session ended; an error of ours is an end like others."""
        try:
            with deadline.Steps() as steps:
                self._relay = await self._open(steps)
            self._journal.carries(self._relay)
            watched = vigil.Vigil(
                self._relay,
                self._services.settings,
                self._expires,
                self._use,
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
            self._journal.crashes(exc)
            return closing.EndedError(closing.INTERNAL)

    async def _open(self, steps: deadline.Steps) -> relay.Relay:
        """All the steps up to the first byte that is carried."""
        asked = self._opening
        assert asked is not None
        times = self._services.settings
        grant = await self._enter(asked)
        self._journal.begins(grant)
        protocol = _protocol(grant)
        watcher = self._watcher(protocol, grant)
        if protocol == 'serial':
            await steps.within(
                times.connect_timeout, self._take_line(grant), closing.IN_USE
            )
        user = asked.accept(watcher)
        self._opening, self._reader = None, user.reader
        guest = await steps.within(
            times.connect_timeout,
            self._connect(grant.connect),
            closing.UNREACHABLE,
        )
        early = b''
        if grant.connect.internal_access_path:
            early = await steps.within(
                times.connect_timeout,
                gateway.enter(guest, grant.connect),
                closing.UNREACHABLE,
            )
            guest.put_back(early)
        agreed = await self._agree(steps, grant, user, guest)
        typed = agreed.typed
        if watcher is not None:
            # It has to see the beginning, too, which is not sent again.
            typed = watcher.watch(agreed.passed + typed)[len(agreed.passed) :]
        carried = self._join(user, guest)
        carried.start(typed, user.take(), agreed.early + guest.take())
        return carried

    async def _agree(
        self,
        steps: deadline.Steps,
        grant: types.ConsoleGrant,
        user: channel.Channel,
        guest: inbox.Inbox,
    ) -> identity.Checked:
        """Settle with both what their protocol begins with."""
        limit = self._services.settings.negotiation_timeout
        protocol, wanted = _protocol(grant), identity.wanted(grant)
        if protocol == 'vnc':
            secured = self._secure(guest, grant)
            early = await steps.within(limit, secured, closing.TOO_SLOW)
            if wanted is not None:
                shown = identity.check_vnc(guest, early, wanted)
                early = await steps.within(limit, shown, closing.TOO_SLOW)
            greeted = negotiation.greet(user)
            typed = await steps.within(limit, greeted, closing.TOO_SLOW)
            if wanted is None:
                return identity.Checked(early, typed=typed)
            begun = identity.swallow_init(user, typed)
            client = await steps.within(limit, begun, closing.TOO_SLOW)
            return dataclasses.replace(client, early=early)
        if protocol == 'spice' and wanted is not None:
            opened = identity.check_spice(user, guest, wanted)
            return await steps.within(limit, opened, closing.TOO_SLOW)
        return identity.Checked(b'')

    def _join(self, user: channel.Channel, guest: inbox.Inbox) -> relay.Relay:
        shared = self._services
        return relay.Relay(
            self._client,
            guest.wire,
            user.reader,
            shared.buffer,
            shared.outbox,
        )

    async def _enter(self, asked: opening.Opening) -> types.ConsoleGrant:
        """What the client may do, and its place among the sessions."""
        times = self._services.settings
        self._seat = self._services.places.seat(self._peer.rpartition(':')[0])
        token = admission.admit(asked.wanted, times.origins)
        known = rejoin.Pass(asked.wanted, token)
        grant = await admission.authorize(
            self._services.authority, token, known.key
        )
        asked.extra.extend(known.headers(grant))
        self._seat.at(grant.server_id)
        if times.ends_with_token:
            left = grant.expires_at - time.time()
            self._expires = asyncio.get_running_loop().time() + left
        return grant

    def _watcher(
        self, protocol: str, grant: types.ConsoleGrant
    ) -> watching.Watcher | None:
        """What looks at the messages of the client, if anything has to."""
        if math.isfinite(self._services.settings.idle_timeout):
            assert self._opening is not None
            token = self._opening.wanted.token
            if protocol == 'spice' and token is not None:
                # Its channels are sessions of one token, and one of them
                # carries the input.
                self._use = self._services.board.use(token.digest())
            else:
                self._use = usage.Use()
        if grant.view_only:
            return viewing.viewer(protocol)
        if self._use is not None:
            return watching.observer(protocol, self._use)
        return None

    def _leave(self) -> None:
        if self._seat is not None:
            self._seat.leave()
            self._seat = None

    async def _connect(self, where: types.ConnectInfo) -> inbox.Inbox:
        try:
            guest = await target.connect(
                where.host,
                where.port,
                self._services.buffer,
                self._services.settings.ping_interval,
                self._services.settings.boundary,
            )
        except OSError as exc:
            raise closing.EndedError(closing.UNREACHABLE, str(exc)) from exc
        self._guest = guest.wire
        return guest

    async def _take_line(self, grant: types.ConsoleGrant) -> None:
        where = grant.connect
        name = f'{grant.server_id} {where.host} {where.port}'
        # One who may only look puts nobody out, and keeps nobody out.
        self._gives_way = grant.view_only
        self._line = await lines.take(
            name, self._is_wanted, insists=not grant.view_only
        )

    def _is_wanted(self) -> bool:
        """Another session wants the line: whether it gets it."""
        if self._services.settings.takeover or self._gives_way:
            self.end(closing.TAKEN_OVER)
        over = self._relay is not None and self._relay.finished.done()
        return over or self._ending is not None or self._parting

    async def _yield_line(self) -> None:
        """Leave the line at once: what is not sent yet is of no use."""
        if self._guest is not None and not self._guest.lost:
            self._guest.reset()
            # Aborted transports close their sockets in the next turn.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self._free_line()

    def _free_line(self) -> None:
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
            asked, self._opening = self._opening, None
            if ending.code is None or asked.wanted.origin is None:
                if ending is not closing.CLIENT_GONE:
                    asked.refuse(ending)
                return
            # Only behind an upgrade can a page read why it was refused.
            self._reader = asked.accept().reader
        close = frames.Close(ending.code, ending.text)
        if self._reader is not None and self._reader.close is not None:
            # RFC 6455, 5.5.1: the answer to a Close frame echoes its code.
            close = frames.Close(self._reader.close.code)
        self._client.write(frames.encode_close(close))

    def _client_gone(self) -> None:
        self.end(closing.CLIENT_GONE)


def _protocol(grant: types.ConsoleGrant) -> str:
    """What is spoken at this console.

    :raises EndedError: nothing that is known here
    """
    row = types.CONSOLE_TYPES.get(grant.console_type)
    if row is None:
        raise closing.EndedError(
            closing.INTERNAL, f'unknown type {grant.console_type!r}'
        )
    return row.protocol
