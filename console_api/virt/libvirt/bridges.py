# SPDX-License-Identifier: Apache-2.0
"""The bridges of one hypervisor, each opened when first asked for."""

import dataclasses
import threading

from console_api.virt.libvirt import bridge
from console_api.virt.libvirt import bridge_client


@dataclasses.dataclass(frozen=True)
class Key:
    """What a bridge is for: one device of one run of a server."""

    server_id: str
    run: str | None
    device: str


class Bridges:
    """Keeps bridges as long as they live; ``idle`` is in seconds."""

    def __init__(self, idle: float) -> None:
        self._idle = idle
        self._lock = threading.Lock()
        self._bridges: dict[Key, bridge.Bridge] = {}
        self._closed = False

    def port(
        self,
        key: Key,
        address: str,
        opener: bridge_client.Opener,
        clients: int,
    ) -> int:
        """The port of the bridge of this device; from now on it listens.

        :raises OSError: the address is not this host's, or all is over
        """
        with self._lock:
            self._sweep(key)
            found = self._bridges.get(key)
            if found is None:
                if self._closed:
                    raise OSError('the driver is closed')
                found = bridge.Bridge(address, opener, clients, self._idle)
                self._bridges[key] = found
            return found.port

    def _sweep(self, wanted: Key) -> None:
        """Forget what has ended by itself, and former runs of the server."""
        for key, one in list(self._bridges.items()):
            former = (
                key.server_id == wanted.server_id and key.run != wanted.run
            )
            if former:
                one.close()
            if former or (key == wanted and not one.touch()):
                del self._bridges[key]

    def end(self, server_id: str) -> None:
        """Close the bridges of a server whose run is over."""
        with self._lock:
            mine = [k for k in self._bridges if k.server_id == server_id]
            ended = [self._bridges.pop(key) for key in mine]
        for one in ended:
            one.close()

    def close(self) -> None:
        """Close every bridge; there will be no other."""
        with self._lock:
            self._closed = True
            ended = list(self._bridges.values())
            self._bridges.clear()
        for one in ended:
            one.close()
