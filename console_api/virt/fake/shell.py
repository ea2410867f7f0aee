# SPDX-License-Identifier: Apache-2.0
"""The commands of a simulated server's serial console."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import datetime
import types

from console_api.consoles import output
from console_api.virt.fake import consolelog
from console_api.virt.fake import inventory
from console_api.virt.fake import lineeditor
from console_api.virt.fake import theme

_MAX_PROMPT = 40
_CLEAR = '\x1b[H\x1b[2J'
_PLAIN = '\x1b[0m'
#: ``log`` shows so many bytes.
_LOG_BYTES = 16 * 1024

#: ``big`` prints so many lines of 64 bytes, line end included: 10 MiB.
BIG_LINES = 10 * 1024 * 1024 // 64
_LINES_AT_ONCE = 128

_MAX_ROWS = 500
_MAX_COLUMNS = 1000


@dataclasses.dataclass(frozen=True)
class Machine:
    """The server that the commands speak of, and what they may do to it."""

    server: inventory.SimulatedServer
    log: consolelog.ConsoleLog
    history: lineeditor.History
    now: Callable[[], datetime.datetime]
    reboot: Callable[[], None]

    @property
    def name(self) -> str:
        """The server's name, in one printable line."""
        return theme.showable(self.server.name)


@dataclasses.dataclass(frozen=True)
class Size:
    """What the terminal is believed to show."""

    rows: int = 24
    columns: int = 80


class Shell:
    """Runs the lines that one user enters."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.size = Size()
        self.prompt = f'{machine.name[:_MAX_PROMPT]}:~# '

    def greeting(self) -> str:
        """What a user sees first."""
        return (
            f'\n{self.machine.name}: the serial console of a simulated '
            'server. Type help.\n\n'
        )

    def run(self, line: str) -> Iterator[str]:
        """What the command prints, a bounded part at a time.

        The parts end lines with a bare newline. Nothing more happens once
        the caller stops asking for them.
        """
        words = line.split()
        if not words:
            return iter(())
        command = _COMMANDS.get(words[0])
        if command is None:
            return iter((f'{words[0]}: no such command; try help\n',))
        return command.run(self, words[1:])


def _help(_shell: Shell, _words: list[str]) -> Iterator[str]:
    for name, command in _COMMANDS.items():
        yield f'  {name:<9} {command.help}\n'
    yield (
        'Keys: arrows, Home, End, Backspace, Delete, Ctrl-C, Ctrl-L, '
        'Ctrl-U, Ctrl-W\n'
    )


def _uname(shell: Shell, words: list[str]) -> Iterator[str]:
    if '-a' in words:
        yield f'Simulated {shell.machine.name} 1.0 console_api\n'
    else:
        yield 'Simulated\n'


def _id(shell: Shell, _words: list[str]) -> Iterator[str]:
    server = shell.machine.server
    for key, value in (
        ('id', server.id),
        ('name', server.name),
        ('project', server.project_id),
        ('user', server.user_id),
        ('state', server.vm_state),
        ('consoles', ', '.join(server.consoles)),
    ):
        yield f'{key:<9} {theme.showable(value)}\n'


def _whoami(_shell: Shell, _words: list[str]) -> Iterator[str]:
    yield 'root\n'


def _hostname(shell: Shell, _words: list[str]) -> Iterator[str]:
    yield f'{shell.machine.name}\n'


def _date(shell: Shell, _words: list[str]) -> Iterator[str]:
    yield f'{shell.machine.now():%a %b %d %H:%M:%S UTC %Y}\n'


def _echo(_shell: Shell, words: list[str]) -> Iterator[str]:
    yield ' '.join(words) + '\n'


def _clear(_shell: Shell, _words: list[str]) -> Iterator[str]:
    yield _CLEAR


def _history(shell: Shell, _words: list[str]) -> Iterator[str]:
    for number, line in enumerate(shell.machine.history.lines(), 1):
        yield f'{number:>5}  {line}\n'


def _stty(shell: Shell, words: list[str]) -> Iterator[str]:
    given = dict(zip(words[::2], words[1::2], strict=False))
    try:
        size = Size(
            int(given.get('rows', shell.size.rows)),
            int(given.get('cols', shell.size.columns)),
        )
    except ValueError:
        size = Size(0, 0)
    if not (0 < size.rows <= _MAX_ROWS and 0 < size.columns <= _MAX_COLUMNS):
        yield 'stty: use stty rows ROWS cols COLUMNS\n'
        return
    shell.size = size
    if not given:
        yield f'rows {size.rows}; columns {size.columns};\n'


def _fill(shell: Shell, _words: list[str]) -> Iterator[str]:
    yield _CLEAR
    for row in range(shell.size.rows - 1):
        yield ''.join(
            # The six by six by six cube of the 256 colours.
            f'\x1b[48;5;{16 + (row + column // 4) % 216}m'
            f'{chr(33 + (row + column) % 94)}'
            for column in range(shell.size.columns)
        ) + (_PLAIN + '\n')


def _big(_shell: Shell, _words: list[str]) -> Iterator[str]:
    letters = ''.join(map(chr, range(33, 127)))
    for first in range(0, BIG_LINES, _LINES_AT_ONCE):
        yield ''.join(
            # With the carriage return that is put in later: 64 bytes.
            f'{number:07} {letters[number % 40 :][:54]}\n'
            for number in range(first, first + _LINES_AT_ONCE)
        )


def _reboot(shell: Shell, _words: list[str]) -> Iterator[str]:
    yield 'The server reboots.\n'
    shell.machine.reboot()


def _log(shell: Shell, _words: list[str]) -> Iterator[str]:
    text = output.clean(shell.machine.log.tail(_LOG_BYTES))
    for line in text.splitlines():
        yield f'| {line}\n'


@dataclasses.dataclass(frozen=True)
class _Command:
    run: Callable[[Shell, list[str]], Iterator[str]]
    help: str


_COMMANDS: Mapping[str, _Command] = types.MappingProxyType(
    {
        'help': _Command(_help, 'this list'),
        'uname': _Command(_uname, 'the system; -a with the name'),
        'id': _Command(_id, 'what this server is'),
        'whoami': _Command(_whoami, 'who you are'),
        'hostname': _Command(_hostname, "the server's name"),
        'date': _Command(_date, 'the time'),
        'echo': _Command(_echo, 'print the words that follow'),
        'clear': _Command(_clear, 'empty the screen'),
        'history': _Command(_history, 'the lines that were entered'),
        'stty': _Command(_stty, 'set the size: rows ROWS cols COLUMNS'),
        'fill': _Command(_fill, 'fill the screen with colours'),
        'big': _Command(_big, 'print 10 MiB; Ctrl-C stops it'),
        'log': _Command(_log, "the end of the server's console log"),
        'reboot': _Command(_reboot, 'close the console, as a reboot'),
    }
)
