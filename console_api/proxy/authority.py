# SPDX-License-Identifier: Apache-2.0
"""Who tells the proxy what a token is good for."""

import asyncio
from collections.abc import Callable
from concurrent import futures
from typing import Protocol

from console_api.consoles import tokens
from console_api.consoles import types


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
        """
        ...


#: A blocking look-up: token and key in, grant out; raises as its caller does.
Lookup = Callable[[str, tokens.SessionKey | None], types.ConsoleGrant]


class ThreadedAuthority:
    """An authority that asks a blocking function in a few threads.

    A call that is cancelled is forgotten; if it has begun, its thread is busy
    until the function returns, so the function needs a deadline of its own.
    """

    def __init__(self, lookup: Lookup, workers: int = 4) -> None:
        self._lookup = lookup
        self._pool = futures.ThreadPoolExecutor(
            workers, thread_name_prefix='authority'
        )

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """See ``Authority``; any error of the function passes through."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._lookup, token, key)

    def close(self) -> None:
        """Forget the calls that wait and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
