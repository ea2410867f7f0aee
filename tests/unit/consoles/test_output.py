# SPDX-License-Identifier: Apache-2.0
from console_api.consoles import output
from tests import base


class CleanTest(base.TestCase):
    def test_control_characters_are_removed(self) -> None:
        removed = {*range(0x09), *range(0x0B, 0x20)}
        for code in range(0x80):
            with self.subTest(code=code):
                wanted = '' if code in removed else chr(code)
                self.assertEqual(wanted, output.clean(bytes([code])))

    def test_bytes_that_are_no_text_are_replaced(self) -> None:
        self.assertEqual('a\ufffdb', output.clean(b'a\xffb'))

    def test_text_of_other_scripts_stays(self) -> None:
        self.assertEqual('héllo ☃', output.clean('héllo ☃'.encode()))

    def test_character_cut_in_two(self) -> None:
        self.assertEqual('\ufffda', output.clean('☃a'.encode()[2:]))


class LastLinesTest(base.TestCase):
    TEXT = 'first\nsecond\nthird\n'

    def test_none_means_everything(self) -> None:
        self.assertEqual(self.TEXT, output.last_lines(self.TEXT, None))

    def test_minus_one_means_everything(self) -> None:
        self.assertEqual(self.TEXT, output.last_lines(self.TEXT, -1))

    def test_nothing(self) -> None:
        self.assertEqual('', output.last_lines(self.TEXT, 0))

    def test_last_line(self) -> None:
        self.assertEqual('third\n', output.last_lines(self.TEXT, 1))

    def test_last_line_without_a_line_break(self) -> None:
        self.assertEqual('third', output.last_lines('second\nthird', 1))

    def test_all_lines(self) -> None:
        self.assertEqual(self.TEXT, output.last_lines(self.TEXT, 3))

    def test_more_lines_than_there_are(self) -> None:
        self.assertEqual(self.TEXT, output.last_lines(self.TEXT, 10**30))

    def test_no_text(self) -> None:
        self.assertEqual('', output.last_lines('', 5))

    def test_empty_lines_count(self) -> None:
        self.assertEqual('\n\n', output.last_lines('a\n\n\n', 2))
