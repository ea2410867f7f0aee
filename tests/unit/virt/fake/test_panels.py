# SPDX-License-Identifier: Apache-2.0
"""Tests of what a simulated screen keeps of its input."""

from console_api.virt.fake import inventory
from console_api.virt.fake import panels
from tests import base

CTRL = 0xFFE3


class TestKeyboard(base.TestCase):
    def setUp(self):
        super().setUp()
        self.keyboard = panels.Keyboard()

    def strike(self, *keysyms):
        for keysym in keysyms:
            self.keyboard.event(True, keysym)
            self.keyboard.event(False, keysym)

    def test_letters_become_text(self):
        self.strike(*b'abc')

        self.assertEqual('abc', self.keyboard.typed)
        self.assertEqual([], self.keyboard.pressed)
        self.assertEqual(list(b'abc'), list(self.keyboard.history))

    def test_backspace_takes_one_back(self):
        self.strike(*b'abc', 0xFF08)

        self.assertEqual('ab', self.keyboard.typed)

    def test_enter_starts_a_new_line(self):
        self.strike(*b'abc', 0xFF0D, *b'd')

        self.assertEqual('d', self.keyboard.typed)

    def test_a_letter_with_ctrl_types_nothing(self):
        self.keyboard.event(True, CTRL)
        self.strike(*b'c')

        self.assertEqual('', self.keyboard.typed)
        self.assertEqual([CTRL], self.keyboard.pressed)

    def test_a_key_that_repeats_is_held_once(self):
        for _time in range(3):
            self.keyboard.event(True, 65)
        self.keyboard.event(False, 65)

        self.assertEqual([], self.keyboard.pressed)
        self.assertEqual('AAA', self.keyboard.typed)

    def test_a_key_that_was_not_down_may_go_up(self):
        self.keyboard.event(False, 65)

        self.assertEqual([], self.keyboard.pressed)

    def test_only_the_last_of_everything_is_kept(self):
        for keysym in range(0x20, 0x7F):
            for _time in range(10):
                self.keyboard.event(True, keysym)

        self.assertEqual(list(range(0x7F - 16, 0x7F)), self.keyboard.pressed)
        self.assertEqual(24, len(self.keyboard.history))
        self.assertEqual(120, len(self.keyboard.typed))
        self.assertTrue(self.keyboard.typed.endswith('~'))


class TestPointer(base.TestCase):
    def test_clicks_and_the_wheel_are_counted_when_they_go_down(self):
        pointer = panels.Pointer()
        for buttons in (1, 1, 3, 0, 8, 0, 8, 0, 16, 0, 8, 0):
            pointer.event(buttons, 7, 9)

        self.assertEqual(2, pointer.clicks)
        self.assertEqual(2, pointer.wheel)
        self.assertEqual((7, 9, 0), (pointer.x, pointer.y, pointer.buttons))


class TestPaint(base.TestCase):
    def test_wide_letters_are_clipped_at_the_newest(self):
        keyboard = panels.Keyboard()
        for _time in range(200):
            keyboard.event(True, ord('W'))
        image = panels.paint_keys(keyboard, running=True)

        self.assertEqual(panels.KEYS.width, image.width)
        edge = image.crop((image.width - 20, 60, image.width - 2, 180))
        self.assertEqual(1, len(edge.getcolors()))

    def test_every_state_has_a_header(self):
        for state in inventory.POWER_STATES:
            server = inventory.SimulatedServer(
                'id',
                'W' * 300,
                project_id='W' * 255,
                vm_state=state,
                task_state='rebuild_block_device_mapping',
            )
            image = panels.paint_header(server)

            edge = image.crop((image.width - 20, 20, image.width - 2, 160))
            self.assertEqual(1, len(edge.getcolors()))
