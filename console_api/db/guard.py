# SPDX-License-Identifier: Apache-2.0
"""Ends connections to the database that do not answer in time."""

import contextlib
import math
import os
import socket
import threading
import time
import weakref

from oslo_log import log as logging
from sqlalchemy.engine.interfaces import DBAPIConnection

from console_api import threads

LOG = logging.getLogger(__name__)

#: How often the thread looks, in seconds, and how often it does so in vain
#: before it ends.
_TICK = 0.25
_PATIENCE = 20


class _Line:
    """The socket of a connection, under a descriptor of its own.

    The connection may be closed by its thread at any time, and the number of
    its descriptor be another's; this one stays until nobody knows the line.
    """

    def __init__(self, connection: DBAPIConnection, descriptor: int) -> None:
        #: When it was last given back.
        self.left = -math.inf
        self.is_cut = False
        self._connection = weakref.ref(connection)
        self._socket = socket.socket(fileno=os.dup(descriptor))

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self._socket.close()

    def cut(self) -> None:
        """Let whoever reads or writes there find that nobody is there."""
        if self._connection() is None:
            return
        self.is_cut = True
        LOG.warning('The database is silent: its connection is closed')
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Guard:
    """Cuts connections whose time is over.

    A thread waits in the driver, and not every driver can be told how long:
    libpq waits for ever while the other side's kernel is well. So another
    thread looks at the clock, while there is something to look after.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: weakref.WeakKeyDictionary[DBAPIConnection, _Line] = (
            weakref.WeakKeyDictionary()
        )
        self._until: dict[_Line, float] = {}
        self._thread: threads.Supervised | None = None

    def know(self, connection: DBAPIConnection, descriptor: int) -> None:
        """From now on the connection can be watched, by this socket."""
        self._lines[connection] = _Line(connection, descriptor)

    def watch(self, connection: DBAPIConnection, until: float) -> None:
        """Cut it at this time of ``time.monotonic()``, if it is known."""
        line = self._lines.get(connection)
        if line is None:
            return
        with self._lock:
            self._until[line] = until
            # A process that was forked has no such thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threads.Supervised('database', self._run)
                self._thread.start()

    def leave(self, connection: DBAPIConnection) -> bool:
        """Do not cut it any more; whether it is still good for something."""
        line = self._lines.get(connection)
        if line is None:
            return True
        line.left = time.monotonic()
        with self._lock:
            self._until.pop(line, None)
            return not line.is_cut

    def idle(self, connection: DBAPIConnection) -> float:
        """Seconds since it was left; infinite if it never was."""
        line = self._lines.get(connection)
        return math.inf if line is None else time.monotonic() - line.left

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(_TICK)
            with self._lock:
                idle = 0 if self._until else idle + 1
                if idle > _PATIENCE:
                    self._thread = None
                    return
                self._cut(time.monotonic())

    def _cut(self, now: float) -> None:
        for line, until in list(self._until.items()):
            if until <= now:
                del self._until[line]
                line.cut()
