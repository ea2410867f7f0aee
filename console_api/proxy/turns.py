# SPDX-License-Identifier: Apache-2.0
"""Turns at a bulkhead for the coroutines of one event loop."""

import asyncio
import collections
from collections.abc import Callable
from collections.abc import Hashable
import contextlib
import time

from console_api import bulkhead


class Turns:
    """Gives each a turn in the order in which they came."""

    def __init__(
        self,
        limits: bulkhead.Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books = bulkhead.Bulkheads(limits, clock)
        self._wait = limits.wait
        self._queues: dict[
            Hashable, collections.deque[asyncio.Future[bulkhead.Turn]]
        ] = {}

    async def begin(self, key: Hashable) -> bulkhead.Turn:
        """A turn, which somebody must ``end``.

        :raises RefusedError: there is none, and there will be none soon
        """
        queue = self._queues.get(key)
        turn = self._books.ask(key, len(queue or ()))
        if turn is not None:
            return turn
        if queue is None:
            queue = self._queues[key] = collections.deque()
        given: asyncio.Future[bulkhead.Turn]
        given = asyncio.get_running_loop().create_future()
        queue.append(given)
        try:
            async with asyncio.timeout(self._wait):
                return await given
        except TimeoutError:
            if given.done() and not given.cancelled():
                return given.result()
            raise bulkhead.RefusedError(silent=False) from None
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                # It came at the moment in which nobody wanted it any more.
                self.end(given.result(), bulkhead.Outcome.NEITHER)
            raise
        finally:
            if given.cancelled():
                with contextlib.suppress(ValueError):
                    queue.remove(given)

    def end(
        self,
        turn: bulkhead.Turn,
        outcome: bulkhead.Outcome = bulkhead.Outcome.ANSWERED,
    ) -> None:
        """The call of this turn is over: the next one may begin."""
        self._books.end(turn, outcome)
        queue = self._queues.get(turn.key)
        while queue:
            given = queue[0]
            if not given.done():
                with contextlib.suppress(bulkhead.RefusedError):
                    following = self._books.ask(turn.key)
                    if following is None:
                        return
                    given.set_result(following)
            queue.popleft()
        self._queues.pop(turn.key, None)
