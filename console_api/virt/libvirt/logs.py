# SPDX-License-Identifier: Apache-2.0
"""What guests wrote to their consoles: from files, or kept in memory."""

from collections.abc import Iterable
import contextlib
import os
import threading

from oslo_log import log as logging

from console_api.consoles import output
from console_api.virt.libvirt import domain
from console_api.virt.libvirt import paths
from console_api.virt.libvirt import ptys

LOG = logging.getLogger(__name__)


def tail(path: str, max_bytes: int, trusted: frozenset[int]) -> bytes:
    """The last bytes of a log file and, if it is short, of its predecessor.

    libvirt's log daemon renames a full file to the same name with ``.0``.

    :raises OSError: the file is not there or may not be opened
    """
    content = _end_of(path, max_bytes, trusted)
    if len(content) < max_bytes:
        with contextlib.suppress(OSError):
            content = (
                _end_of(f'{path}.0', max_bytes - len(content), trusted)
                + content
            )
    return content


def _end_of(path: str, max_bytes: int, trusted: frozenset[int]) -> bytes:
    with os.fdopen(paths.open_file(path, trusted), 'rb', 0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - max_bytes))
        pieces = []
        left = max_bytes
        # It may grow or be cut while it is read.
        while left > 0 and (piece := file.read(left)):
            pieces.append(piece)
            left -= len(piece)
    return b''.join(pieces)


class Ring:
    """The last bytes of a port; a sink of a pty."""

    def __init__(self, size: int = output.MAX_BYTES) -> None:
        self._size = size
        self._kept = bytearray()
        self._lock = threading.Lock()
        self.ended = False

    def put(self, data: bytes) -> None:
        """The guest wrote this."""
        with self._lock:
            self._kept += data
            # Not each time: it moves all that is kept.
            if len(self._kept) > 2 * self._size:
                del self._kept[: -self._size]

    def end(self) -> None:
        """The port is closed; what was kept stays."""
        self.ended = True

    def tail(self, max_bytes: int) -> bytes:
        """The last ``max_bytes``, as far as they are kept."""
        wanted = min(max_bytes, self._size)
        with self._lock:
            return bytes(self._kept[-wanted:]) if wanted > 0 else b''


class Keeper:
    """Keeps the output of one serial port of each guest in memory.

    ``number`` is that of the port, in the guest's own count.
    """

    def __init__(self, open_ports: ptys.Ptys, number: int) -> None:
        self._ports = open_ports
        self._number = number
        self._lock = threading.Lock()
        self._rings: dict[str, Ring] = {}

    def follow(self, guests: Iterable[domain.Domain], complete: bool) -> None:
        """Listen to those that run; if they are all, forget the others."""
        named = set()
        for guest in guests:
            named.add(guest.id)
            port = self._port(guest)
            if guest.active and port is not None and port.alias is not None:
                self._listen(guest.id, port.alias)
        if complete:
            with self._lock:
                for server_id in set(self._rings) - named:
                    del self._rings[server_id]

    def tail(self, server_id: str, max_bytes: int) -> bytes | None:
        """What is kept of a guest; None: nothing is."""
        with self._lock:
            ring = self._rings.get(server_id)
        return None if ring is None else ring.tail(max_bytes)

    def _port(self, guest: domain.Domain) -> domain.Serial | None:
        for port in guest.serials:
            if port.number == self._number:
                return port if port.type is domain.SerialType.PTY else None
        return None

    def _listen(self, server_id: str, alias: str) -> None:
        with self._lock:
            ring = self._rings.get(server_id)
            if ring is not None and not ring.ended:
                return
            # The end of the last run is worth keeping.
            ring = ring or Ring()
            ring.ended = False
            self._rings[server_id] = ring
        try:
            self._ports.attach(server_id, alias, ring)
        except OSError as exc:
            ring.end()
            LOG.warning('The log of %s is not kept: %s', server_id, exc)
