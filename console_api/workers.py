# SPDX-License-Identifier: Apache-2.0
"""A small parent that starts worker processes, watches and ends them."""

from collections.abc import Callable
import dataclasses
import logging as std_logging
import os
import select
import signal
import time

from oslo_log import log as logging

from console_api import exception
from console_api import service
from console_api import systemd
from console_api import threads

LOG = logging.getLogger(__name__)

#: Seconds that a worker has to end in, after it was asked to.
GRACE = 30.0
#: The same after it was asked a second time.
_LAST_GRACE = 10.0
#: A worker that lived so many seconds is replaced at once.
_STABLE = 10.0
#: Seconds before the next try after early ends; it doubles each time.
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
_TURN = 0.2
_SIGNALS = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
)
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})

#: Called once the work can be done: a port is open, a queue is read.
Ready = Callable[[], None]
#: Is told its place among the workers, from zero on.
Work = Callable[[Ready, int], None]


def per_core() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def run(
    count: int,
    work: Work,
    reload: Callable[[], None],
    grace: float = GRACE,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Do the work in ``count`` processes until SIGINT or SIGTERM.

    ``work`` calls ``ready`` once it serves and returns at SIGTERM, within
    ``grace`` seconds. A second signal is handed on too. A worker that ended
    is replaced by one of the same index. One worker needs no parent: the work
    is done here. Otherwise nothing may have started a thread yet. ``reload``
    is called in the parent at SIGHUP, which the workers receive too;
    ``ending`` there before they are asked to end.

    :raises ConfigurationError: a worker could not start
    """
    if count == 1:
        work(lambda: systemd.notify(systemd.READY), 0)
        return
    _Parent(count, work, reload, grace, ending).run()


@dataclasses.dataclass
class _Worker:
    """One process, or the plan to start it again at ``restart_at``."""

    index: int
    pid: int | None = None
    ready: int | None = None
    started: float = 0.0
    delay: float = 0.0
    restart_at: float = 0.0


class _Parent:
    def __init__(
        self,
        count: int,
        work: Work,
        reload: Callable[[], None],
        grace: float,
        ending: Callable[[], None],
    ) -> None:
        self._grace = grace
        self._ending = ending
        self._work = work
        self._reload = reload
        self._workers = [_Worker(index) for index in range(count)]
        # The workers see its end when the parent is gone.
        self._alive_read, self._alive_write = os.pipe()

    def run(self) -> None:
        # Blocked signals wait to be fetched: none can come between two steps.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for worker in self._workers:
                self._start(worker)
            if self._wait_until_ready():
                LOG.info('%d workers are ready', len(self._workers))
                systemd.notify(systemd.READY)
                self._watch()
        finally:
            systemd.stopping(self._grace)
            self._end()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(self._alive_read)
            os.close(self._alive_write)

    def _start(self, worker: _Worker) -> None:
        ready_read, ready_write = os.pipe()
        worker.started = time.monotonic()
        worker.pid = os.fork()
        if worker.pid == 0:
            os.close(ready_read)
            self._become_worker(ready_write, worker.index)
        os.close(ready_write)
        worker.ready = ready_read
        LOG.debug('Worker %d starts', worker.pid)

    def _become_worker(self, ready_write: int, index: int) -> None:
        """Work, then leave the process without what belongs to the parent."""
        os.close(self._alive_write)
        for other in self._workers:
            if other.ready is not None:
                os.close(other.ready)
        status = 1
        try:
            # Until the work takes it for a reload, SIGHUP must not kill.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            threads.Supervised('parent', self._end_with_parent).start()

            def ready() -> None:
                os.write(ready_write, b'.')

            status = service.run(lambda: self._work(ready, index))
        finally:
            std_logging.shutdown()
            os._exit(status)

    def _end_with_parent(self) -> None:
        while os.read(self._alive_read, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    def _wait_until_ready(self) -> bool:
        """Whether to go on; False if the service was asked to end.

        :raises ConfigurationError: a worker ended before it was ready
        """
        waiting = {w.ready for w in self._workers if w.ready is not None}
        while waiting:
            for descriptor in select.select([*waiting], [], [], _TURN)[0]:
                if not os.read(descriptor, 1):
                    raise exception.ConfigurationError(
                        'a worker could not start'
                    )
                waiting.remove(descriptor)
            caught = signal.sigtimedwait(_ENDING, 0)
            if caught is not None:
                return False
        return True

    def _watch(self) -> None:
        """Replace workers that end, until this process is asked to end."""
        while True:
            plans = [w.restart_at for w in self._workers if w.pid is None]
            pause = min(plans) - time.monotonic() if plans else 3600.0
            caught = signal.sigtimedwait(_SIGNALS, max(pause, 0.0))
            if caught is not None and caught.si_signo in _ENDING:
                return
            if caught is not None and caught.si_signo == signal.SIGHUP:
                self._reload()
                self._send(signal.SIGHUP)
            self._reap()
            now = time.monotonic()
            for worker in self._workers:
                if worker.pid is None and worker.restart_at <= now:
                    self._start(worker)

    def _reap(self) -> None:
        for worker in self._workers:
            status = _ended(worker)
            if status is None:
                continue
            now = time.monotonic()
            if now - worker.started >= _STABLE:
                worker.delay = 0.0
            else:
                longer = max(_FIRST_DELAY, worker.delay * 2)
                worker.delay = min(longer, _LONGEST_DELAY)
            worker.restart_at = now + worker.delay
            LOG.error(
                'Worker %(pid)d ended: %(how)s; the next one starts in '
                '%(delay)d s',
                {
                    'pid': worker.pid,
                    'how': _how(status),
                    'delay': worker.delay,
                },
            )
            _forget(worker)

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid is not None:
                # Not reaped yet, so the number still is this worker's.
                os.kill(worker.pid, number)

    def _end(self) -> None:
        self._ending()
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        asked = 1
        while any(worker.pid is not None for worker in self._workers):
            for worker in self._workers:
                if _ended(worker) is not None:
                    _forget(worker)
            left = deadline - time.monotonic()
            caught = signal.sigtimedwait(_SIGNALS, min(max(left, 0.05), _TURN))
            if caught is not None and caught.si_signo in _ENDING:
                asked += 1
                self._send(signal.SIGTERM)
                deadline = min(deadline, time.monotonic() + _LAST_GRACE)
            if left <= 0 or asked > 2:
                LOG.warning('Workers that have not ended yet are killed')
                self._send(signal.SIGKILL)


def _ended(worker: _Worker) -> int | None:
    if worker.pid is None:
        return None
    pid, status = os.waitpid(worker.pid, os.WNOHANG)
    return status if pid else None


def _forget(worker: _Worker) -> None:
    if worker.ready is not None:
        os.close(worker.ready)
    worker.pid = worker.ready = None


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f'killed by signal {-code}'
    return f'exit status {code}'
