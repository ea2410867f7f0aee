# SPDX-License-Identifier: Apache-2.0
"""Edits a line on a terminal, one character of input at a time.

A serial line does not know the terminal's size: what is shown is right as
long as the line fits into one row, and Ctrl-L shows it anew.
"""

import collections
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import types
import unicodedata

INTERRUPT = '\x03'
_ESCAPE = '\x1b'
_BELL = '\a'
_ERASE_REST = '\x1b[K'
_CLEAR = '\x1b[H\x1b[2J'

#: More characters than this are refused with a bell.
_MAX_LINE = 1024
_MAX_HISTORY = 100
#: The end of a longer escape sequence is awaited, the rest not kept.
_MAX_SEQUENCE = 16


@dataclasses.dataclass(frozen=True)
class Typed:
    """What a character did: what to show, and the line if it is complete."""

    echo: str = ''
    line: str | None = None


class History:
    """The last lines that were entered."""

    def __init__(self) -> None:
        self._lines: collections.deque[str] = collections.deque(
            maxlen=_MAX_HISTORY
        )

    def add(self, line: str) -> None:
        """Keep a line, unless it says nothing new."""
        if line.strip() and (not self._lines or self._lines[-1] != line):
            self._lines.append(line)

    def lines(self) -> list[str]:
        """The lines, oldest first."""
        return list(self._lines)


def width(text: Sequence[str]) -> int:
    """How many columns the characters take."""
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in ('Mn', 'Me'):
        return 0
    return 2 if unicodedata.east_asian_width(char) in 'WF' else 1


class LineEditor:
    """The line that is being typed.

    Each method that stands for a key returns what to show.
    """

    def __init__(self, prompt: str, history: History) -> None:
        self._prompt = prompt
        self._history = history
        self._chars: list[str] = []
        self._cursor = 0
        self._sequence = ''
        self._returned = False
        #: Where the arrows are in the history, and what they left behind.
        self._recalled: list[str] = []
        self._draft = ''
        self._age = 0

    def type(self, char: str) -> Typed:
        """Take one character."""
        returned, self._returned = self._returned, char == '\r'
        if self._sequence:
            return self._continue(char)
        if char == _ESCAPE or (char == '\n' and returned):
            self._sequence = char.strip()
            return Typed()
        if char in '\r\n':
            return self._enter()
        if char == INTERRUPT:
            self._reset()
            return Typed('^C\n' + self._prompt)
        action = _KEYS.get(char)
        if action is not None:
            return Typed(action(self))
        return Typed(self._insert(char) if char.isprintable() else _BELL)

    def _continue(self, char: str) -> Typed:
        """Go on with an escape sequence (ECMA-48, section 5.4)."""
        sequence = self._sequence + char
        self._sequence = ''
        if char < ' ' or char == '\x7f':
            # A control character ends the sequence and counts itself.
            return self.type(char)
        if sequence in ('\x1b[', '\x1bO') or (
            sequence[1] == '[' and char <= '?'
        ):
            self._sequence = sequence[:_MAX_SEQUENCE]
            return Typed()
        action = _SEQUENCES.get(sequence)
        return Typed(action(self) if action is not None else '')

    def _enter(self) -> Typed:
        line = ''.join(self._chars)
        self._history.add(line)
        echo = ''.join(self._chars[self._cursor :]) + '\n'
        self._reset()
        return Typed(echo, line)

    def _reset(self) -> None:
        self._chars.clear()
        self._cursor = self._age = 0
        self._recalled.clear()

    def _insert(self, char: str) -> str:
        if len(self._chars) >= _MAX_LINE:
            return _BELL
        self._chars.insert(self._cursor, char)
        self._cursor += 1
        tail = self._chars[self._cursor :]
        return char + ''.join(tail) + _back(tail)

    def _cut(self, start: int, stop: int) -> str:
        """Take characters out; the cursor is at one end of them."""
        if start == stop:
            return _BELL
        before = self._chars[start : self._cursor]
        del self._chars[start:stop]
        self._cursor = start
        tail = self._chars[start:]
        return _back(before) + ''.join(tail) + _ERASE_REST + _back(tail)

    def _left_of(self, cursor: int) -> int:
        """Where the character before the cursor begins, with its accents."""
        while cursor > 0:
            cursor -= 1
            if _width(self._chars[cursor]):
                break
        return cursor

    def _right_of(self, cursor: int) -> int:
        end = len(self._chars)
        cursor = min(cursor + 1, end)
        while cursor < end and not _width(self._chars[cursor]):
            cursor += 1
        return cursor

    def _move(self, cursor: int) -> str:
        old, self._cursor = self._cursor, cursor
        if cursor <= old:
            return _back(self._chars[cursor:old])
        return ''.join(self._chars[old:cursor])

    def _word_start(self) -> int:
        cursor = self._cursor
        while cursor and self._chars[cursor - 1] == ' ':
            cursor -= 1
        while cursor and self._chars[cursor - 1] != ' ':
            cursor -= 1
        return cursor

    def backspace(self) -> str:
        """Delete the character before the cursor."""
        return self._cut(self._left_of(self._cursor), self._cursor)

    def delete(self) -> str:
        """Delete the character at the cursor."""
        return self._cut(self._cursor, self._right_of(self._cursor))

    def delete_word(self) -> str:
        """Delete the word before the cursor."""
        return self._cut(self._word_start(), self._cursor)

    def delete_before(self) -> str:
        """Delete what is before the cursor."""
        return self._cut(0, self._cursor)

    def delete_after(self) -> str:
        """Delete what is after the cursor."""
        return self._cut(self._cursor, len(self._chars))

    def left(self) -> str:
        """Go one character to the left."""
        return self._move(self._left_of(self._cursor))

    def right(self) -> str:
        """Go one character to the right."""
        return self._move(self._right_of(self._cursor))

    def home(self) -> str:
        """Go to the start."""
        return self._move(0)

    def end(self) -> str:
        """Go to the end."""
        return self._move(len(self._chars))

    def clear(self) -> str:
        """Show the line on an empty screen."""
        line = ''.join(self._chars)
        return (
            _CLEAR + self._prompt + line + _back(self._chars[self._cursor :])
        )

    def older(self) -> str:
        """Take the line before from the history."""
        if not self._age:
            self._recalled = self._history.lines()
            self._draft = ''.join(self._chars)
        if self._age == len(self._recalled):
            return _BELL
        self._age += 1
        return self._replace(self._recalled[-self._age])

    def newer(self) -> str:
        """Take the line after from the history, or what was being typed."""
        if not self._age:
            return _BELL
        self._age -= 1
        return self._replace(
            self._recalled[-self._age] if self._age else self._draft
        )

    def _replace(self, line: str) -> str:
        back = _back(self._chars[: self._cursor])
        self._chars = list(line)
        self._cursor = len(self._chars)
        return back + _ERASE_REST + line


def _back(chars: Sequence[str]) -> str:
    return '\b' * width(chars)


_Action = Callable[[LineEditor], str]

_KEYS: Mapping[str, _Action] = types.MappingProxyType(
    {
        '\x01': LineEditor.home,
        '\x02': LineEditor.left,
        '\x05': LineEditor.end,
        '\x06': LineEditor.right,
        '\x08': LineEditor.backspace,
        '\x0b': LineEditor.delete_after,
        '\x0c': LineEditor.clear,
        '\x0e': LineEditor.newer,
        '\x10': LineEditor.older,
        '\x15': LineEditor.delete_before,
        '\x17': LineEditor.delete_word,
        '\x7f': LineEditor.backspace,
    }
)

#: What the terminals of the day send for the keys beside the letters.
_SEQUENCES: Mapping[str, _Action] = types.MappingProxyType(
    {
        start + end: action
        for start in ('\x1b[', '\x1bO')
        for end, action in (
            ('A', LineEditor.older),
            ('B', LineEditor.newer),
            ('C', LineEditor.right),
            ('D', LineEditor.left),
            ('F', LineEditor.end),
            ('H', LineEditor.home),
        )
    }
    | {
        '\x1b[1~': LineEditor.home,
        '\x1b[3~': LineEditor.delete,
        '\x1b[4~': LineEditor.end,
        '\x1b[7~': LineEditor.home,
        '\x1b[8~': LineEditor.end,
    }
)
