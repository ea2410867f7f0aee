# SPDX-License-Identifier: Apache-2.0
"""Clients of the message bus that get over whatever has happened to it."""

from collections.abc import Callable
import threading
import time
from typing import Any

from oslo_log import log as logging
import oslo_messaging

from console_api import busprobe
from console_api import rpc
from console_api import threads

LOG = logging.getLogger(__name__)

#: What a probe may take, and the pause before the next one, in seconds.
_DEADLINE = 3.0
_PAUSE = 1.0
#: For so many seconds a call that takes long is no reason to ask again.
_KNOWN = 2.0
#: A transport is not replaced more often than this, in seconds. Where a new
#: one is no better the time doubles, up to the second figure.
_FIRST_REST = 2.0
_LONGEST_REST = 300.0
#: By then no call is under way any more on a transport that was replaced.
_LEFT = 90.0


class BusWatch:
    """Knows whether the bus takes messages, once somebody has a suspicion.

    A thread then asks with ``probe`` until it does. A call that has failed
    says nothing about the bus alone: connections of oslo.messaging may be
    broken while the bus is well. So ``renew`` is called then, which replaces
    them.
    """

    def __init__(
        self, probe: Callable[[], None], renew: Callable[[], None]
    ) -> None:
        #: The bus takes no messages, as far as is known.
        self.away = False
        self._probe = probe
        self._renew = renew
        self._lock = threading.Lock()
        self._asking = False
        self._failed = False
        self._well_until = 0.0
        self._rest = _FIRST_REST
        self._rested = 0.0

    def suspect(self, failed: bool) -> None:
        """A call takes long, or has ``failed`` for what the bus did."""
        with self._lock:
            self._failed = self._failed or failed
            known = not failed and time.monotonic() < self._well_until
            if self._asking or known:
                return
            self._asking = True
        try:
            threads.Supervised('bus-watch', self._ask).start()
        except RuntimeError:
            # There are no threads to be had; the next call tries again.
            self._asking = False

    def answered(self) -> None:
        """A call was answered, so the connections are good."""
        self._rest = _FIRST_REST

    def _ask(self) -> None:
        while not self._is_well():
            time.sleep(_PAUSE)
        if self.away:
            LOG.info('The message bus takes messages again')
        with self._lock:
            failed, self._failed = self._failed, False
        if failed:
            self._replace()
        self.away = False
        self._asking = False

    def _is_well(self) -> bool:
        try:
            self._probe()
        except Exception as exc:  # noqa: BLE001 - whatever it is
            if not self.away:
                LOG.error('The message bus takes no messages: %r', exc)
            self.away = True
            self._failed = True
            return False
        self._well_until = time.monotonic() + _KNOWN
        return True

    def _replace(self) -> None:
        now = time.monotonic()
        if not self.away and now < self._rested:
            return
        self._rested = now + self._rest
        self._rest = min(2 * self._rest, _LONGEST_REST)
        self._renew()


class Client:
    """An RPC client for the servers on a topic; see ``rpc.get_client``.

    Its calls go through ``transport`` at first. When that is broken, they go
    through a new one: who made the first one closes it. ``watch`` is None
    for the bus inside the process, which does not break.
    """

    def __init__(
        self,
        transport: oslo_messaging.Transport,
        topic: str,
        version: str,
        cap: str | None = None,
    ) -> None:
        self._conf = transport.conf
        self._arguments = topic, version, cap
        self._client = rpc.get_client(transport, topic, version, cap)
        self._own: oslo_messaging.Transport | None = None
        #: Those that were replaced, while calls may be under way on them.
        self._old: list[oslo_messaging.Transport] = []
        self.watch: BusWatch | None = None
        if not rpc.is_local(self._conf):
            probe = busprobe.BusProbe(self._conf, _DEADLINE)
            self.watch = BusWatch(probe.check, self.renew)

    def prepare(self, **options: Any) -> Any:
        """As oslo.messaging's; the result is for one call."""
        return self._client.prepare(**options)

    def can_send_version(self, version: str) -> bool:
        """Whether calls of this version are sent."""
        return bool(self._client.can_send_version(version))

    def renew(self) -> None:
        """Make the calls from now on over connections of their own."""
        before, self._own = self._own, rpc.get_transport(self._conf)
        self._client = rpc.get_client(self._own, *self._arguments)
        LOG.info('Calls go over new connections to the message bus')
        if before is not None:
            # Not at once: a call on it may be under way.
            self._old.append(before)
            closer = threading.Timer(_LEFT, self._close_oldest)
            closer.daemon = True
            closer.start()

    def close(self) -> None:
        """Close the connections of its own; it is of no use then."""
        while self._old:
            self._close_oldest()
        if self._own is not None:
            self._own.cleanup()

    def _close_oldest(self) -> None:
        try:
            oldest = self._old.pop(0)
        except IndexError:
            return
        oldest.cleanup()
