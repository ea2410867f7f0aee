# SPDX-License-Identifier: Apache-2.0
"""Tests of calls with a deadline, on libvirt's own test driver."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import threading

import fixtures

from console_api.virt.libvirt import connection
from tests import base
from tests.fixtures import parts

URI = 'test:///default'
#: Seconds; long enough for a call of the test driver on a busy machine.
ENOUGH = 60.0
SHORT = 0.2


def _calls() -> int:
    """How many threads of calls there are."""
    names = [thread.name for thread in threading.enumerate()]
    return names.count('libvirt-call')


class _Hang:
    """Work that hangs until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, conn: object) -> str:
        self.begun.release()
        self.let_go.wait(ENOUGH)
        return 'late'


class ConnectionTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'libvirt-python')

    def connection(
        self, timeout: float = ENOUGH, uri: str = URI, max_calls: int = 8
    ) -> connection.Connection:
        made = connection.Connection(uri, timeout, max_calls)
        self.addCleanup(made.close)
        return made

    def hang(self) -> _Hang:
        work = _Hang()
        self.addCleanup(self.wait_for_calls)
        self.addCleanup(work.let_go.set)
        return work

    def wait_for_calls(self) -> None:
        for thread in threading.enumerate():
            if thread.name == 'libvirt-call':
                thread.join(ENOUGH)

    def test_work_gets_an_open_connection(self) -> None:
        names = self.connection().run(
            lambda conn: [x.name() for x in conn.listAllDomains()]
        )
        self.assertEqual(['test'], names)

    def test_connection_is_kept_from_call_to_call(self) -> None:
        made = self.connection()
        first = made.run(lambda conn: conn)
        self.assertIs(first, made.run(lambda conn: conn))

    def test_connection_that_was_lost_is_opened_again(self) -> None:
        made = self.connection()
        made.run(lambda conn: conn.close())
        self.assertEqual(1, made.run(lambda conn: conn.numOfDomains()))

    def test_connection_lost_in_a_call_is_opened_again(self) -> None:
        made = self.connection()
        tries = []

        def work(conn: object) -> int:
            tries.append(conn)
            if len(tries) == 1:
                conn.close()
            return conn.numOfDomains()

        self.assertEqual(1, made.run(work))
        self.assertEqual(2, len(tries))

    def test_connection_that_breaks_each_time_is_unavailable(self) -> None:
        def work(conn: object) -> int:
            conn.close()
            return conn.numOfDomains()

        self.assertRaises(connection.Unavailable, self.connection().run, work)

    def test_error_of_libvirt_reaches_the_caller(self) -> None:
        self.assertRaises(
            connection.libvirt.libvirtError,
            self.connection().run,
            lambda conn: conn.lookupByName('nobody'),
        )

    def test_error_of_the_work_reaches_the_caller(self) -> None:
        self.assertRaises(
            ZeroDivisionError, self.connection().run, lambda conn: 1 // 0
        )

    def test_call_that_hangs_ends_at_the_deadline(self) -> None:
        work = self.hang()
        made = self.connection(SHORT)
        error = self.assertRaises(connection.Unavailable, made.run, work)
        self.assertIn('0.2 s have passed', str(error))
        self.assertIn(URI, str(error))
        self.assertFalse(work.let_go.is_set())

    def test_hanging_calls_do_not_add_up(self) -> None:
        work = self.hang()
        made = self.connection(SHORT, max_calls=2)
        for _ in range(5):
            self.assertRaises(connection.Unavailable, made.run, work)
        self.assertEqual(2, _calls())

    def test_domain_that_hangs_keeps_no_call_from_others(self) -> None:
        work = self.hang()
        made = self.connection(4.0, max_calls=3)

        def run() -> None:
            with contextlib.suppress(connection.Unavailable):
                made.run(work, 'hangs')

        callers = [threading.Thread(target=run) for _ in range(2)]
        for caller in callers:
            caller.start()
            self.addCleanup(caller.join)
            self.assertTrue(work.begun.acquire(timeout=ENOUGH))
        error = self.assertRaises(
            connection.Unavailable, made.run, work, 'hangs'
        )
        self.assertIn('too many calls hang', str(error))
        self.assertEqual(2, _calls())
        count = made.run(lambda conn: conn.numOfDomains(), 'another')
        self.assertEqual(1, count)

    def test_calls_work_again_once_the_hanging_ones_end(self) -> None:
        work = self.hang()
        made = self.connection(ENOUGH, max_calls=1)
        caller = threading.Thread(target=made.run, args=(work,))
        caller.start()
        self.assertTrue(work.begun.acquire(timeout=ENOUGH))
        work.let_go.set()
        self.assertEqual(1, made.run(lambda conn: conn.numOfDomains()))
        caller.join(ENOUGH)

    def test_each_connection_is_followed_from_its_start_to_its_end(
        self,
    ) -> None:
        told = []
        made = self.connection()
        made.follow(
            lambda conn: told.append(('opened', conn.isAlive())),
            lambda conn: told.append(('closing', conn is not None)),
        )
        broken = made.run(lambda conn: conn)
        made.run(lambda conn: None)
        broken.close()
        made.run(lambda conn: None)
        made.close()
        self.assertEqual(
            ['opened', 'closing', 'opened', 'closing'],
            [word for word, _ in told],
        )

    def test_closed_connection_stays_closed(self) -> None:
        made = self.connection()
        made.run(lambda conn: None)
        made.close()
        error = self.assertRaises(
            connection.Unavailable, made.run, lambda conn: None
        )
        self.assertIn('closed', str(error))

    def test_libvirt_that_is_not_there_is_unavailable(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        made = self.connection(uri=f'qemu:///system?socket={folder}/none')
        error = self.assertRaises(
            connection.Unavailable, made.run, lambda conn: None
        )
        self.assertIn(f'{folder}/none', str(error))

    def test_libvirt_that_never_answers_is_unavailable(self) -> None:
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 's'
        silent = socket.socket(socket.AF_UNIX)
        # Closing it ends the threads that wait for an answer.
        self.addCleanup(self.wait_for_calls)
        self.addCleanup(silent.close)
        silent.bind(str(path))
        silent.listen()
        made = self.connection(
            SHORT, f'qemu:///system?socket={path}', max_calls=2
        )
        for _ in range(4):
            self.assertRaises(
                connection.Unavailable, made.run, lambda conn: None
            )
        self.assertEqual(2, _calls())

    def test_libvirt_prints_nothing(self) -> None:
        code = (
            'from console_api.virt.libvirt import connection as c\n'
            'try:\n'
            "    c.Connection('qemu:///system?socket=/none', 60).run(id)\n"
            'except c.Unavailable as exc:\n'
            "    print('caught')\n"
        )
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', code],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(('caught\n', ''), (done.stdout, done.stderr))

    def test_process_ends_while_a_call_hangs(self) -> None:
        code = (
            'import time\n'
            'from console_api.virt.libvirt import connection as c\n'
            'try:\n'
            f"    c.Connection('{URI}', {SHORT}).run(\n"
            '        lambda _: time.sleep(3600))\n'
            'except c.Unavailable as exc:\n'
            "    print('caught')\n"
        )
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', code],
            capture_output=True,
            text=True,
            check=False,
            timeout=ENOUGH,
        )
        self.assertEqual((0, 'caught\n'), (done.returncode, done.stdout))
