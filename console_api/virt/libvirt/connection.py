# SPDX-License-Identifier: Apache-2.0
"""Calls of libvirt with a deadline, over a connection that comes back.

A call of libvirt blocks for as long as libvirtd likes. Each one runs in a
thread of its own; the caller waits until the deadline and no longer. The
number of threads is bounded, in all and for each domain: while all of them
hang, further calls fail without starting another, and soon.
"""

from collections.abc import Callable
from concurrent import futures
import contextlib
import functools
import importlib
import threading
import time
from typing import Any
from typing import TypeVar

from oslo_log import log as logging

from console_api import bulkhead
from console_api import exception
from console_api import threads

LOG = logging.getLogger(__name__)


def _binding() -> Any:
    try:
        return importlib.import_module('libvirt')
    except ImportError:
        return None


#: libvirt-python; None where the extra "libvirt" is not installed.
libvirt: Any = _binding()

T = TypeVar('T')

#: Calls that may run, or hang, at once, and how many of one domain.
MAX_CALLS = 16
MAX_CALLS_OF_ONE = 2
#: The part of a call's time for which it may wait for others to end.
_SHARE = 0.25
#: A libvirtd that is silent for their product, in seconds, is given up, and
#: the calls that wait for it end.
KEEPALIVE_INTERVAL = 5
KEEPALIVE_COUNT = 5

_LOOP_LOCK = threading.Lock()


class Unavailable(exception.DomainError):
    """libvirt cannot be reached or did not answer: its URI, what happened."""

    status = 503
    template = 'libvirt at {0} did not answer: {1}'


class Connection:
    """One connection, opened when first needed and again when it broke.

    ``timeout`` is in seconds and covers all of one :meth:`run`. May be used
    from several threads.
    """

    def __init__(
        self, uri: str, timeout: float, max_calls: int = MAX_CALLS
    ) -> None:
        self._uri = uri
        self._timeout = timeout
        patience = timeout * _SHARE
        self._all = bulkhead.ThreadBulkheads(
            bulkhead.Limits(max_calls, patience, 0, patience)
        )
        self._each = bulkhead.ThreadBulkheads(
            bulkhead.Limits(MAX_CALLS_OF_ONE, patience, 0, patience)
        )
        self._opening = threading.Lock()
        self._handle: Any = None
        self._closed = False
        self._on_open: Callable[[Any], None] = _nothing
        self._on_close: Callable[[Any], None] = _nothing

    def follow(
        self, opened: Callable[[Any], None], closing: Callable[[Any], None]
    ) -> None:
        """Call these with each ``virConnect`` from now on.

        ``closing`` takes back what ``opened`` has registered: libvirt keeps
        a connection as long as a callback is registered with it.
        """
        self._on_open, self._on_close = opened, closing

    def run(self, work: Callable[[Any], T], about: str | None = None) -> T:
        """What ``work`` returns for an open ``virConnect``.

        ``work`` must be fit to be called twice: it is called again when the
        connection breaks under it. It may go on after the deadline. ``about``
        is the id of a domain, or another name for what may hang by itself:
        two calls about it run at once.

        :raises Unavailable: libvirt is not there, the deadline has passed, or
            too many calls hang
        :raises libvirt.libvirtError: libvirt answered with an error
        """
        deadline = time.monotonic() + self._timeout
        future: futures.Future[T] = futures.Future()
        with contextlib.ExitStack() as stack:
            self._take_turns(stack, about)
            turns = stack.pop_all()
        try:
            # A daemon: a call that hangs must not keep the process alive.
            threading.Thread(
                target=self._call,
                args=(work, future, turns),
                name='libvirt-call',
                daemon=True,
            ).start()
        except RuntimeError as exc:
            turns.close()
            raise self._unavailable('no thread could be started') from exc
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except futures.TimeoutError as exc:
            raise self._unavailable(f'{self._timeout} s have passed') from exc

    def _take_turns(
        self, stack: contextlib.ExitStack, about: str | None
    ) -> None:
        """Have turns, which end with the stack."""
        try:
            if about is not None:
                stack.callback(self._each.end, self._each.begin(about))
            stack.callback(self._all.end, self._all.begin(None))
        except bulkhead.RefusedError as exc:
            raise self._unavailable('too many calls hang') from exc

    def close(self) -> None:
        """Close the connection; calls that still run end with an error.

        Does not wait for a libvirtd that hangs.
        """
        self._closed = True
        handle, self._handle = self._handle, None
        if handle is not None:
            closer = threading.Thread(
                target=self._release, args=(handle,), daemon=True
            )
            closer.start()
            closer.join(self._timeout)

    def _call(
        self,
        work: Callable[[Any], T],
        future: 'futures.Future[T]',
        turns: contextlib.ExitStack,
    ) -> None:
        # Before the caller is told, whose next call is to find a turn.
        with turns:
            try:
                tell = functools.partial(
                    future.set_result, self._attempt(work)
                )
            except BaseException as exc:  # noqa: BLE001 - the caller gets it
                tell = functools.partial(future.set_exception, exc)
        tell()

    def _attempt(self, work: Callable[[Any], T]) -> T:
        handle = self._connected()
        try:
            return work(handle)
        except libvirt.libvirtError as exc:
            if _is_alive(handle):
                raise
            LOG.info('The connection to %s broke: %s', self._uri, exc)
        handle = self._connected()
        try:
            return work(handle)
        except libvirt.libvirtError as exc:
            if _is_alive(handle):
                raise
            raise self._unavailable(message(exc)) from exc

    def _connected(self) -> Any:
        """The open connection; a new one if the last has broken."""
        with self._opening:
            if self._handle is not None and _is_alive(self._handle):
                return self._handle
            if self._handle is not None:
                self._release(self._handle)
                self._handle = None
            handle = self._open()
            if self._closed:
                _close(handle)
                raise self._unavailable('the driver is closed')
            self._handle = handle
            self._on_open(handle)
            return handle

    def _release(self, handle: Any) -> None:
        self._on_close(handle)
        _close(handle)

    def _open(self) -> Any:
        _prepare_process()
        try:
            handle = libvirt.open(self._uri)
        except libvirt.libvirtError as exc:
            raise self._unavailable(message(exc)) from exc
        try:
            handle.setKeepAlive(KEEPALIVE_INTERVAL, KEEPALIVE_COUNT)
        except libvirt.libvirtError as exc:
            # A driver without a daemon has nobody to ask.
            LOG.debug('No keepalive for %s: %s', self._uri, exc)
        LOG.info('Connected to %s', self._uri)
        return handle

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(self._uri, reason)


def _prepare_process() -> None:
    with _LOOP_LOCK:
        _start_event_loop()


@functools.cache
def _start_event_loop() -> None:
    """What libvirt wants once per process, before the first connection.

    Without an event loop it neither sends keepalives nor notices that the
    daemon has gone.
    """
    # libvirt prints every error to stderr by default; it also raises it.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threads.Supervised('libvirt-events', _run_event_loop).start()


def _run_event_loop() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError as exc:
            LOG.warning("libvirt's event loop failed: %s", exc)
            time.sleep(1)


def _is_alive(handle: Any) -> bool:
    """Whether the connection stands; asks nobody, so it cannot hang."""
    try:
        return bool(handle.isAlive())
    except libvirt.libvirtError:
        return False


def _nothing(handle: Any) -> None:
    """What is called where nobody follows the connections."""


def _close(handle: Any) -> None:
    try:
        handle.close()
    except libvirt.libvirtError as exc:
        LOG.debug('Closing failed: %s', exc)


def message(exc: Exception) -> str:
    """What libvirt says about its error, on one line."""
    return ' '.join(str(exc).split())
