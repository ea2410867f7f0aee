# SPDX-License-Identifier: Apache-2.0
"""Helper threads go on after an error, and it is known."""

import ast
from collections.abc import Callable
import logging
import signal
import socket
import threading
import time

import fixtures

from console_api import threads
from console_api.db import guard
from tests import base
from tests.fixtures import source

_PATIENCE = 60
#: Modules with threads of another kind -> what those are for. Their errors
#: end no more than that.
_OTHERS = {
    'console_api.busclient': 'the end of connections that were replaced',
    'console_api.calls': 'some calls; a dead one is given none',
    'console_api.proxy.server': 'an event loop; its end ends the process',
    'console_api.telemetry': 'one question, whose error is a no',
    'console_api.threads': 'what the others are made of',
    'console_api.virt.libvirt.bridge': 'one client of a bridge',
    'console_api.virt.libvirt.bridge_client': 'the input of one client',
    'console_api.virt.libvirt.connection': 'one call of libvirt',
}


class Failing:
    """Work that fails so many times and is then done."""

    def __init__(self, times: int, error: Callable[[], BaseException]) -> None:
        self.calls = 0
        self._times = times
        self._error = error

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error()


class SupervisedTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.before = threads.restarts().get('helper', 0)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threads.Supervised('helper', work)
        thread.start()
        thread.join(_PATIENCE)
        self.assertFalse(thread.is_alive())

    def restarted(self) -> int:
        return threads.restarts().get('helper', 0) - self.before

    def test_work_that_fails_is_done_again(self) -> None:
        for error in (RuntimeError, MemoryError, SystemExit):
            with self.subTest(error=error):
                work = Failing(2, error)
                self._run(work)
                self.assertEqual(3, work.calls)

    def test_each_failure_is_counted(self) -> None:
        self._run(Failing(2, RuntimeError))
        self.assertEqual(2, self.restarted())

    def test_each_failure_is_one_line_that_says_where(self) -> None:
        self._run(Failing(1, lambda: RuntimeError('broken')))
        lines = self.log.output.splitlines()
        self.assertEqual(1, len(lines), lines)
        for part in ('helper', 'broken', 'test_threads.py:'):
            self.assertIn(part, lines[0])

    def test_work_that_is_done_is_not_done_again(self) -> None:
        work = Failing(0, RuntimeError)
        self._run(work)
        self.assertEqual(1, work.calls)
        self.assertEqual(0, self.restarted())

    def test_thread_that_is_stopped_does_not_work_again(self) -> None:
        stopped = threading.Event()
        work = Failing(9, RuntimeError)
        stopped.set()
        thread = threads.Supervised('helper', work, stopped)
        thread.start()
        thread.join(_PATIENCE)
        self.assertEqual(1, work.calls)


class _Connection:
    """Stands for a driver's connection, which can be referred to weakly."""


class GuardTest(base.TestCase):
    def test_silent_connection_is_cut_after_the_guard_has_failed(self) -> None:
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        fail = Failing(1, RuntimeError)

        class Clock:
            monotonic = staticmethod(time.monotonic)

            @staticmethod
            def sleep(seconds: float) -> None:
                fail()
                time.sleep(seconds)

        self.useFixture(
            fixtures.MonkeyPatch('console_api.db.guard.time', Clock)
        )
        watched = guard.Guard()
        connection = _Connection()
        watched.know(connection, here.fileno())
        watched.watch(connection, time.monotonic())
        there.settimeout(_PATIENCE)
        self.assertEqual(b'', there.recv(1))
        self.assertGreater(fail.calls, 1)


class EndTest(base.TestCase):
    def test_process_is_told_to_end_and_the_log_says_why(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        told = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_: told.set())
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        threads.end_process('helper', RuntimeError('broken'))
        self.assertTrue(told.wait(_PATIENCE))
        self.assertIn('helper', log.output)
        self.assertIn('broken', log.output)


class EveryThreadTest(base.TestCase):
    def test_every_helper_thread_is_supervised(self) -> None:
        users = {
            module.name
            for module in source.modules()
            for node in ast.walk(module.tree())
            for made in self._made_of(node)
            if ast.unparse(made) in ('threading.Thread', 'threading.Timer')
        }
        self.assertEqual(set(_OTHERS), users)

    @staticmethod
    def _made_of(node: ast.AST) -> list[ast.expr]:
        if isinstance(node, ast.Call):
            return [node.func]
        return node.bases if isinstance(node, ast.ClassDef) else []
