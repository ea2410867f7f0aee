# SPDX-License-Identifier: Apache-2.0
"""What is measured: processes that carry consoles, and what they use."""

from collections.abc import Iterator
import contextlib
import dataclasses
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import time

_HAPROXY = """
global
    maxconn {sessions}
    nbthread 1
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen console
    bind 127.0.0.1:{port}{secure}
    server guest 127.0.0.1:{backend}
"""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A proxy that runs; ``framed`` says that it speaks WebSocket."""

    name: str
    port: int
    framed: bool
    process: 'subprocess.Popen[str]'

    @property
    def pid(self) -> int:
        """The process that the others of this subject come from."""
        return self.process.pid

    def tasks(self) -> int:
        """How many tasks serve connections; of this project's proxy only."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def pss(self) -> float:
        """Memory of all its processes in KiB, shared pages by their share."""
        return sum(_pss(pid, 'Pss') for pid in _tree(self.pid))

    def own(self) -> float:
        """The same without the pages of files.

        Their share changes whenever any process that has loaded the same
        libraries comes or goes, by megabytes.
        """
        kinds = ('Pss_Anon', 'Pss_Shmem')
        return sum(_pss(pid, *kinds) for pid in _tree(self.pid))

    def cpu(self) -> float:
        """Processor time of all its processes, ended ones too, in seconds."""
        return sum(_cpu(pid) for pid in _tree(self.pid)) + _ended(self.pid)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a subject runs; with a ``processor``, on that one alone."""

    backend: int
    folder: pathlib.Path
    processor: int | None = None
    #: A certificate with its key, where clients come through TLS.
    certificate: pathlib.Path | None = None
    #: The page that opens consoles then.
    origin: str = ''


def most() -> int:
    """Sessions that fit in a process with its limit of descriptors."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(10000, (limit - 200) // 2)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for path in pathlib.Path(f'/proc/{pid}/task').glob('*/children'):
        with contextlib.suppress(OSError):
            for child in path.read_text().split():
                found += _tree(int(child))
    return found


def _pss(pid: int, *kinds: str) -> float:
    total = 0.0
    with contextlib.suppress(OSError):
        rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
        for line in rollup.splitlines():
            kind, _, rest = line.partition(':')
            if kind in kinds:
                total += float(rest.split()[0])
    return total


def _cpu(pid: int) -> float:
    # In nanoseconds, where /proc/PID/stat counts in hundredths of a second.
    total = 0.0
    for path in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat'):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0]) / 1e9
    return total


def _ended(pid: int) -> float:
    """Processor time of the children that have ended, for who forks."""
    text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    fields = text.rpartition(')')[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def backend(program: pathlib.Path) -> Iterator[int]:
    """An RFB server; its port."""
    with running([str(program), 'backend']) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextlib.contextmanager
def ours(place: Place) -> Iterator[Subject]:
    """This project's proxy."""
    log = place.folder / 'proxy.log'
    command = [sys.executable, '-m', 'benchmarks.proxy.served']
    command += [str(place.backend), str(log)]
    if place.certificate is not None:
        command += [str(place.certificate), place.origin]
    with running(command, place.processor) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Subject('console_api', port, True, process)


@contextlib.contextmanager
def websockify(place: Place) -> Iterator[Subject | None]:
    """Websockify of PyPI; None where it is not installed."""
    found = shutil.which(
        'websockify', path=str(pathlib.Path(sys.executable).parent)
    )
    if found is None:
        yield None
        return
    port = free_port()
    command = [found, f'127.0.0.1:{port}', f'127.0.0.1:{place.backend}']
    if place.certificate is not None:
        command[1:1] = [f'--cert={place.certificate}', '--ssl-only']
    with running(command, place.processor) as process:
        wait_for(port)
        yield Subject('websockify', port, True, process)


@contextlib.contextmanager
def haproxy(place: Place) -> Iterator[Subject | None]:
    """HAProxy in TCP mode; None where it is not installed."""
    found = find_haproxy()
    if found is None:
        yield None
        return
    port = free_port()
    path = place.folder / 'haproxy.cfg'
    secure = f' ssl crt {place.certificate}' if place.certificate else ''
    path.write_text(
        _HAPROXY.format(
            port=port,
            secure=secure,
            backend=place.backend,
            sessions=most(),
        )
    )
    command = [found, '-db', '-f', str(path)]
    with running(command, place.processor) as process:
        wait_for(port)
        yield Subject('haproxy', port, False, process)


def find_haproxy() -> str | None:
    """The program, if it is installed."""
    return shutil.which('haproxy', path='/usr/sbin:/usr/local/sbin:/usr/bin')


@contextlib.contextmanager
def running(
    command: list[str], processor: int | None = None
) -> Iterator['subprocess.Popen[str]']:
    """A process that ends with the context."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if processor is not None:
            os.sched_setaffinity(process.pid, {processor})
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Return once something listens there.

    :raises OSError: nothing does after 20 s
    """
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
