# SPDX-License-Identifier: Apache-2.0
"""Tells the conductor of the servers of this host, and of each change."""

from collections.abc import Callable
import random
import threading
import time
import uuid

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging

from console_api import calls
from console_api import context as console_context
from console_api import exception
from console_api import telemetry
from console_api import threads
from console_api.agent import contested
from console_api.agent import enrolment
from console_api.agent import facts
from console_api.agent import reportlog
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.virt import driver as virt_driver

LOG = logging.getLogger(__name__)

#: The first wait after a report that failed, in seconds; it doubles up to
#: the interval. The waits of many agents spread by half of it, either way.
_FIRST_RETRY = 1.0
#: How long a report that is under way may hold up the end, in seconds. One
#: that waits for a conductor that died would hold it up for longer.
_LAST_REPORT = 5.0


def _spread(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311 - nobody gains by a guess


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
    the changes gather for the next. Servers that another host still has are
    reported again until it lets them go. ``instance`` is the name of this
    process among the agents; ``lost`` is called with the reason when another
    agent has taken over the host, and there are no more reports then.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: virt_driver.ConsoleDriver,
        conductor: conductor_rpcapi.ConductorAPI,
        lost: Callable[[str], None] | None = None,
        log: reportlog.ReportLog | None = None,
    ) -> None:
        self._conf = conf
        self._host = conf.host
        self.instance = str(uuid.uuid4())
        self._held = False
        #: Whether conductors take what this agent says of its host.
        self._admitted = False
        self._lost = lost
        self._interval = float(conf.agent.inventory_interval)
        self._due = time.monotonic() + self._interval
        self.log = log or reportlog.ReportLog(
            telemetry.Telemetry('console_agent'), self._interval
        )
        self._driver = driver
        self._conductor = conductor
        self._pending = _Pending()
        self._contested = contested.ContestedServers(
            self._host, self._interval
        )
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threads.Supervised(
            'inventory', self._run, self._stopped
        )

    def start(self, held: bool = False, known: bool = False) -> None:
        """Begin to report.

        ``held``: this agent has the host already. The first report is sent
        at once; that of a host that is ``known`` some time within the
        interval, so that the conductors survive a start of all agents.
        """
        self._held = self._admitted = held
        if held:
            self.log.accepted()
        if known:
            self._pending.take()
            self._due = time.monotonic() + _spread(0, self._interval)
        self._driver.watch(self._changed)
        self._thread.start()

    def stop(self, patience: float = _LAST_REPORT) -> None:
        """Send no more reports.

        The last one has ended then, unless it still waits for a conductor
        after ``patience`` seconds.
        """
        self._stopped.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def report(self) -> None:
        """Report every server now.

        :raises HostTaken: another agent has taken over the host
        :raises HostNotEnrolled: the host has no agent, and the word is no
            good
        :raises HostKeyRefused: the host is known by another key
        :raises DomainError: the driver could not list the guests
        :raises MessagingException: no conductor answered
        """
        with self.log.sending('all'):
            self._report()

    def _report(self) -> None:
        guests = self._driver.guests()
        # Before the servers: who lost the host does not speak for it.
        self._introduce(len(guests))
        kept = self._conductor.report_servers(
            console_context.service_context(), self._host, guests
        )
        self._contested.settle({guest.id for guest in guests}, kept)
        self.log.listed(len(guests))

    def _introduce(self, servers: int) -> None:
        word = None
        if not self._admitted:
            word = enrolment.word(self._conf.agent.enrolment_word_file)
        self._conductor.report_agent(
            console_context.service_context(),
            self._host,
            facts.collect(self._conf, self.instance, servers),
            self._held,
            word,
        )
        self._held = self._admitted = True

    def _changed(self, change: virt_driver.Change | None) -> None:
        self._pending.add(change)
        self._wake.set()

    def _report_pending(self) -> None:
        everything, changed, ended = self._pending.take()
        self._contested.hasten(changed)
        asked = changed | self._contested.due()
        try:
            if asked:
                with self.log.sending('changes'):
                    if not self._admitted:
                        # Whatever else is said of the host would be refused.
                        self._introduce(len(self._driver.guests()))
                    self._report_changes(asked, ended)
            if everything:
                self.report()
        except BaseException:
            self._pending.put_back(changed, ended)
            raise

    def _report_changes(self, changed: set[str], ended: set[str]) -> None:
        guests = self._driver.guests(changed)
        kept = self._conductor.report_changes(
            console_context.service_context(),
            self._host,
            guests,
            changed - {guest.id for guest in guests},
            ended,
        )
        self._contested.settle(changed, kept)

    def _log_failure(self, exc: Exception, retry: float) -> None:
        # Of these nothing but the operator makes an end.
        refused = isinstance(exc, exception.HostRefused)
        LOG.log(
            logging.ERROR if refused else logging.WARNING,
            'The report of the servers on %s failed, the next try is in '
            '%d s: %s',
            self._host,
            retry,
            calls.reason(exc),
        )

    def _run(self) -> None:
        retry = _FIRST_RETRY
        while not self._stopped.is_set():
            self._wake.clear()
            self.log.pulse.beat()
            try:
                self._report_pending()
            except exception.HostTaken as exc:
                why = calls.reason(exc)
                LOG.error('There are no more reports: %s', why)
                if self._lost is not None:
                    self._lost(why)
                return
            except (
                oslo_messaging.MessagingException,
                exception.DomainError,
            ) as exc:
                if self._stopped.is_set():
                    return
                if isinstance(exc, exception.HostRefused):
                    self._admitted = False
                self._log_failure(exc, retry)
                # Changes gather meanwhile; none of them asks for a try.
                self._stopped.wait(retry * _spread(0.5, 1.5))
                retry = min(retry * 2, self._interval)
                continue
            except Exception:
                if self._stopped.is_set():
                    # The transport is closed under a report that was left.
                    return
                LOG.exception('The report of the servers failed')
                self._stopped.wait(self._interval)
                continue
            retry = _FIRST_RETRY
            self._wait()

    def _wait(self) -> None:
        """Return when there is a change or a report is due."""
        due = min(self._due, self._contested.next_due)
        self._wake.wait(max(0.0, due - time.monotonic()))
        if time.monotonic() >= self._due:
            self._pending.add(None)
            self._due = time.monotonic() + self._interval
