# SPDX-License-Identifier: Apache-2.0
"""When sessions were last used, each by itself or several as one."""

import mmap
import time

#: Many more than there are consoles at once: where two share a place, both
#: count as used when one is.
_PLACES = 64 * 1024
_SIZE = 8


class Use:
    """When a session was last used, by the clock of event loops."""

    __slots__ = ('_place', '_times')

    def __init__(
        self, times: 'memoryview[float] | None' = None, place: int = 0
    ) -> None:
        """``times`` and ``place``: where it is kept, if not here alone."""
        self._place = place
        self._times = _times(1) if times is None else times

    @property
    def since(self) -> float:
        """When that was."""
        return self._times[self._place]

    def mark(self) -> None:
        """It is now."""
        self._times[self._place] = time.monotonic()


class Board:
    """The times of sessions that belong together, whatever worker has them.

    Its memory is shared with the processes that are forked after it is made.
    Their clock is the same one.
    """

    def __init__(self) -> None:
        # Pages that nobody has written to take no memory.
        memory = mmap.mmap(-1, _PLACES * _SIZE)
        self._times = memoryview(memory).cast('d')

    def use(self, digest: str) -> Use:
        """The use of all sessions of the token with this hash."""
        return Use(self._times, int(digest, 16) % _PLACES)


def _times(count: int) -> 'memoryview[float]':
    return memoryview(bytearray(count * _SIZE)).cast('d')
