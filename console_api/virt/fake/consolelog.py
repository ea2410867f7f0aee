# SPDX-License-Identifier: Apache-2.0
"""What a simulated server wrote to its console."""

import threading

#: So many bytes are kept, at least; no caller asks for more than 100 KiB.
_CAPACITY = 128 * 1024


class ConsoleLog:
    """The end of a server's console log; any thread may write and read it."""

    def __init__(self, start: bytes, capacity: int = _CAPACITY) -> None:
        """Begin with ``start``, all of which is kept for a while."""
        self._capacity = max(capacity, len(start))
        self._data = bytearray(start)
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Add to the end; what is too much is lost at the start."""
        with self._lock:
            self._data += data
            del self._data[: -self._capacity]

    def tail(self, max_bytes: int) -> bytes:
        """The last bytes, or all that there are."""
        if max_bytes <= 0:
            return b''
        with self._lock:
            return bytes(self._data[-max_bytes:])
