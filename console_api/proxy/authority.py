# SPDX-License-Identifier: Apache-2.0
"""Who tells the proxy what a token is good for."""

import asyncio
from collections.abc import Callable
from concurrent import futures
import contextlib
import time
from typing import Protocol

from console_api import bulkhead
from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import turns


class Authority(Protocol):
    """Turns a token into a grant; a session asks exactly once."""

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """What this token lets its bearer do.

        ``key`` is what the client is known by when it comes back. The caller
        sets the deadline and cancels the call when it passes.

        :raises TokenNotFound: unknown, expired, revoked or no longer true
        :raises HostUnavailable: it could not be confirmed in time
        :raises ServiceBusy: there are more look-ups than are answered in time
        """
        ...


class ProbedAuthority(Authority, Protocol):
    """An authority of which one may ask whether it is there."""

    async def probe(self, token: str) -> None:
        """Look up a token that is none, beside whatever else is asked.

        :raises TokenNotFound: there is an answer
        """
        ...


#: A blocking look-up: token and key in, grant out; raises as its caller does.
Lookup = Callable[[str, tokens.SessionKey | None], types.ConsoleGrant]


#: Look-ups that may be under way at once.
_MOST = 64
#: So many of these may be of tokens whose last look-up was not answered.
_SUSPECTS = 8
#: A look-up that ends without an answer after so many seconds has kept its
#: thread from others.
_LONG = 1.0
#: So many such tokens are known.
_KNOWN = 4096
#: Seconds that a look-up may wait until it begins: a part of its deadline.
_WAIT = 6.0


class ThreadedAuthority:
    """An authority that asks a blocking function in threads.

    A look-up waits for a few seconds at most until it begins, and where it
    would wait for longer it ends at once with ServiceBusy.

    What is asked about is known by its token alone. A token whose last
    look-up was not answered may be that of a silent host, whose page tries
    again and again: all such tokens together get a few of the threads.

    A call that is cancelled is forgotten; if it has begun, its thread is busy
    until the function returns, so the function needs a deadline of its own.
    """

    def __init__(
        self,
        lookup: Lookup,
        most: int = _MOST,
        suspects: int = _SUSPECTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lookup = lookup
        self._pool = futures.ThreadPoolExecutor(
            most + 1, thread_name_prefix='authority'
        )
        self._lanes = {
            suspect: turns.Turns(
                bulkhead.Limits(count, _WAIT, memory=0, wait=_WAIT), clock
            )
            for suspect, count in ((False, most - suspects), (True, suspects))
        }
        #: By hash, those that were asked about last at the end.
        self._suspects: dict[str, None] = {}

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """See ``Authority``; any error of the function passes through.

        :raises ServiceBusy: it would not begin in time
        """
        digest = tokens.Token(token).digest()
        lane = self._lanes[digest in self._suspects]
        try:
            turn = await lane.begin('')
        except bulkhead.RefusedError:
            raise exception.ServiceBusy() from None
        began = self._clock()
        loop = asyncio.get_running_loop()
        job = self._pool.submit(self._lookup, token, key)

        def ended() -> None:
            self._note(digest, job, self._clock() - began)
            lane.end(turn)

        def tell(_job: futures.Future[types.ConsoleGrant]) -> None:
            # In the thread, and after the loop has ended too.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended)

        job.add_done_callback(tell)
        return await asyncio.wrap_future(job)

    async def probe(self, token: str) -> None:
        """The same in a thread that is kept for it.

        :raises TokenNotFound: there is an answer
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._lookup, token, None)

    def close(self) -> None:
        """Forget the calls that wait and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _note(
        self,
        digest: str,
        job: 'futures.Future[types.ConsoleGrant]',
        seconds: float,
    ) -> None:
        """Remember whether this token keeps threads from others."""
        self._suspects.pop(digest, None)
        error = None if job.cancelled() else job.exception()
        if error is None or isinstance(error, exception.TokenNotFound):
            return
        if seconds >= _LONG:
            self._suspects[digest] = None
            if len(self._suspects) > _KNOWN:
                del self._suspects[next(iter(self._suspects))]
