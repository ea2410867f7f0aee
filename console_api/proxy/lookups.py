# SPDX-License-Identifier: Apache-2.0
"""Times the look-ups of tokens, and knows whether they are answered."""

import asyncio
import logging
import math
import secrets
import time

import prometheus_client

from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority

LOG = logging.getLogger(__name__)

#: For so many seconds an answer says that the authority can be reached.
_FRESH = 10.0
#: Seconds between two questions, while there is no answer.
_PAUSE = 2.0
#: How long one who wants to know waits for the answer, in seconds.
_PATIENCE = 1.0
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Lookups:
    """An authority around another one, with a ``timeout`` in seconds."""

    def __init__(
        self, asked: authority.ProbedAuthority, timeout: float
    ) -> None:
        self._asked = asked
        self._timeout = timeout
        self._answered = -math.inf
        self._failed = -math.inf
        self._question: asyncio.Task[None] | None = None
        self.latency = prometheus_client.Histogram(
            'console_proxy_authority_seconds',
            'How long look-ups of tokens took, by what came of them.',
            ['outcome'],
            buckets=_BUCKETS,
            registry=None,
        )

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """See ``Authority``.

        :raises TimeoutError: there is no answer in time
        """
        began = time.monotonic()
        outcome = 'error'
        try:
            async with asyncio.timeout(self._timeout):
                grant = await self._asked.authorize(token, key)
            outcome = 'granted'
        except exception.TokenNotFound:
            outcome = 'refused'
            raise
        except (exception.HostBusy, exception.ServiceBusy):
            outcome = 'busy'
            raise
        except exception.HostUnavailable:
            outcome = 'unavailable'
            raise
        except TimeoutError:
            outcome = 'timeout'
            raise
        except asyncio.CancelledError:
            outcome = 'abandoned'
            raise
        finally:
            now = time.monotonic()
            self.latency.labels(outcome).observe(now - began)
            if outcome in ('granted', 'refused'):
                self._answered = now
        return grant

    async def can_be_reached(self) -> bool:
        """Whether the authority answers; asks it if it has not lately.

        Takes about a second at most.
        """
        now = time.monotonic()
        if now < self._answered + _FRESH:
            return True
        if self._question is None:
            if now < self._failed + _PAUSE:
                return False
            self._question = asyncio.ensure_future(self._ask())
        # One question at a time: each may hold a thread until it times out.
        await asyncio.wait([self._question], timeout=_PATIENCE)
        return time.monotonic() < self._answered + _FRESH

    async def close(self) -> None:
        """Ask no more."""
        if self._question is not None:
            self._question.cancel()
            await asyncio.wait([self._question])

    async def _ask(self) -> None:
        """Look up a token that is none: the refusal is the answer."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._asked.probe(secrets.token_urlsafe(32))
        except exception.TokenNotFound:
            self._answered = time.monotonic()
        except Exception as exc:  # noqa: BLE001 - whatever it is, no answer
            self._failed = time.monotonic()
            LOG.warning('No token can be looked up: %s', type(exc).__name__)
        finally:
            self._question = None
