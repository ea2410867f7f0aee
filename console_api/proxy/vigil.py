# SPDX-License-Identifier: Apache-2.0
"""Looks after sessions that carry data: pings, idle ones, those over time.

There is one timer for all sessions of an event loop, and none for each: ten
thousand idle ones cost a look each now and then.
"""

import asyncio
from collections.abc import Iterator
import contextlib
import math

from console_api.proxy import closing
from console_api.proxy import relay
from console_api.proxy import settings
from console_api.proxy import usage
from console_api.proxy.ws import frames

#: Seconds between two turns, and so how exact a look is.
TURN = 1.0
#: Pings without any sign of life, after which a client is gone.
_MISSED = 2
#: A turn that is late by so many seconds makes no look miss its turn.
_SLACK = 0.1
#: Of an interval between two looks, of which each may be late.
_WHOLE = 0.9
_DEAD = 'its host does not answer'
_PING = frames.encode(frames.Opcode.PING, b'')


class Vigil:
    """When one session was last alive, and how long it may go on."""

    __slots__ = (
        '_alive',
        '_expires',
        '_missed',
        '_next_ping',
        '_relay',
        '_settings',
        '_use',
        'turn',
    )

    def __init__(
        self,
        carried: relay.Relay,
        times: settings.Settings,
        expires: float,
        use: usage.Use | None = None,
    ) -> None:
        """``expires``: when the session is over, by the loop's clock.

        ``use`` is None where it does not count.
        """
        now = asyncio.get_running_loop().time()
        self._relay = carried
        self._settings = times
        self._expires = expires
        self._use = use
        if use is not None:
            use.mark()
        self._next_ping = now + times.ping_interval
        self._alive = (-1, 0)
        self._missed = 0
        #: The turn of the next look; kept by the rounds.
        self.turn = 0

    def look(self, now: float) -> None:
        """End the session if its time has come; else ping if that is due."""
        carried = self._relay
        now += _SLACK
        if now >= self._expires:
            carried.finish(closing.TIME_OVER)
            return
        if now >= self._idle_at():
            carried.finish(closing.IDLE)
            return
        if now >= self._next_ping:
            self._next_ping = now - _SLACK + self._settings.ping_interval
            if self._hosts_answer(now):
                self._ping()

    def next_look(self) -> float:
        """When to look again."""
        return min(self._next_ping, self._expires, self._idle_at())

    def _idle_at(self) -> float:
        """When it will have been idle for too long, as it is now."""
        if self._use is None:
            return math.inf
        return self._use.since + self._settings.idle_timeout

    def _hosts_answer(self, now: float) -> bool:
        """End the session if the host of a peer is dead to what it was sent.

        A client that lives answers pings, but they are not sent always.
        """
        carried = self._relay
        limit = _WHOLE * self._settings.ping_interval
        if carried.guest.wire.is_silent(now, limit):
            carried.finish(closing.GUEST_GONE, _DEAD)
        elif carried.client.wire.is_silent(now, limit):
            carried.finish(closing.CLIENT_GONE, _DEAD)
        return not carried.finished.done()

    def _ping(self) -> None:
        client = self._relay.client
        if self._relay.guest.wire.blocked:
            # The client is not read meanwhile, so neither its answers are
            # seen nor its end: what the kernel knows of it has to do.
            self._missed = 0
            if client.wire.has_left():
                self._relay.finish(
                    closing.CLIENT_GONE, 'while the guest took nothing'
                )
            return
        blocked = client.wire.blocked
        # What a slow client takes is as good as an answer.
        queued = client.wire.queued() if blocked else 0
        alive = (client.count, queued)
        self._missed = 0 if alive != self._alive else self._missed + 1
        self._alive = alive
        if self._missed >= _MISSED:
            self._relay.finish(closing.CLIENT_GONE, 'it answers no pings')
        elif not blocked:
            client.wire.write(_PING)


class Rounds:
    """The timer of all sessions of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._turn = 0
        self._due: dict[int, set[Vigil]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def watch(self, vigil: Vigil) -> Iterator[None]:
        """Look after a session within this context."""
        self._add(vigil)
        try:
            yield
        finally:
            self._drop(vigil)

    def _add(self, vigil: Vigil) -> None:
        when = vigil.next_look()
        if not math.isfinite(when):
            vigil.turn = -1
            return
        turn = math.ceil((when - _SLACK - self._start) / TURN)
        if self._timer is None:
            # Nobody was there: turns that were left out are not made up for.
            if not self._due:
                passed = (self._loop.time() - self._start) / TURN
                self._turn = max(self._turn, math.floor(passed))
            self._wait()
        vigil.turn = max(turn, self._turn + 1)
        self._due.setdefault(vigil.turn, set()).add(vigil)

    def _drop(self, vigil: Vigil) -> None:
        others = self._due.get(vigil.turn)
        if others is None:
            return
        others.discard(vigil)
        if not others:
            del self._due[vigil.turn]
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        after = self._start + (self._turn + 1) * TURN
        self._timer = self._loop.call_at(after, self._look)

    def _look(self) -> None:
        self._turn += 1
        now = self._loop.time()
        self._timer = None
        for vigil in self._due.pop(self._turn, ()):
            vigil.look(now)
            self._add(vigil)
        if self._due and self._timer is None:
            self._wait()
