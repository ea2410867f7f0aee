# SPDX-License-Identifier: Apache-2.0
"""Steps of a session that must not take for ever."""

import asyncio
from collections.abc import Awaitable
import math
from typing import Self
from typing import TypeVar

from console_api.proxy import closing

_T = TypeVar('_T')


class Steps:
    """The deadlines of one task, one step after the other.

    They share a timer, which is set anew only when it has run out or a step
    has less time: to set and cancel one for each step costs a twentieth of
    opening a session.
    """

    __slots__ = ('_due', '_expired', '_loop', '_task', '_timer')

    def __init__(self) -> None:
        """For the task that calls this."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._due = math.inf
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._due = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def within(
        self, seconds: float, step: Awaitable[_T], ending: closing.Ending
    ) -> _T:
        """The result of a step; not for steps within steps.

        :raises EndedError: with this ending, if it takes longer
        """
        self._due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due:
            self._set()
        try:
            return await step
        except asyncio.CancelledError:
            if not self._expired or self._task.uncancel() > 0:
                raise
            raise closing.EndedError(ending, 'timed out') from None
        finally:
            self._due = math.inf

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self._due:
            # That of an earlier step has passed, which was in time.
            if self._due < math.inf:
                self._set()
            return
        self._expired = True
        self._task.cancel()
