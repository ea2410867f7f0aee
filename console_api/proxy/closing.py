# SPDX-License-Identifier: Apache-2.0
"""How sessions end: the reasons, and the way out for both connections."""

import asyncio
from collections.abc import Callable
import dataclasses

from console_api.proxy import readbuffer
from console_api.proxy import wire
from console_api.proxy.ws import frames
from console_api.proxy.ws import receiver

#: How long the peers may take to end their connections, in seconds.
CLOSE_TIMEOUT = 3.0
#: How often it is looked whether a guest's host has taken all, in seconds.
_LOOK = 0.02


@dataclasses.dataclass(frozen=True)
class Ending:
    """Why a session ends: the close code for the page, and words.

    Without a code nobody is left to be told. ``status`` answers a client that
    has not been upgraded.
    """

    code: int | None
    text: str
    status: int = 500


NORMAL = Ending(frames.CloseCode.NORMAL, 'the console was closed')
CLIENT_GONE = Ending(None, 'the client went away')
GOING_AWAY = Ending(
    frames.CloseCode.GOING_AWAY, 'the proxy is going down', 503
)
INTERNAL = Ending(frames.CloseCode.INTERNAL_ERROR, 'the proxy failed')
CLIENT_FAULT = Ending(
    frames.CloseCode.PROTOCOL_ERROR, 'the client broke the console protocol'
)
BAD_TOKEN = Ending(4001, 'the token is unknown, expired, revoked or used', 403)
NO_ANSWER = Ending(4002, 'the compute host did not answer', 503)
UNREACHABLE = Ending(4003, 'the console could not be reached')
NOT_SECURED = Ending(
    4004, 'the security negotiation with the hypervisor failed'
)
GUEST_GONE = Ending(4005, 'the guest closed the connection')
IN_USE = Ending(4008, 'the console is in use', 409)
TAKEN_OVER = Ending(4009, 'another session took over')
IDLE = Ending(4006, 'the console was not used for too long')
TIME_OVER = Ending(4007, 'the time of the session is over')
TOO_SLOW = Ending(4010, 'the handshake took too long')
VIEW_ONLY = Ending(4011, 'the console is view-only')
#: Unlike no answer: the same will do a little later.
BUSY = Ending(4012, 'too many connect at once: try again', 503)
CLIENT_FULL = Ending(4013, 'too many sessions come from this address', 503)
SERVER_FULL = Ending(4014, 'there are too many sessions at this server', 503)
#: Told before any work is done, and so never over a WebSocket.
FULL = Ending(None, 'the limit of sessions is reached', 503)
#: A wrong Origin is never upgraded, so that no code is sent.
BAD_ORIGIN = Ending(None, 'the Origin is not allowed', 403)


class EndedError(Exception):
    """Ends the steps of a session; ``detail`` is for the log alone."""

    def __init__(self, ending: Ending, detail: str = '') -> None:
        super().__init__(ending.text)
        self.ending = ending
        self.detail = detail


def beyond_viewing(text: str) -> frames.Violation:
    """The fault of a viewer who sent what cannot be told from input."""
    assert VIEW_ONLY.code is not None
    return frames.Violation(VIEW_ONLY.code, text)


def of_violation(violation: frames.Violation) -> EndedError:
    """The end of a session whose client broke the rules that it is under."""
    if violation.code == VIEW_ONLY.code:
        return EndedError(VIEW_ONLY, violation.text)
    return EndedError(
        Ending(violation.code, 'the client broke the WebSocket protocol'),
        violation.text,
    )


class Farewell(asyncio.BufferedProtocol):
    """Waits for the end of a connection; what still comes is dropped.

    A WebSocket that has not said Close is given the time for it. Anything
    else that still sends is read to its end after ours was sent: to close
    with unread data would reset the connection and lose our last words.
    """

    def __init__(
        self,
        peer: wire.Wire,
        buffer: readbuffer.ReadBuffer,
        reader: receiver.Receiver | None = None,
    ) -> None:
        self._wire = peer
        self._buffer = buffer
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.done: asyncio.Future[None] = self._loop.create_future()
        peer.transport.set_protocol(self)

    def leave(self) -> None:
        """Send what is queued, then close."""
        self._wire.transport.close()

    def leave_once_taken(self) -> None:
        """Close when the peer's host has all that was sent.

        Until then a reset can overtake it, if it is never taken.
        """
        self._timer = None
        if self._wire.blocked or self._wire.queued():
            self._timer = self._loop.call_later(_LOOK, self.leave_once_taken)
        else:
            self.leave()

    def linger(self) -> None:
        """Send what is queued and the end, then read until the peer's end."""
        if self._wire.ended:
            self.leave()
            return
        self._wire.resume()
        if not self._awaits_close() and not self._wire.transport.is_closing():
            try:
                self._wire.transport.write_eof()
            except OSError:
                # asyncio shuts down at once; the peer has reset just now.
                self._wire.transport.abort()

    def _awaits_close(self) -> bool:
        # One who makes so much work that some of it is left is not waited
        # for.
        reader = self._reader
        return reader is not None and not (reader.ended or reader.rest)

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio."""
        del sizehint
        return self._buffer.payload

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        if self._reader is None or not self._awaits_close():
            return
        self._reader.receive(self._buffer.payload[:nbytes])
        if not self._awaits_close():
            self._wire.transport.close()

    def eof_received(self) -> None:
        """See asyncio; the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        del exc
        self._wire.ended = self._wire.lost = True
        if self._timer is not None:
            self._timer.cancel()
        if not self.done.done():
            self.done.set_result(None)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._wire.blocked = True

    def resume_writing(self) -> None:
        """See asyncio."""
        self._wire.blocked = False


async def part(
    client: wire.Wire,
    target: wire.Wire | None,
    buffer: readbuffer.ReadBuffer,
    reader: receiver.Receiver | None = None,
    freed: Callable[[], None] | None = None,
) -> None:
    """End both connections: gently, and after CLOSE_TIMEOUT by force.

    What is queued still goes out if the peer takes it in time. ``reader`` is
    given where the client was sent a Close frame and may answer it. ``freed``
    is called as soon as the target is closed, whatever the client does.
    """
    waits = []
    if freed is not None and (target is None or target.lost):
        freed()
    if not client.lost:
        farewell = Farewell(client, buffer, reader)
        waits.append(farewell.done)
        if reader is not None and reader.close is not None:
            farewell.leave()
        else:
            farewell.linger()
    if target is not None and not target.lost:
        farewell = Farewell(target, buffer)
        waits.append(farewell.done)
        if freed is not None:
            farewell.done.add_done_callback(lambda _: freed())
        target.pause()
        farewell.leave_once_taken()
    try:
        if waits:
            await asyncio.wait(waits, timeout=CLOSE_TIMEOUT)
    finally:
        if not client.lost:
            client.transport.abort()
        if target is not None and not target.lost:
            # Or one that reads nothing would keep its console from others.
            target.reset()
    if waits:
        await asyncio.wait(waits)


#: What metrics, logs and notifications call an ending; they are an interface.
_NAMES = {
    ending: name.lower()
    for name, ending in tuple(globals().items())
    if isinstance(ending, Ending)
}


def name_of(ending: Ending) -> str:
    """One of a bounded set of names, which no peer has a say in."""
    return _NAMES.get(ending, 'client_fault')


def names() -> list[str]:
    """Every name that ``name_of`` may return."""
    return sorted(_NAMES.values())
