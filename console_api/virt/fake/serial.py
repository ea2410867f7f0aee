# SPDX-License-Identifier: Apache-2.0
"""The serial port of a simulated server: a shell on each connection.

Everything is made when the client has room for it: however much a command
prints and however much is typed ahead, a few KiB of it are in memory.
"""

import codecs
import collections
from collections.abc import Callable
from collections.abc import Iterator
import datetime
import re

from console_api.virt.fake import consolelog
from console_api.virt.fake import inventory
from console_api.virt.fake import lineeditor
from console_api.virt.fake import shell

#: Output is made in parts of about this many characters.
_PART = 8 * 1024
#: From so many characters on that are not processed, no more are read.
_TYPED_AHEAD = 16 * 1024

_PLAIN = '\x1b[0m'
_SEQUENCE = re.compile('\x1b\\[[0-9;?]*[@-~]')


class SerialPort:
    """A server's serial port; called from one thread."""

    def __init__(
        self,
        server: inventory.SimulatedServer,
        log: consolelog.ConsoleLog,
        now: Callable[[], datetime.datetime],
    ) -> None:
        """Write to that log; ``now`` says what the server's clock says."""
        self._log = log
        self._boot = server.log
        self._runs = server.vm_state not in inventory.FROZEN
        self._machine = shell.Machine(
            server, log, lineeditor.History(), now, self._reboot
        )
        self._sessions: list[SerialSession] = []

    def open(self) -> 'SerialSession':
        """A session for a client that just connected."""
        session = SerialSession(self, self._machine, self._runs)
        self._sessions.append(session)
        return session

    def tick(self) -> None:
        """Nothing changes by itself."""

    def write_log(self, text: str) -> None:
        """Keep what was printed, without colours and cursor movements."""
        plain = _SEQUENCE.sub('', text)
        self._log.write(plain.encode('utf-8', 'replace'))

    def forget(self, session: 'SerialSession') -> None:
        """The session is over."""
        self._sessions.remove(session)

    def _reboot(self) -> None:
        self.write_log(self._boot)
        for session in self._sessions:
            session.close('the server reboots')


class SerialSession:
    """One client of a serial port."""

    def __init__(
        self, port: SerialPort, machine: shell.Machine, runs: bool
    ) -> None:
        """Begin with a greeting; where it does not run, stay silent."""
        self._port = port
        self._runs = runs
        self._shell = shell.Shell(machine)
        self._editor = lineeditor.LineEditor(
            self._shell.prompt, machine.history
        )
        self._decoder = codecs.getincrementaldecoder('utf-8')('replace')
        self._typed: collections.deque[str] = collections.deque()
        self._interrupts = 0
        self._running: Iterator[str] | None = None
        self._logged = True
        self._closed: str | None = None
        if runs:
            self._running = iter((self._shell.greeting(),))
            self._logged = False

    def receive(self, data: bytes) -> None:
        """Take what the client typed; a server that stands still does not."""
        if self._runs:
            text = self._decoder.decode(data)
            self._typed.extend(text)
            self._interrupts += text.count(lineeditor.INTERRUPT)

    def wants_input(self) -> bool:
        """Whether the client may send more."""
        return len(self._typed) < _TYPED_AHEAD

    def produce(self) -> bytes:
        """What to show next, or nothing while there is nothing to do."""
        parts: list[str] = []
        size = 0
        while size < _PART and self._closed is None:
            part = self._step()
            if part is None:
                break
            parts.append(part)
            size += len(part)
        # The terminal wants the carriage return, as from any serial line.
        return ''.join(parts).replace('\n', '\r\n').encode('utf-8', 'replace')

    def is_started(self) -> bool:
        """A serial line has no handshake."""
        return True

    def why_closed(self) -> str | None:
        """Why the connection is over, or None while it is not."""
        return self._closed

    def close(self, why: str) -> None:
        """End the session; the loop drops its connection."""
        self._closed = why

    def end(self) -> None:
        """The connection is gone; nothing is called after this."""
        self._port.forget(self)

    def _step(self) -> str | None:
        """Do a little; what it shows, or None if there is nothing to do."""
        if self._running is not None:
            return self._interrupt() if self._interrupts else self._go_on()
        if not self._typed:
            return None
        char = self._typed.popleft()
        self._interrupts -= char == lineeditor.INTERRUPT
        typed = self._editor.type(char)
        if typed.line is not None:
            self._port.write_log(f'{self._shell.prompt}{typed.line}\n')
            self._running = self._shell.run(typed.line)
            # The log would double each time that somebody reads it there.
            self._logged = typed.line.split()[:1] != ['log']
        return typed.echo

    def _go_on(self) -> str:
        assert self._running is not None
        part = next(self._running, None)
        if part is None:
            self._running = None
            return self._shell.prompt if self._closed is None else ''
        if self._logged:
            self._port.write_log(part)
        return part

    def _interrupt(self) -> str:
        """Stop the command; what was typed before Ctrl-C is forgotten."""
        self._running = None
        while self._interrupts:
            self._interrupts -= self._typed.popleft() == lineeditor.INTERRUPT
        return f'{_PLAIN}^C\n{self._shell.prompt}'
