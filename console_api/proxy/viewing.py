# SPDX-License-Identifier: Apache-2.0
"""The receiving half of a session that may see and change nothing."""

from typing import Protocol

from console_api.proxy import closing
from console_api.proxy import watching
from console_api.proxy.rfb import client_messages


class Sieve(Protocol):
    """Keeps back what a viewer may not send."""

    fault: str

    @property
    def count(self) -> int:
        """How many messages have begun."""
        ...

    def feed(self, data: bytes) -> bytes:
        """What passes; ``fault`` is set where the session must end."""
        ...


class Silence:
    """Lets nothing pass: whatever is typed at a serial line is input."""

    #: There are no messages.
    count = 0
    fault = ''

    def feed(self, data: bytes) -> bytes:
        """Nothing of it."""
        del data
        return b''


class Viewer(watching.Watcher):
    """Keeps input back."""

    __slots__ = ('_sieve',)

    def __init__(self, sieve: Sieve) -> None:
        super().__init__()
        self._sieve = sieve

    def _look(self, chunks: list[bytes]) -> list[bytes]:
        passed = self._sieve.feed(b''.join(chunks))
        if self._sieve.fault and self.violation is None:
            self.violation = closing.beyond_viewing(self._sieve.fault)
        return [passed] if passed else []

    def _messages(self) -> int:
        return self._sieve.count


def viewer(protocol: str) -> Viewer:
    """The reader of a view-only session.

    :raises EndedError: there is no way to tell input of this protocol
    """
    if protocol == 'vnc':
        return Viewer(client_messages.Sieve())
    if protocol == 'serial':
        return Viewer(Silence())
    raise closing.EndedError(
        closing.INTERNAL, f'{protocol} cannot be view-only'
    )
