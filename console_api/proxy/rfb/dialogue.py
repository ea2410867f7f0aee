# SPDX-License-Identifier: Apache-2.0
"""Runs one side of an RFB handshake over bytes that come in any pieces."""

from collections.abc import Generator
import enum
from typing import TypeAlias


class Turn(enum.Enum):
    """What a step may ask of the connection itself."""

    START_TLS = 'all that follows is within TLS'


#: One step of a handshake: an int asks for that many bytes, at least one,
#: which are the value of the ``yield``; bytes are one message to send.
Step: TypeAlias = int | bytes | Turn
Steps: TypeAlias = Generator[Step, bytes, None]

#: A reason string longer than this is not read, in bytes.
MAX_REASON = 1024


class Fault(enum.Enum):
    """Why a handshake failed."""

    VERSION = 'the protocol version is not supported'
    TYPE = 'no security type that is offered is accepted'
    REFUSED = 'the server refused the connection'
    FAILED = 'the security handshake failed'
    LENGTH = 'a length is out of bounds'


class HandshakeError(Exception):
    """Ends the steps; ``detail`` is the peer's word for it, not trusted."""

    def __init__(self, fault: Fault, detail: str = '') -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.detail = detail

    @property
    def words(self) -> str:
        """The fault and the detail, for the log."""
        text = self.fault.value
        return f'{text}: {self.detail}' if self.detail else text


class Dialogue:
    """The state of one handshake.

    Bad input never raises: look at ``error`` after each call. No step asks
    for more than ``MAX_REASON`` bytes, so little is kept. While ``wants_tls``
    nothing is fed: once TLS is up, go on with ``secured``.
    """

    __slots__ = ('_data', '_need', '_steps', 'done', 'error', 'wants_tls')

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._data = bytearray()
        self._need = 0
        self.error: HandshakeError | None = None
        self.done = False
        self.wants_tls = False

    @property
    def leftover(self) -> bytes:
        """What came behind the last byte of the handshake."""
        return bytes(self._data)

    def begin(self) -> list[bytes]:
        """The messages to send before anything has come; called once."""
        return self._run(None)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages to send in answer to these bytes."""
        self._data += data
        if self.done or len(self._data) < self._need:
            return []
        return self._run(self._take())

    def secured(self) -> list[bytes]:
        """The messages to send once TLS is up."""
        self.wants_tls = False
        return self._run(None)

    def _start_tls(self) -> None:
        # A server has nothing to say before TLS begins. Whoever put bytes
        # there wants them to be taken for protected ones.
        if self._data:
            raise HandshakeError(Fault.FAILED, 'there are bytes before TLS')
        self.wants_tls = True

    def _take(self) -> bytes:
        taken = bytes(self._data[: self._need])
        del self._data[: self._need]
        return taken

    def _run(self, value: bytes | None) -> list[bytes]:
        messages: list[bytes] = []
        try:
            while True:
                # A generator is started by None, which send() is not typed
                # for.
                step = (
                    next(self._steps)
                    if value is None
                    else self._steps.send(value)
                )
                if isinstance(step, bytes):
                    messages.append(step)
                    value = None
                    continue
                if isinstance(step, Turn):
                    self._start_tls()
                    break
                self._need = step
                if len(self._data) < step:
                    break
                value = self._take()
        except StopIteration:
            self.done = True
        except HandshakeError as exc:
            self.done = True
            self.error = exc
        return messages
