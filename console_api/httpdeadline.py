# SPDX-License-Identifier: Apache-2.0
"""HTTP connections whose answers have a deadline as a whole.

A timeout of urllib3 and of requests counts for one read, so that a peer who
sends a byte now and then holds whoever waits for as long as it likes.
"""

import http.client
import io
import math
import socket
import threading
import time
from typing import Any

import urllib3
from urllib3 import connection
from urllib3 import connectionpool


class Deadline(threading.local):
    """Until when the calling thread waits; each thread has its own.

    ``end`` is a time of ``time.monotonic``.
    """

    end: float = math.inf

    def bound(self, seconds: float | None) -> float | None:
        """So many seconds, or what is left if that is less.

        :raises TimeoutError: nothing is left
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError('the answer took too long')
        if seconds is None:
            return None if math.isinf(left) else left
        return min(seconds, left)


class _Reader(io.RawIOBase):
    """Reads from a socket for as long as the deadline says."""

    def __init__(
        self, sock: socket.socket, raw: io.RawIOBase, deadline: Deadline
    ) -> None:
        self._sock = sock
        self._raw = raw
        self._deadline = deadline
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        """See io."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """See io.

        :raises TimeoutError: nothing came in time
        """
        self._sock.settimeout(self._deadline.bound(self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """See io; what is under it is closed, too."""
        self._raw.close()
        super().close()


def use(manager: urllib3.PoolManager, deadline: Deadline) -> None:
    """Let the connections that are made from now on keep to the deadline."""

    class Answer(http.client.HTTPResponse):
        def __init__(
            self, sock: socket.socket, *args: Any, **options: Any
        ) -> None:
            super().__init__(sock, *args, **options)
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_Reader(sock, raw, deadline))

    class Plain(connection.HTTPConnection):
        response_class = Answer

        def connect(self) -> None:
            self.timeout = deadline.bound(self.timeout)
            super().connect()

    class Secure(connection.HTTPSConnection):
        response_class = Answer

        def connect(self) -> None:
            self.timeout = deadline.bound(self.timeout)
            super().connect()

    class PlainPool(connectionpool.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(connectionpool.HTTPSConnectionPool):
        ConnectionCls = Secure

    manager.pool_classes_by_scheme = {'http': PlainPool, 'https': SecurePool}
