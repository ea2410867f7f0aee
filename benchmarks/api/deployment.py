# SPDX-License-Identifier: Apache-2.0
"""The service in processes of its own, for as long as it is measured."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

#: Seconds until a process that does not answer counts as failed.
PATIENCE = 60

_CONFIG = """\
[DEFAULT]
host = benchmark
transport_url = {bus}
log_file = {folder}/service.log
[agent]
driver = fake
key_file = {folder}/agent.key
[api]
auth_strategy = noauth
[console]
allowed_targets = 127.0.0.1
[conductor]
enrolment = open
[database]
connection = {database}
"""
_COMMAND = 'import sys; from console_api.cmd import {0}; sys.exit({0}.main())'


@dataclasses.dataclass(frozen=True)
class Deployment:
    """Where the API answers, and which processes there are, by name."""

    host: str
    port: int
    processes: Mapping[str, int]


@contextlib.contextmanager
def standalone() -> Iterator[Deployment]:
    """Everything in one process: SQLite and the bus inside it."""
    with _Processes() as processes:
        state = processes.folder / 'state'
        process = processes.start(
            'all',
            *('-m', 'console_api.cmd.standalone', '--driver=fake'),
            *(f'--state-dir={state}', '--api-port=0', '--proxy-port=0'),
        )
        facts = state / 'standalone.json'
        _wait(process, facts.exists)
        url = json.loads(facts.read_text())['api_url']
        host, _, port = url.removeprefix('http://').rpartition(':')
        yield Deployment(host, int(port), processes.pids())


@contextlib.contextmanager
def distributed(
    bus: str, database: str | None, workers: int, threads: int
) -> Iterator[Deployment]:
    """API under gunicorn, conductor and agent, joined by a message bus."""
    with _Processes() as processes:
        folder = processes.folder
        config = folder / 'console-api.conf'
        config.write_text(
            _CONFIG.format(
                bus=bus,
                database=database or f'sqlite:///{folder}/console.sqlite',
                folder=folder,
            )
        )
        option = f'--config-file={config}'
        done = subprocess.run(
            [
                *(sys.executable, '-c', _COMMAND.format('manage')),
                *(option, 'db', 'sync'),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f'db sync failed: {done.stderr}')
        for name in ('conductor', 'agent'):
            processes.start(name, '-c', _COMMAND.format(name), option)
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = listener.getsockname()[1]
        api = processes.start(
            'api',
            *('-m', 'gunicorn', f'--bind=127.0.0.1:{port}'),
            *(f'--workers={workers}', f'--threads={threads}'),
            *('--worker-class=gthread', '--log-level=warning'),
            'console_api.wsgi.api:application',
        )
        _wait(api, lambda: _listens(port))
        yield Deployment('127.0.0.1', port, processes.pids())


class _Processes(contextlib.ExitStack):
    """Started processes, which end with the context."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = pathlib.Path(
            self.enter_context(tempfile.TemporaryDirectory())
        )
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run Python with these arguments until the context ends."""
        output = self.enter_context((self.folder / f'{name}.out').open('wb'))
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                'OS_CONSOLE_API_CONFIG_DIR': str(self.folder),
            },
        )
        self._started[name] = process
        self.callback(_end, process)
        return process

    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {name: p.pid for name, p in self._started.items()}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    return False


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f'{process.args} did not start')
        time.sleep(0.05)
