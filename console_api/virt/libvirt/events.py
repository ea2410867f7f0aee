# SPDX-License-Identifier: Apache-2.0
"""Follows libvirt's events, over connections that come and go."""

from collections.abc import Callable
import contextlib
import queue
import time
from typing import Any

from oslo_log import log as logging

from console_api import threads
from console_api.virt import driver
from console_api.virt.libvirt import connection

LOG = logging.getLogger(__name__)

#: How often the connection is looked at, in seconds, and the first wait
#: after it could not be opened; that doubles up to the former.
_INTERVAL = 30.0
_FIRST_RETRY = 0.5

#: Of libvirt's virDomainEventType, whose numbers are part of its ABI. It
#: comes for every way that a run can end, migration to another host too.
_STOPPED = 5


class Events:
    """Tells ``watcher`` of changes, in a thread of its own.

    ``lost`` is called there for each connection that was lost.
    """

    def __init__(
        self,
        libvirt: connection.Connection,
        watcher: driver.Watcher,
        lost: Callable[[], None],
    ) -> None:
        self._libvirt = libvirt
        self._watcher = watcher
        self._lost = lost
        # libvirt's own thread, which calls with the events, must not wait.
        self._tasks: queue.SimpleQueue[Callable[[], None]] = (
            queue.SimpleQueue()
        )
        self._stopped = False
        self._attached: Any = None
        self._callbacks: list[int] = []
        self._retry = _FIRST_RETRY
        self._due = 0.0
        self._thread = threads.Supervised('libvirt-watch', self._run)

    def start(self) -> None:
        """Follow the events; the connection is opened now and ever after."""
        self._libvirt.follow(self._attach, self._detach)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; does not wait for a libvirtd that hangs."""
        self._stopped = True
        self._tasks.put(lambda: None)

    def _run(self) -> None:
        while not self._stopped:
            if time.monotonic() >= self._due:
                self._connect()
            try:
                left = self._due - time.monotonic()
                task = self._tasks.get(timeout=max(0.0, left))
            except queue.Empty:
                continue
            try:
                task()
            except Exception:
                LOG.exception('An event of libvirt could not be followed')

    def _connect(self) -> None:
        try:
            self._libvirt.run(self._attach)
        except (
            connection.Unavailable,
            connection.libvirt.libvirtError,
        ) as exc:
            LOG.warning(
                'No events of libvirt, the next try is in %.1f s: %s',
                self._retry,
                connection.message(exc),
            )
            self._due = time.monotonic() + self._retry
            self._retry = min(self._retry * 2, _INTERVAL)
        else:
            self._due = time.monotonic() + _INTERVAL
            self._retry = _FIRST_RETRY

    def _attach(self, conn: Any) -> None:
        """Ask a new connection for its events; an old one has them."""
        if self._attached is conn:
            return
        virt = connection.libvirt
        with contextlib.suppress(virt.libvirtError):
            conn.registerCloseCallback(self._closed, None)
        for event, callback in (
            (virt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
            (virt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, self._device_added),
            (virt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._device_removed),
            (virt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self._metadata),
        ):
            # Not every hypervisor has every event.
            with contextlib.suppress(virt.libvirtError):
                self._callbacks.append(
                    conn.domainEventRegisterAny(None, event, callback, None)
                )
        self._attached = conn
        # Nobody told of what happened before.
        self._tasks.put(lambda: self._watcher(None))

    def _detach(self, conn: Any) -> None:
        """Take back what was asked for; the connection may be dead."""
        if self._attached is not conn:
            return
        self._attached = None
        callbacks, self._callbacks = self._callbacks, []
        for number in callbacks:
            with contextlib.suppress(connection.libvirt.libvirtError):
                conn.domainEventDeregisterAny(number)
        with contextlib.suppress(connection.libvirt.libvirtError):
            conn.unregisterCloseCallback()

    def _closed(self, conn: Any, reason: int, opaque: object) -> None:
        del conn, opaque
        LOG.info('The connection to libvirt was closed: reason %d', reason)
        self._tasks.put(self._reconnect)

    def _reconnect(self) -> None:
        self._lost()
        self._due = 0.0

    def _lifecycle(
        self, conn: Any, handle: Any, event: int, detail: int, opaque: object
    ) -> None:
        del conn, detail, opaque
        self._tell(handle, event == _STOPPED)

    def _device_added(
        self, conn: Any, handle: Any, alias: str, opaque: object
    ) -> None:
        del conn, alias, opaque
        self._tell(handle)

    def _device_removed(
        self, conn: Any, handle: Any, alias: str, opaque: object
    ) -> None:
        del conn, opaque
        # Whoever has a token of a port that is gone must not get the next.
        self._tell(handle, alias.startswith(('serial', 'graphics')))

    def _metadata(self, conn: Any, handle: Any, *rest: object) -> None:
        del conn, rest
        self._tell(handle)

    def _tell(self, handle: Any, ended: bool = False) -> None:
        change = driver.Change(handle.UUIDString(), ended)
        self._tasks.put(lambda: self._watcher(change))
