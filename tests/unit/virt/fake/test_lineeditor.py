# SPDX-License-Identifier: Apache-2.0
"""Tests of the line editor, with a small terminal that shows its echo."""

import re
import unicodedata

import hypothesis
from hypothesis import strategies

from console_api.virt.fake import lineeditor
from tests import base

LEFT, RIGHT, UP, DOWN = '\x1b[D', '\x1b[C', '\x1b[A', '\x1b[B'
HOME, END, DELETE = '\x1b[H', '\x1b[F', '\x1b[3~'
WIDE = '\N{CJK UNIFIED IDEOGRAPH-65E5}'
ACCENT = '\N{COMBINING ACUTE ACCENT}'
PROMPT = 'guest:~# '


class Terminal:
    """One row of a terminal without an end; '' follows a wide character."""

    def __init__(self):
        self.cells = []
        self.column = 0
        self.bells = 0

    def show(self, text):
        for part in re.findall('\x1b\\[[0-9;]*[A-Za-z]|.', text, re.DOTALL):
            self._show(part)

    def _show(self, part):
        if part == '\b':
            self.column -= 1
        elif part == '\a':
            self.bells += 1
        elif part in ('\n', '\x1b[2J'):
            self.cells.clear()
            self.column = 0
        elif part == '\x1b[K':
            del self.cells[self.column :]
        elif part == '\x1b[H':
            self.column = 0
        elif part[0] == '\x1b':
            raise AssertionError(f'the terminal does not know {part!r}')
        elif unicodedata.category(part) in ('Mn', 'Me'):
            self.cells[self.column - 1] += part
        else:
            wide = unicodedata.east_asian_width(part) in 'WF'
            new = [part, ''] if wide else [part]
            self.cells[self.column : self.column + len(new)] = new
            self.column += len(new)

    @property
    def text(self):
        return ''.join(self.cells)


class EditorTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.history = lineeditor.History()
        self.editor = lineeditor.LineEditor(PROMPT, self.history)
        self.terminal = Terminal()

    def type(self, *texts):
        """Type it; the lines that were entered."""
        lines = []
        for char in ''.join(texts):
            typed = self.editor.type(char)
            self.terminal.show(typed.echo)
            if typed.line is not None:
                lines.append(typed.line)
        return lines

    def check(self, shown, *texts):
        """Type it; the terminal shows that, and so does what is entered."""
        self.type(*texts)
        self.assertEqual(shown, self.terminal.text)
        self.assertEqual([shown], self.type('\r'))


class TestKeys(EditorTestCase):
    def test_what_is_typed_is_shown_and_entered(self):
        self.check('hello', 'hello')

    def test_a_letter_goes_in_at_the_cursor(self):
        self.check('aXbc', 'abc', LEFT, LEFT, 'X')

    def test_the_cursor_is_where_the_next_letter_goes(self):
        self.type('abcd', LEFT, LEFT, 'X')
        self.assertEqual(3, self.terminal.column)

    def test_backspace_deletes_before_the_cursor(self):
        for key in '\x7f\x08':
            self.check('ac', 'abc', LEFT, key)

    def test_delete_deletes_at_the_cursor(self):
        self.check('ac', 'abc', LEFT, LEFT, DELETE)

    def test_home_and_end(self):
        for home, end in (
            (HOME, END),
            ('\x01', '\x05'),
            ('\x1bOH', '\x1bOF'),
            ('\x1b[1~', '\x1b[4~'),
            ('\x1b[7~', '\x1b[8~'),
        ):
            self.check('XabcY', 'abc', home, 'X', end, 'Y')

    def test_left_and_right(self):
        for left, right in (
            (LEFT, RIGHT),
            ('\x1bOD', '\x1bOC'),
            ('\x02', '\x06'),
        ):
            self.check('aXbYc', 'abc', left, left, 'X', right, 'Y')

    def test_ctrl_u_deletes_what_is_before_the_cursor(self):
        self.check('c', 'abc', LEFT, '\x15')

    def test_ctrl_k_deletes_what_is_after_the_cursor(self):
        self.check('ab', 'abc', LEFT, '\x0b')

    def test_ctrl_w_deletes_a_word(self):
        self.check('one c', 'one two  c', LEFT, '\x17')

    def test_at_the_ends_a_bell_rings(self):
        self.type('\x7f', DELETE, '\x15', '\x0b', '\x17', DOWN, UP)
        self.assertEqual(7, self.terminal.bells)
        self.assertEqual(['ok'], self.type('ok\r'))

    def test_ctrl_l_shows_the_line_on_an_empty_screen(self):
        self.type('abc', LEFT)
        self.terminal.show('noise from elsewhere')
        self.type('\x0c')

        self.assertEqual(PROMPT + 'abc', self.terminal.text)
        self.assertEqual(len(PROMPT) + 2, self.terminal.column)

    def test_ctrl_c_begins_a_new_line(self):
        self.type('abc\x03')
        self.assertEqual(PROMPT, self.terminal.text)
        self.assertEqual(['new'], self.type('new\r'))

    def test_other_control_characters_ring_the_bell(self):
        self.type('a\0\t\x1ab')
        self.assertEqual(3, self.terminal.bells)
        self.assertEqual(['ab'], self.type('\r'))

    def test_each_line_end_enters_once(self):
        self.assertEqual(
            ['a', 'b', 'c', '', 'd'], self.type('a\rb\nc\r\n\nd\r')
        )

    def test_a_line_is_bounded(self):
        (line,) = self.type('x' * 5000, '\r')
        self.assertEqual(1024, len(line))
        self.assertEqual(5000 - 1024, self.terminal.bells)


class TestCharacters(EditorTestCase):
    def test_a_wide_character_is_erased_whole(self):
        self.check('ab', 'a', WIDE, '\x7f', 'b')

    def test_a_letter_goes_in_before_a_wide_character(self):
        self.check('aX' + WIDE, 'a', WIDE, LEFT, 'X')

    def test_an_accent_goes_with_its_letter(self):
        self.check('ab', 'ae', ACCENT, '\x7f', 'b')
        self.check('aXe' + ACCENT, 'ae', ACCENT, LEFT, 'X')
        self.check('a', 'ae', ACCENT, LEFT, DELETE)


class TestSequences(EditorTestCase):
    def test_an_unknown_sequence_is_nothing(self):
        self.check(
            'ab', 'a', '\x1b[200~', '\x1b[?1;2c', '\x1bOP', '\x1bx', 'b'
        )

    def test_a_sequence_without_an_end_is_not_kept(self):
        self.check('a', '\x1b[', '1;' * 10000, '~', 'a')

    def test_a_control_character_ends_a_sequence(self):
        self.type('a\x1b[1')
        self.assertEqual(['a'], self.type('\r'))

    def test_a_new_sequence_ends_the_old_one(self):
        self.check('ba', 'a', '\x1b[1', LEFT, 'b')


class TestHistory(EditorTestCase):
    def setUp(self):
        super().setUp()
        self.type('first\rsecond\r')

    def test_up_takes_older_lines(self):
        self.check('second', UP)
        self.check('first', UP, UP, UP)

    def test_down_comes_back_to_what_was_being_typed(self):
        self.check('draft!', 'draft', UP, UP, DOWN, DOWN, '!')

    def test_a_shorter_line_leaves_nothing_of_the_longer_one(self):
        self.check('first', UP, LEFT, LEFT, UP)

    def test_a_changed_line_does_not_change_the_history(self):
        self.check('secondX', UP, 'X')
        self.assertEqual(['first', 'second', 'secondX'], self.history.lines())

    def test_empty_and_repeated_lines_are_not_kept(self):
        self.type('second\r', '\r', '  \r')
        self.assertEqual(['first', 'second'], self.history.lines())

    def test_it_is_bounded(self):
        for number in range(1000):
            self.history.add(str(number))
        lines = self.history.lines()
        self.assertEqual('999', lines[-1])
        self.assertEqual(100, len(lines))

    def test_another_session_may_add_to_it_meanwhile(self):
        self.type(UP)
        for number in range(200):
            self.history.add(str(number))
        self.check('first', UP)


class TestAnything(EditorTestCase):
    @hypothesis.given(
        strategies.lists(
            strategies.one_of(
                strategies.text(max_size=5),
                strategies.sampled_from(
                    (LEFT, RIGHT, UP, DOWN, HOME, END, DELETE, WIDE)
                ),
                strategies.sampled_from('\x03\x0b\x0c\x15\x17\x7f\r\n\x1b'),
                strategies.sampled_from(('ab', 'a b', '\x1b[', '\x1bO')),
            ),
            max_size=40,
        )
    )
    def test_the_terminal_shows_what_is_entered(self, parts):
        # An accent on nothing has no place on the terminal.
        keys = ''.join(
            char for char in ''.join(parts) if lineeditor.width(char)
        )
        self.type('\x03', keys)
        shown = self.terminal.text.removeprefix(PROMPT)
        self.terminal.cells.clear()
        (line,) = self.type('\r')
        self.assertEqual(shown, line)
