# SPDX-License-Identifier: Apache-2.0
"""The one buffer into which an event loop reads from all its sockets."""

from console_api.proxy.ws import frames

#: Bytes of one read. 64 KiB costs a third more CPU on bulk data.
READ_SIZE = 256 * 1024
#: Bytes of one read before a session carries data.
SMALL_READ = 16 * 1024


class ReadBuffer:
    """Memory that is valid within one ``buffer_updated`` call only.

    There is room in front of the payload for a frame's header, so that what
    was read becomes a frame where it lies.
    """

    __slots__ = ('frame', 'payload', 'small')

    def __init__(self, size: int = READ_SIZE) -> None:
        self.frame = memoryview(bytearray(frames.HEADER_ROOM + size))
        self.payload = self.frame[frames.HEADER_ROOM :]
        self.small = self.payload[:SMALL_READ]
