# SPDX-License-Identifier: Apache-2.0
"""Tells the log of what is not let in, and lets nobody fill it."""

from collections.abc import Callable
import threading
import time

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: The same is told again after so many seconds.
_PAUSE = 600.0
#: So many hosts are told of in that time; names cost an attacker nothing.
_MOST = 50


class RefusalLog:
    """Logs why a host was refused: each reason once in ten minutes.

    Beyond fifty in that time they are counted, and the number follows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._left_out = 0
        self._until = 0.0

    def tell(self, reason: str) -> None:
        """Say once that something was refused; ``reason`` names the host."""
        left_out = 0
        with self._lock:
            now = self._clock()
            if now >= self._until:
                left_out, self._left_out = self._left_out, 0
                self._told.clear()
                self._until = now + _PAUSE
            is_new = reason not in self._told and len(self._told) < _MOST
            if is_new:
                self._told.add(reason)
            elif reason not in self._told:
                self._left_out += 1
        if left_out:
            LOG.error('%d more calls for hosts were refused', left_out)
        if is_new:
            LOG.error('What speaks for a host is refused: %s', reason)
