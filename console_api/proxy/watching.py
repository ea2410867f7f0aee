# SPDX-License-Identifier: Apache-2.0
"""The receiving half of a session whose client's messages are looked at.

The others read their clients by a receiver that looks at nothing, so this
costs them nothing.
"""

from typing import Protocol

from console_api.proxy import usage
from console_api.proxy.rfb import client_messages as rfb_messages
from console_api.proxy.spice import client_messages as spice_messages
from console_api.proxy.ws import receiver

#: Bytes that are looked at in one go, and so the most messages, of 4 bytes.
_PIECE = 2048
#: A call that has found so many short messages or frames leaves the rest.
_ENOUGH = 256


class Watcher(receiver.Receiver):
    """Gives the payload as it comes until ``watch``, then what is let pass."""

    __slots__ = ('_watches',)

    def __init__(self) -> None:
        super().__init__()
        self._watches = False

    def watch(self, early: bytes) -> bytes:
        """From here on look at it; returns what passes of ``early``."""
        self._watches = True
        return b''.join(self._look([early])) if early else b''

    def receive(self, data: memoryview) -> list[bytes]:
        """As a receiver does, less what is kept back.

        Messages make as much work as frames do, and one frame may be full of
        them.
        """
        if not self._watches:
            return super().receive(data)
        passed: list[bytes] = []
        while data:
            chunks = super().receive(data[:_PIECE])
            data = data[_PIECE:]
            if chunks:
                before = self._messages()
                passed += self._look(chunks)
                found = self._messages() - before
                if found > receiver.FEW:
                    self.crowd += found
            if self.ended:
                break
            if self.crowd >= _ENOUGH:
                # A piece is too short for some of it to be left.
                self.rest = bytes(data)
                break
        return passed

    def _look(self, chunks: list[bytes]) -> list[bytes]:
        """What passes of this payload."""
        raise NotImplementedError

    def _messages(self) -> int:
        """How many messages there have been."""
        raise NotImplementedError


class Signs(Protocol):
    """Tells what a user does from what a client does by itself."""

    @property
    def count(self) -> int:
        """How many messages have begun."""
        ...

    def feed(self, data: bytes) -> bool:
        """Whether there is input in these bytes."""
        ...


class AnySign:
    """Takes any byte for input: nobody but the user types at a line."""

    #: There are no messages.
    count = 0

    def feed(self, data: bytes) -> bool:
        """Whether there is any."""
        return bool(data)


class Observer(Watcher):
    """Lets everything pass, and notes when the session is used."""

    __slots__ = ('_signs', '_use')

    def __init__(self, signs: Signs, use: usage.Use) -> None:
        super().__init__()
        self._signs = signs
        self._use = use

    def _look(self, chunks: list[bytes]) -> list[bytes]:
        used = False
        for chunk in chunks:
            used = self._signs.feed(chunk) or used
        if used:
            self._use.mark()
        return chunks

    def _messages(self) -> int:
        return self._signs.count


def observer(protocol: str, use: usage.Use) -> Observer:
    """The reader of a session whose use is noted."""
    if protocol == 'vnc':
        return Observer(rfb_messages.Input(), use)
    if protocol == 'spice':
        return Observer(spice_messages.Input(), use)
    return Observer(AnySign(), use)
