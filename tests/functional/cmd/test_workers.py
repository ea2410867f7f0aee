# SPDX-License-Identifier: Apache-2.0
"""The parent of worker processes, in a process of its own."""

import os
import pathlib
import signal
import sys

import fixtures

from tests import base
from tests.fixtures import processes

#: What a worker does is a function of its folder, in a script.
_SCRIPT = """
import os, pathlib, signal, sys, threading
from console_api import exception, service, workers

folder = pathlib.Path(sys.argv[1])

def note(name):
    with open(folder / name, 'a') as file:
        print(os.getpid(), file=file)

def work(ready, index):
    {work}

def serve(ready, index):
    ready()
    note('started')
    note(f'index-{{index}}')
    service.wait_for_signal(lambda: note('reloaded'))
    note('ended')

sys.exit(service.run(
    lambda: workers.run(2, work, lambda: note('parent-reloaded'))))
"""


class WorkersTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def start(self, work: str = 'serve(ready, index)') -> processes.Process:
        return self.useFixture(
            processes.Process(
                sys.executable,
                '-c',
                _SCRIPT.format(work=work),
                str(self.folder),
            )
        )

    def noted(self, name: str) -> list[int]:
        path = self.folder / name
        return (
            list(map(int, path.read_text().split())) if path.exists() else []
        )

    def started(self, work: str = 'serve(ready, index)') -> processes.Process:
        parent = self.start(work)
        parent.wait_until('READY=1')
        parent.wait_for(lambda: len(self.noted('started')) == 2, 'two workers')
        return parent

    def test_is_ready_once_each_worker_is(self) -> None:
        parent = self.started()
        self.assertEqual(set(parent.children), set(self.noted('started')))

    def test_workers_end_their_work_at_sigterm(self) -> None:
        parent = self.started()
        workers = set(parent.children)
        self.assertEqual(0, parent.stop())
        self.assertEqual(workers, set(self.noted('ended')))

    def test_interrupt_of_the_whole_group_ends_it_cleanly(self) -> None:
        parent = self.started()
        for pid in (*parent.children, parent.process.pid):
            os.kill(pid, signal.SIGINT)
        self.assertEqual(0, parent.process.wait(processes.PATIENCE))

    def test_killed_worker_is_replaced(self) -> None:
        parent = self.started()
        killed, other = parent.children
        os.kill(killed, signal.SIGKILL)
        parent.wait_for(lambda: len(self.noted('started')) == 3, 'a third')
        self.assertNotIn(killed, parent.children)
        self.assertIn(other, parent.children)

    def test_worker_has_the_index_of_the_one_it_replaces(self) -> None:
        parent = self.started()
        parent.wait_for(lambda: self.noted('index-1'), 'its index')
        os.kill(self.noted('index-1')[0], signal.SIGKILL)
        parent.wait_for(lambda: len(self.noted('index-1')) == 2, 'a third')
        self.assertEqual(1, len(self.noted('index-0')))

    def test_both_killed_workers_are_replaced(self) -> None:
        parent = self.started()
        for pid in parent.children:
            os.kill(pid, signal.SIGKILL)
        parent.wait_for(lambda: len(self.noted('started')) == 4, 'two more')

    def test_worker_that_ends_early_waits_longer_each_time(self) -> None:
        parent = self.started()
        for number, seconds in enumerate((1, 2), start=1):
            for pid in parent.children:
                os.kill(pid, signal.SIGKILL)
            told = f'the next one starts in {seconds} s'
            parent.wait_for(
                lambda told=told: parent.output.count(told) == 2, told
            )
            there = 2 * number + 2
            parent.wait_for(
                lambda there=there: len(self.noted('started')) == there,
                'two more',
            )
        self.assertEqual(2, len(parent.children))

    def test_sighup_reaches_parent_and_workers(self) -> None:
        parent = self.started()
        parent.send(signal.SIGHUP)
        parent.wait_for(lambda: len(self.noted('reloaded')) == 2, 'two')
        self.assertEqual(set(parent.children), set(self.noted('reloaded')))
        self.assertEqual([parent.process.pid], self.noted('parent-reloaded'))

    def test_worker_that_cannot_start_ends_all(self) -> None:
        parent = self.start("raise exception.ConfigurationError('no luck')")
        self.assertEqual(1, parent.process.wait(processes.PATIENCE))
        self.assertIn('no luck', parent.output)
        self.assertIn('a worker could not start', parent.output)
        self.assertNotIn('READY=1', parent._heard())

    def test_workers_end_when_their_parent_is_killed(self) -> None:
        parent = self.started()
        workers = set(parent.children)
        parent.process.kill()
        parent.process.wait()
        processes.wait_for(
            lambda: set(self.noted('ended')) == workers, 'the end of all'
        )

    def test_second_sigterm_reaches_the_workers(self) -> None:
        parent = self.started(
            'serve(ready, index); service.wait_for_signal(); note("hurried")'
        )
        parent.send(signal.SIGTERM)
        parent.wait_for(lambda: len(self.noted('ended')) == 2, 'two')
        self.assertEqual(0, parent.stop())
        self.assertEqual(2, len(self.noted('hurried')))

    def test_third_sigterm_kills_workers_that_hang(self) -> None:
        parent = self.started(
            'serve(ready, index)\n'
            '    service.at_signals(lambda: note("hurried"))\n'
            '    while True: signal.pause()',
        )
        parent.send(signal.SIGTERM)
        parent.wait_for(lambda: len(self.noted('ended')) == 2, 'two')
        parent.send(signal.SIGTERM)
        parent.wait_for(lambda: len(self.noted('hurried')) == 2, 'two')
        self.assertEqual(0, parent.stop())
        self.assertIn('are killed', parent.output)
