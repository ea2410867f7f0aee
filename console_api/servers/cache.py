# SPDX-License-Identifier: Apache-2.0
"""What a Nova has said of servers, for seconds."""

import abc
from collections.abc import Callable
import threading
import time
from typing import Generic
from typing import TypeVar

from console_api import exception
from console_api.servers import directory

#: Servers, and ids of none, that are remembered at once; one is a few hundred
#: bytes.
_MOST = 1000

Clock = Callable[[], float]

_T = TypeVar('_T')


class CachedServers:
    """Remembers for ``seconds`` what ``fetch`` returns, or that there is none.

    For any thread. When it is full, the oldest goes; ids of none never take
    the place of a server.
    """

    def __init__(
        self,
        fetch: Callable[[str], directory.Server],
        seconds: float,
        most: int = _MOST,
        clock: Clock = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._known: _Recent[directory.Server] = _Recent(seconds, most, clock)
        self._absent: _Recent[bool] = _Recent(seconds, most, clock)

    def get(self, server_id: str) -> directory.Server:
        """The server with this id.

        :raises InstanceNotFound: there is none, or lately was none
        """
        known = self._known.get(server_id)
        if known is not None:
            return known
        if self._absent.get(server_id):
            raise exception.InstanceNotFound(server_id)
        try:
            server = self._fetch(server_id)
        except exception.InstanceNotFound:
            self._absent.put(server_id, True)
            raise
        self._known.put(server_id, server)
        return server


class CachedDirectory(abc.ABC):
    """A ``ServerDirectory`` that asks a Nova and remembers for seconds."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._servers = CachedServers(self._fetch, seconds, clock=clock)

    def get(self, server_id: str) -> directory.Server:
        """The server with this id, of whichever project.

        :raises InstanceNotFound: Nova has none, or lately had none
        :raises ComputeAPIUnavailable: Nova gave no answer that can be used,
            or is asked for too many servers at once
        """
        return self._servers.get(server_id)

    def list(
        self,
        query: directory.ServerQuery,  # noqa: ARG002 - the interface
    ) -> list[directory.Server]:
        """Not served: whoever wants a list asks Nova itself.

        :raises NotSupported: always
        """
        raise exception.NotSupported()

    @abc.abstractmethod
    def _fetch(self, server_id: str) -> directory.Server:
        """Ask Nova; raises as ``get`` does."""


class _Recent(Generic[_T]):
    def __init__(self, seconds: float, most: int, clock: Clock) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, _T]] = {}

    def get(self, name: str) -> _T | None:
        with self._lock:
            found = self._entries.get(name)
        return found[1] if found and self._clock() < found[0] else None

    def put(self, name: str, value: _T) -> None:
        if not self._seconds:
            return
        with self._lock:
            # In again at the end: what is first is the oldest.
            self._entries.pop(name, None)
            while len(self._entries) >= self._most:
                del self._entries[next(iter(self._entries))]
            self._entries[name] = (self._clock() + self._seconds, value)
