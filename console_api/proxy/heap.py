# SPDX-License-Identifier: Apache-2.0
"""What a process that carries many sessions does about its memory."""

import asyncio
from collections.abc import Callable
import ctypes
import gc

#: New objects until the next look. Opening a session takes about a thousand,
#: nearly all of which it frees itself: with the default of 700 each session
#: makes the collector look at its neighbours.
_YOUNG = 20_000
#: Fewer ends are not worth a sweep while there are connections.
LEAST = 100
#: Seconds from an end to the sweep: others may follow.
PAUSE = 5.0


def settle() -> None:
    """Leave what a process has loaded by now out of all later looks.

    To be called once in the life of a process, when it is ready to serve.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


class Sweeper:
    """Gives memory back to the system after many connections have ended.

    What they leave the collector finds when enough is made anew, which in a
    quiet hour nothing is, and malloc keeps what is freed. ``live`` says how
    many connections there are: a look takes as long as there is to look at,
    so as many must have ended as are left, or all.
    """

    def __init__(self, live: Callable[[], int]) -> None:
        self._live = live
        self._ended = 0
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def ended(self) -> None:
        """A connection has ended."""
        self._ended += 1
        if self._stopped or self._timer is not None:
            return
        live = self._live()
        if not live or self._ended >= max(LEAST, live):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PAUSE, self._sweep)

    def stop(self) -> None:
        """Sweep no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        self._timer = None
        self._ended = 0
        gc.collect()
        # A system's own C library may have none.
        trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
        if trim is not None:
            trim(0)
