# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the API measures what it says."""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import threading

import fixtures

from benchmarks.api import cpu
from benchmarks.api import load
from benchmarks.api import measure
from benchmarks.api import report
from tests import base
from tests.fixtures import processes
from tests.fixtures import source


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A benchmark as it is run from the checkout."""
    return subprocess.run(
        [sys.executable, '-m', module, *arguments],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class LoadTest(base.TestCase):
    def test_measures_each_request_at_each_number_of_clients(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        target = pathlib.Path(directory) / 'result.json'
        result = run(
            'benchmarks.api',
            *('--clients=1,2', '--requests=4', f'--json={target}'),
        )
        self.assertEqual(0, result.returncode, result.stderr)
        rows = json.loads(target.read_text(encoding='utf-8'))['rows']
        self.assertEqual(
            [
                (name, clients)
                for name in ('discovery', 'create', 'token')
                for clients in (1, 2)
            ],
            [(row['name'], row['clients']) for row in rows],
        )
        for row in rows:
            self.assertEqual(4, row['requests'])
            self.assertEqual({}, row['errors'])
            self.assertEqual(['all'], list(row['cpu']))

    def test_profile_adds_up(self) -> None:
        result = run('benchmarks.api.stages', '--requests=5')
        self.assertEqual(0, result.returncode, result.stderr)
        totals = [
            float(line.split()[1])
            for line in result.stdout.splitlines()
            if line.startswith(('create:', 'token:'))
        ]
        parts = [
            float(line.split()[0])
            for line in result.stdout.splitlines()
            if line.startswith('  ')
        ]
        self.assertEqual(2, len(totals))
        # Each line is rounded to a hundredth.
        self.assertAlmostEqual(sum(totals), sum(parts), delta=0.1)


class ResultTest(base.TestCase):
    def test_percentiles_are_measured_values(self) -> None:
        result = load.Result(
            wall=2.0, latencies=[float(n) for n in range(100, 0, -1)]
        )
        self.assertEqual(51.0, result.percentile(0.5))
        self.assertEqual(100.0, result.percentile(0.99))
        self.assertEqual(50.0, result.rate)

    def test_nothing_measured_has_no_percentile(self) -> None:
        self.assertIsNone(load.Result(wall=1.0).percentile(0.5))


class CpuTest(base.TestCase):
    def test_time_of_children_counts(self) -> None:
        burn = (
            'import os, sys, time\n'
            'if os.fork() == 0:\n'
            '    while time.process_time() < 0.3: pass\n'
            '    print("burnt", flush=True)\n'
            'sys.stdin.read()\n'
        )
        process = subprocess.Popen(
            [sys.executable, '-c', burn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(process.wait)
        assert process.stdin is not None
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        process.stdout.readline()
        self.assertGreaterEqual(cpu.spent(process.pid), 0.29)

    def test_process_that_is_not_there_has_spent_nothing(self) -> None:
        process = subprocess.Popen([sys.executable, '-c', ''])
        process.wait()
        self.assertEqual(0.0, cpu.spent(process.pid))


class MemoryTest(base.TestCase):
    def test_memory_of_children_counts(self) -> None:
        child = 'data = b"x" * (32 << 20); print(1, flush=True); input()'
        code = (
            'import subprocess, sys\n'
            f'child = [sys.executable, "-c", {child!r}]\n'
            'subprocess.run(child)\n'
        )
        process = subprocess.Popen(
            [sys.executable, '-c', code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        self.assertGreater(cpu.memory(process.pid), 32)
        process.communicate(b'\n', timeout=processes.PATIENCE)


class ClientTest(base.TestCase):
    """Each connection is closed after its answer, as uWSGI does."""

    def setUp(self) -> None:
        super().setUp()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(self.listener.close)
        self.listener.settimeout(10)
        self.port = self.listener.getsockname()[1]

    def answer(self, *answers: bytes) -> None:
        def serve() -> None:
            with contextlib.suppress(TimeoutError):
                for data in answers:
                    connection, _ = self.listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)

    def run_load(self, count: int) -> load.Result:
        return load.run(
            *('127.0.0.1', self.port, load.Request('GET', '/'), 1),
            load.Limits(count, processes.PATIENCE),
        )

    def test_closed_connections_are_opened_again(self) -> None:
        self.answer(*[b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'] * 3)
        result = self.run_load(3)
        self.assertEqual({}, result.errors)
        self.assertEqual(3, len(result.latencies))

    def test_an_error_is_counted_and_not_measured(self) -> None:
        self.answer(b'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')
        result = self.run_load(1)
        self.assertEqual({'503': 1}, result.errors)
        self.assertEqual([], result.latencies)


def figures(rate: float, memory: float) -> report.Figures:
    row = measure.Row('x', 'create', 8, 9, rate, 1.0, 2.0, {'api': 3.0}, {})
    return {('create', 8): row}, {'api': memory}


class ReportTest(base.TestCase):
    def line(self, title: str, peer: report.Figures | None) -> report.Line:
        lines = report.judge(figures(200.0, 300.0), peer)
        return next(line for line in lines if line.title == title)

    def test_a_multiple_of_the_peer_is_met(self) -> None:
        line = self.line('create, 8 clients', figures(40.0, 1.0))
        self.assertEqual((5.0, True), (line.ratio, line.met))

    def test_a_multiple_of_the_peer_is_missed(self) -> None:
        line = self.line('create, 8 clients', figures(41.0, 1.0))
        self.assertIs(False, line.met)

    def test_without_a_peer_a_multiple_is_moot(self) -> None:
        self.assertIsNone(self.line('create, 8 clients', None).met)

    def test_a_limit_needs_no_peer(self) -> None:
        self.assertIs(False, self.line('API, conductor, agent', None).met)
        self.assertIs(
            True, self.line('create, 8 clients, processor', None).met
        )

    def test_what_was_not_measured_is_moot(self) -> None:
        line = self.line('token, 8 clients', figures(1.0, 1.0))
        self.assertEqual((None, None), (line.ours, line.met))
