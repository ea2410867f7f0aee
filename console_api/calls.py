# SPDX-License-Identifier: Apache-2.0
"""Calls over the message bus: each ends in time, and none asks too much."""

from collections.abc import Callable
from concurrent import futures
import functools
import math
import queue
import threading
import time
from typing import Any
from typing import Protocol
from typing import TypeVar

import kombu.exceptions
import oslo_messaging

from console_api import exception

#: A call's own timeout says more than the one around it, in seconds.
_GRACE = 1.0
#: How long a server that knows no newer version is not asked for it, in
#: seconds.
_REFUSAL = 60.0
#: oslo.messaging has as many connections: where so many calls hang, the next
#: one would wait for a connection of theirs.
_MOST_HANGING = 30
#: A thread with nothing to do for so many seconds ends.
_IDLE = 60.0

#: A call that takes longer is a reason to ask after the bus, and so often is
#: looked what came of that, in seconds.
_SUSPICIOUS = 3.0
_LOOK = 0.25

_AWAY = 'the bus is away'

_T = TypeVar('_T')

#: What oslo.messaging raises where its connections are broken, besides its own
#: errors: the last of them where a pool holds one that was closed.
_BROKEN = (
    kombu.exceptions.OperationalError,
    kombu.exceptions.ConnectionError,
    kombu.exceptions.ChannelError,
    ConnectionError,
    AttributeError,
)


class Watch(Protocol):
    """Who knows whether the bus takes messages."""

    #: It takes none.
    away: bool

    def suspect(self, failed: bool) -> None:
        """A call takes long, or has ``failed`` for what the bus did."""

    def answered(self) -> None:
        """A call was answered."""


class _Trust:
    """What is watched where there is no watch."""

    away = False

    def suspect(self, failed: bool) -> None:
        """See :class:`Watch`."""

    def answered(self) -> None:
        """See :class:`Watch`."""


class Calls:
    """Keeps the calls of a client within their deadlines.

    The timeout of oslo.messaging is for the answer. Until a call is sent it
    opens connections, declares queues and closes channels, and each of these
    waits for a bus that says nothing: some seconds, the first one without an
    end. So the calls are made in threads, and one that takes too long is left
    alone there.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch or _Trust()
        self._lock = threading.Lock()
        self._idle: list[_Thread] = []
        self._left: list[futures.Future[Any]] = []

    def run(self, call: Callable[[], _T], timeout: float) -> _T:
        """What ``call`` returns or raises, within ``timeout`` and a second.

        Within some seconds where the bus is known to take no messages.

        :raises MessagingTimeout: there was no answer within ``timeout``
        :raises MessageDeliveryFailure: the bus is away or went away, or knows
            nobody who could answer
        """
        if self._watch.away or self._hanging() >= _MOST_HANGING:
            self._watch.suspect(False)
            raise oslo_messaging.MessageDeliveryFailure(_AWAY)
        answer: futures.Future[_T] = futures.Future()
        self._free().give(lambda: _make(call, answer))
        try:
            result = self._result(answer, timeout + _GRACE)
        except oslo_messaging.MessageUndeliverable as exc:
            # The bus is well; whoever is called is not there.
            raise oslo_messaging.MessageDeliveryFailure(str(exc)) from exc
        except oslo_messaging.MessageDeliveryFailure:
            self._watch.suspect(True)
            raise
        except _BROKEN as exc:
            self._watch.suspect(True)
            raise oslo_messaging.MessageDeliveryFailure(str(exc)) from exc
        self._watch.answered()
        return result

    def _result(self, answer: 'futures.Future[_T]', timeout: float) -> _T:
        end = time.monotonic() + timeout
        pause = min(_SUSPICIOUS, timeout)
        while not futures.wait([answer], pause).done:
            left = end - time.monotonic()
            if self._watch.away:
                self._leave(answer)
                # Whoever was called is not to blame for the silence.
                raise oslo_messaging.MessageDeliveryFailure(_AWAY)
            if left <= 0:
                self._leave(answer)
                self._watch.suspect(True)
                raise oslo_messaging.MessagingTimeout(_AWAY)
            self._watch.suspect(False)
            pause = min(_LOOK, left)
        return answer.result()

    def _leave(self, answer: 'futures.Future[Any]') -> None:
        with self._lock:
            self._left.append(answer)

    def _hanging(self) -> int:
        with self._lock:
            self._left = [one for one in self._left if not one.done()]
            return len(self._left)

    def _free(self) -> '_Thread':
        with self._lock:
            while self._idle:
                thread = self._idle.pop()
                if thread.is_alive():
                    return thread
        thread = _Thread(self._lock, self._idle)
        thread.start()
        return thread


#: Does something; what is returned tells the one who waits for it.
_Work = Callable[[], Callable[[], None]]


class _Thread(threading.Thread):
    """Makes calls, and is among the ``idle`` ones in between."""

    def __init__(self, lock: threading.Lock, idle: 'list[_Thread]') -> None:
        # The end of the process does not wait for it.
        super().__init__(name='bus', daemon=True)
        self._lock = lock
        self._idle = idle
        self._given: queue.SimpleQueue[_Work] = queue.SimpleQueue()

    def give(self, work: '_Work') -> None:
        """Have the work done: by who started it or took it from ``idle``."""
        self._given.put(work)

    def run(self) -> None:
        """Work until there is nothing to do for a while."""
        while self._work() or not self._leave():
            pass

    def _work(self) -> bool:
        try:
            work = self._given.get(timeout=_IDLE)
        except queue.Empty:
            return False
        tell = work()
        # First, so that who is told finds this thread for the next call.
        with self._lock:
            self._idle.append(self)
        tell()
        return True

    def _leave(self) -> bool:
        with self._lock:
            if self not in self._idle:
                # Somebody has taken it from there and is about to give.
                return False
            self._idle.remove(self)
            return True


def _make(
    call: Callable[[], _T], answer: 'futures.Future[_T]'
) -> Callable[[], None]:
    """Make the call; what is returned tells the one who waits."""
    try:
        result = call()
    except BaseException as exc:  # noqa: BLE001 - the waiting thread's
        return functools.partial(answer.set_exception, exc)
    return functools.partial(answer.set_result, result)


class Patience:
    """How long a call waits for a sign of life of the server at work on it.

    The server gives one every half of that time, ``first`` seconds at first.
    There is none from a server that died, and none yet for a call that waits
    behind others. So each call that ends in silence doubles the time for its
    method, up to ``longest``, and an answer sets it back.

    A call is watched if a server has answered one of that version or a later
    one. One that knows the version not would give signs of life of the call
    that it has refused for as long as its client lives.
    """

    def __init__(self, first: int, longest: int) -> None:
        self._first = first
        self._longest = longest
        self._seconds: dict[str, int] = {}
        self._known: tuple[int, ...] = ()

    def seconds(self, method: str, version: str) -> int | None:
        """For a call of this version; None: it is not watched."""
        if _numbers(version) > self._known:
            return None
        return self._seconds.get(method, self._first)

    def answered(self, method: str, version: str) -> None:
        """A call was answered."""
        self._seconds.pop(method, None)
        self._known = max(self._known, _numbers(version))

    def failed(
        self, method: str, exc: oslo_messaging.MessagingException
    ) -> None:
        """A call ended with this."""
        if isinstance(exc, oslo_messaging.MessagingTimeout):
            doubled = 2 * self._seconds.get(method, self._first)
            self._seconds[method] = min(doubled, self._longest)
        elif is_refusal(exc):
            self._known = ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split('.'))


def is_refusal(exc: oslo_messaging.MessagingException) -> bool:
    """Whether the server does not know the version that it was asked for."""
    # By its own name it comes over the in-process bus only.
    return (
        isinstance(exc, oslo_messaging.UnsupportedVersion)
        or getattr(exc, 'exc_type', None) == 'UnsupportedVersion'
    )


class Refusals:
    """Who has lately refused a version; forgotten after a minute.

    By then it may have been upgraded.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def add(self, server: str) -> None:
        """This one has just refused."""
        now = self._clock()
        with self._lock:
            self._until = {s: t for s, t in self._until.items() if t > now}
            self._until[server] = now + _REFUSAL

    def __contains__(self, server: str) -> bool:
        return self._until.get(server, -math.inf) > self._clock()


def reason(exc: Exception) -> str:
    """What an error of a call says, without the other side's traceback."""
    if isinstance(exc, exception.DomainError):
        # oslo.messaging has appended the traceback to its text.
        return exc.public_message
    return str(getattr(exc, 'value', exc))
