# SPDX-License-Identifier: Apache-2.0
"""Run commands one after the other and show how far they are."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import time

TAIL_LINES = 15
TAIL_BYTES = 8192
#: The signals that end a run; the handlers raise.
ENDING = frozenset({signal.SIGINT, signal.SIGTERM})


class CommandError(Exception):
    """A command failed; the message ends with what it said last."""


class Console:
    """Runs commands into the log file and shows how far they are.

    ``lock`` is a descriptor that every command keeps open: what it locks stays
    locked as long as a command runs, whatever becomes of this process.
    """

    def __init__(self, log: Path, lock: int) -> None:
        self._log = log
        self._lock = lock
        self._live = sys.stderr.isatty()
        self._title = ''
        self._began = 0.0

    def begin(self, title: str) -> None:
        """Announce a step."""
        self._title = title
        self._began = time.monotonic()
        if not self._live:
            print(title, file=sys.stderr)

    def end(self) -> None:
        """Announce that the step is done."""
        self.note(f'{self._title}: done in {self._elapsed():.0f} s')

    def note(self, text: str) -> None:
        """Tell something that does not stop the run."""
        self._clear_line()
        print(text, file=sys.stderr)

    def call(
        self,
        command: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        """Run a command to its end.

        :raises CommandError: it failed
        :raises OSError: it cannot be started
        """
        with self._log.open('a', encoding='utf-8') as log:
            log.write(f'$ {" ".join(map(str, command))}\n')
            log.flush()
            # A signal between the start and the try would leave it running.
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
            try:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lock,),
                    # No thread is here; the command must not inherit the mask.
                    preexec_fn=allow_ending,  # noqa: PLW1509
                )
                self._follow(process)
            finally:
                allow_ending()
        if process.returncode:
            raise CommandError(
                f'{self._title}: {Path(command[0]).name} failed. The end of '
                f'{self._log}:\n{tail(self._log)}'
            )

    def _follow(self, process: 'subprocess.Popen[bytes]') -> None:
        try:
            allow_ending()
            while process.poll() is None:
                try:
                    process.wait(timeout=0.5 if self._live else None)
                except subprocess.TimeoutExpired:
                    self._show_last_line()
        finally:
            self._clear_line()
            if process.poll() is None:
                process.terminate()
                process.wait()

    def _show_last_line(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        last = tail(self._log, 1).strip()
        line = f'{self._title} ({self._elapsed():.0f} s): {last}'
        self._clear_line()
        sys.stderr.write(line[:width])
        sys.stderr.flush()

    def _clear_line(self) -> None:
        if self._live:
            sys.stderr.write('\r\x1b[K')

    def _elapsed(self) -> float:
        return time.monotonic() - self._began


def allow_ending() -> None:
    """Let the signals through that end a run."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a text file, without control characters."""
    with path.open('rb') as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = file.read().decode('utf-8', 'replace')
    kept = text.replace('\r', '\n').rstrip().split('\n')[-lines:]
    return '\n'.join(re.sub(r'[^\x20-\x7e\x80-\uffff]', '', s) for s in kept)
