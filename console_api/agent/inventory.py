# SPDX-License-Identifier: Apache-2.0
"""Tells the conductor of the servers of this host, and of each change."""

import threading
import time
import uuid

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging

from console_api import context as console_context
from console_api import exception
from console_api import version
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.virt import driver as virt_driver

LOG = logging.getLogger(__name__)

#: The first wait after a report that failed, in seconds; it doubles up to
#: the interval.
_FIRST_RETRY = 1.0


class _Pending:
    """The changes that are not reported yet; each server counts once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._ended: set[str] = set()
        self._all = True

    def add(self, change: virt_driver.Change | None) -> None:
        """Remember a change; None: any server may have changed."""
        with self._lock:
            if change is None:
                self._all = True
                return
            self._changed.add(change.server_id)
            if change.ended:
                self._ended.add(change.server_id)

    def take(self) -> tuple[bool, set[str], set[str]]:
        """Whether all is to be reported, the changed and the ended ones."""
        with self._lock:
            taken = self._all, self._changed, self._ended
            self._all, self._changed, self._ended = False, set(), set()
        return taken

    def put_back(self, changed: set[str], ended: set[str]) -> None:
        """What could not be reported; then all of it is due."""
        with self._lock:
            self._all = True
            self._changed |= changed
            self._ended |= ended


class InventoryReporter:
    """A thread that reports each change when the driver tells of it.

    All servers are reported every ``[agent] inventory_interval`` seconds,
    and whenever changes may have been missed. While one report is under way
    the changes gather for the next.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: virt_driver.ConsoleDriver,
        conductor: conductor_rpcapi.ConductorAPI,
    ) -> None:
        self._conf = conf
        self._host = conf.host
        self._instance = str(uuid.uuid4())
        self._interval = float(conf.agent.inventory_interval)
        self._driver = driver
        self._conductor = conductor
        self._pending = _Pending()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name='inventory', daemon=True
        )

    def start(self) -> None:
        """Begin to report; the first report is sent at once."""
        self._driver.watch(self._changed)
        self._thread.start()

    def stop(self) -> None:
        """Send no more reports; returns when the last one has ended."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()

    def report(self) -> None:
        """Report every server now.

        :raises DomainError: the driver could not list the guests
        :raises MessagingException: no conductor answered
        """
        guests = self._driver.guests()
        context = console_context.service_context()
        self._conductor.report_servers(context, self._host, guests)
        self._conductor.report_agent(
            context, self._host, self._facts(len(guests))
        )

    def _facts(self, servers: int) -> conductor_rpcapi.AgentFacts:
        conf = self._conf
        return conductor_rpcapi.AgentFacts(
            instance=self._instance,
            release=version.version_string(),
            rpc_version=rpcapi.VERSION,
            addresses=(
                conf.vnc.server_proxyclient_address,
                conf.spice.server_proxyclient_address,
                conf.serial_console.proxyclient_address,
            ),
            servers=servers,
        )

    def _changed(self, change: virt_driver.Change | None) -> None:
        self._pending.add(change)
        self._wake.set()

    def _report_pending(self) -> None:
        everything, changed, ended = self._pending.take()
        try:
            if changed:
                self._report_changes(changed, ended)
            if everything:
                self.report()
        except BaseException:
            self._pending.put_back(changed, ended)
            raise

    def _report_changes(self, changed: set[str], ended: set[str]) -> None:
        guests = self._driver.guests(changed)
        self._conductor.report_changes(
            console_context.service_context(),
            self._host,
            guests,
            changed - {guest.id for guest in guests},
            ended,
        )

    def _run(self) -> None:
        retry = _FIRST_RETRY
        due = time.monotonic() + self._interval
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self._report_pending()
            except (
                oslo_messaging.MessagingException,
                exception.DomainError,
            ) as exc:
                LOG.warning(
                    'The report of the servers on %s failed, the next try is '
                    'in %d s: %s',
                    self._host,
                    retry,
                    exc,
                )
                # Changes gather meanwhile; none of them asks for a try.
                self._stopped.wait(retry)
                retry = min(retry * 2, self._interval)
                continue
            except Exception:
                LOG.exception('The report of the servers failed')
                self._stopped.wait(self._interval)
                continue
            retry = _FIRST_RETRY
            self._wake.wait(max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                self._pending.add(None)
                due = time.monotonic() + self._interval
