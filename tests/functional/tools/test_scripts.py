# SPDX-License-Identifier: Apache-2.0
"""The tools as a newcomer's shell starts them."""

import fcntl
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import testtools

from tests.fixtures import checkout
from tests.fixtures import source

DEADLINE = 60


class ScriptTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.checkout = self.useFixture(checkout.Checkout())
        self.bin = self.checkout.root / 'bin'
        for name in ('dirname', 'readlink', 'sh'):
            self.program(name, f'exec /usr/bin/env -S {name} "$@"')

    def program(self, name: str, script: str) -> None:
        """Put a program on the PATH of the scripts."""
        path = self.checkout.write(
            f'bin/{name}', f'#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n'
        )
        path.chmod(0o755)

    def run_tool(self, *command: str) -> 'subprocess.CompletedProcess[str]':
        return subprocess.run(
            [self.checkout.root / 'tools' / command[0], *command[1:]],
            env={'PATH': str(self.bin)},
            capture_output=True,
            check=False,
            text=True,
            timeout=DEADLINE,
        )

    def test_missing_python_is_told_in_one_line(self) -> None:
        for tool in ('standalone', 'test'):
            result = self.run_tool(tool)
            self.assertEqual(1, result.returncode)
            self.assertEqual(
                f'tools/{tool}: needs Python 3.11 or later as python3\n',
                result.stderr,
            )

    def test_old_python_is_told_in_one_line(self) -> None:
        self.program('python3', 'exit 1')
        result = self.run_tool('standalone')
        self.assertEqual(1, result.returncode)
        self.assertIn('needs Python 3.11', result.stderr)

    def test_python_that_is_new_enough_is_taken(self) -> None:
        self.program('python3', f'exec \'{sys.executable}\' "$@"')
        result = self.run_tool('bootstrap', 'nonsense')
        self.assertEqual(2, result.returncode)
        self.assertIn('usage: tools/bootstrap ', result.stdout)

    def test_newer_python_by_another_name_is_taken(self) -> None:
        self.program('python3', 'exit 1')
        self.program('python3.12', 'echo took it "$2" "$3"')
        result = self.run_tool('standalone', '--help')
        self.assertIn('took it standalone --help\n', result.stdout)

    def test_missing_venv_module_names_the_package(self) -> None:
        script = (
            'import runpy, sys\n'
            'sys.modules["ensurepip"] = None\n'
            'sys.argv[:1] = []\n'
            'sys.path[0] = sys.argv[0].rpartition("/")[0]\n'
            'runpy.run_path(sys.argv[0], run_name="__main__")\n'
        )
        path = self.checkout.write('without_ensurepip.py', script)
        self.program(
            'python3',
            'if [ "$1" = -c ]; then exit 0; fi\n'
            f"exec '{sys.executable}' '{path}' \"$@\"",
        )
        self.checkout.write_inputs()
        result = self.run_tool('standalone')
        version = '.'.join(map(str, sys.version_info[:2]))
        self.assertEqual(1, result.returncode)
        self.assertIn(f'apt install python{version}-venv', result.stderr)

    def test_tool_works_through_a_link(self) -> None:
        self.program('python3', 'echo "$1"')
        link = self.checkout.root / 'bin' / 'linked'
        link.symlink_to(self.checkout.root / 'tools' / 'standalone')
        output = subprocess.check_output(
            [link], env={'PATH': str(self.bin)}, text=True, timeout=DEADLINE
        )
        self.assertEqual('bootstrap.py', pathlib.Path(output.strip()).name)

    def test_scripts_are_valid_shell(self) -> None:
        scripts = ['bootstrap', 'standalone', 'test', 'update-constraints']
        paths = [source.ROOT / 'tools' / name for name in scripts]
        for path in (*paths, *(source.ROOT / '.ci').glob('run')):
            shell = path.read_text(encoding='utf-8').split('\n')[0].split()[-1]
            command = [pathlib.Path(shell.removeprefix('#!')).name, '-n', path]
            subprocess.run(command, check=True, timeout=DEADLINE)
            self.assertTrue(os.access(path, os.X_OK), path)


class LockTest(testtools.TestCase):
    """The lock of a set-up, across processes."""

    def start(self, root: pathlib.Path) -> 'subprocess.Popen[str]':
        script = (
            'import bootstrap, signal, sys\n'
            'signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n'
            'with bootstrap.locked() as lock:\n'
            '    console = bootstrap.Console(bootstrap.LOG, lock)\n'
            '    command = ["sh", "-c", "echo $$ >pid; exec sleep 60"]\n'
            '    bootstrap.call(console, command)\n'
        )
        process = subprocess.Popen(
            [sys.executable, '-c', script],
            cwd=root,
            env={**os.environ, 'PYTHONPATH': str(root / 'tools')},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, DEADLINE)
        self.addCleanup(process.kill)
        return process

    def wait_for_command(
        self, root: pathlib.Path, process: 'subprocess.Popen[str]'
    ) -> int:
        """The id of the command, once it runs."""
        path = root / 'pid'
        deadline = time.monotonic() + DEADLINE
        while not path.exists() or not path.read_text().endswith('\n'):
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return int(path.read_text())

    def test_command_of_an_ended_set_up_ends_with_it(self) -> None:
        root = self.useFixture(checkout.Checkout()).root
        process = self.start(root)
        pid = self.wait_for_command(root, process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(143, process.wait(DEADLINE))
        with testtools.ExpectedException(ProcessLookupError):
            os.kill(pid, 0)

    def test_second_set_up_says_that_it_waits(self) -> None:
        copy = self.useFixture(checkout.Checkout())
        (copy.root / '.setup').mkdir()
        with (copy.root / '.setup' / 'lock').open('w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            process = self.start(copy.root)
            assert process.stderr is not None
            ready, _, _ = select.select([process.stderr], [], [], DEADLINE)
            self.assertNotEqual([], ready)
            self.assertEqual(
                'waiting for another set-up here\n', process.stderr.readline()
            )
            self.assertFalse((copy.root / 'pid').exists())
        self.wait_for_command(copy.root, process)
        process.terminate()
