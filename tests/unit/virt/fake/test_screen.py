# SPDX-License-Identifier: Apache-2.0
"""Tests of the picture of a simulated server."""

import datetime

from PIL import ImageChops

from console_api.virt.fake import geometry
from console_api.virt.fake import inventory
from console_api.virt.fake import panels
from console_api.virt.fake import screen
from tests import base

START = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)


class TestScreen(base.TestCase):
    def setUp(self):
        super().setUp()
        self.time = START
        self.screen = self.make()

    def make(self, **arguments):
        server = inventory.SimulatedServer('id', 'name')
        made = screen.Screen(server, lambda: self.time, **arguments)
        made.refresh()
        return made

    def changed(self):
        """What a refresh says is different, checked against the picture."""
        before = self.screen.image(screen.AREA)
        rects = self.screen.refresh()
        box = ImageChops.difference(
            before, self.screen.image(screen.AREA)
        ).getbbox()
        around = geometry.Rect(0, 0, 0, 0)
        for rect in rects:
            around = around.union(rect)
        if box is not None:
            found = geometry.Rect(
                box[0], box[1], box[2] - box[0], box[3] - box[1]
            )
            self.assertEqual(found, around.intersection(found))
        return rects

    def assertWithin(self, part, rects):
        self.assertNotEqual([], rects)
        for rect in rects:
            self.assertEqual(rect, rect.intersection(part))

    def test_nothing_happened_and_nothing_changes(self):
        self.assertEqual([], self.changed())

    def test_a_second_changes_a_part_of_the_clock(self):
        self.time += datetime.timedelta(seconds=1)
        self.screen.tick()

        rects = self.changed()
        self.assertWithin(panels.CLOCK, rects)
        self.assertEqual(1, len(rects))
        self.assertLess(rects[0].width, panels.CLOCK.width - 50)
        self.assertLess(rects[0].height, panels.CLOCK.height - 50)

    def test_a_tick_without_a_new_second_changes_nothing(self):
        self.screen.tick()

        self.assertEqual([], self.changed())

    def test_a_key_changes_the_keys(self):
        self.screen.key(True, 65)

        self.assertWithin(panels.KEYS, self.changed())

    def test_the_pointer_changes_its_old_place_and_its_new_one(self):
        self.screen.pointer(0, 3, 4)

        rects = self.changed()
        self.assertIn(geometry.Rect(512, 384, 20, 28), rects)
        self.assertIn(geometry.Rect(3, 4, 20, 28), rects)

    def test_much_input_is_painted_once(self):
        for number in range(500):
            self.screen.key(True, 32 + number % 90)
            self.screen.pointer(number % 8, number, number)

        self.assertEqual([panels.KEYS, panels.POINTER], self.screen._stale)
        self.assertEqual(4, len(self.changed()))

    def test_a_part_shows_the_pointer_where_it_is(self):
        self.screen.pointer(0, 100, 100)
        self.screen.refresh()
        whole = self.screen.image(screen.AREA)

        for box in ((90, 90, 20, 20), (105, 105, 40, 40), (0, 0, 50, 50)):
            part = geometry.Rect(*box)
            self.assertIsNone(
                ImageChops.difference(
                    whole.crop(part.box), self.screen.image(part)
                ).getbbox()
            )

    def test_a_stopped_screen_takes_nothing_in(self):
        self.screen = self.make(running=False)
        self.time += datetime.timedelta(seconds=1)
        self.screen.tick()
        self.screen.key(True, 65)
        self.screen.pointer(7, 1, 1)

        self.assertEqual([], self.changed())

    def test_a_picture_that_was_released_is_painted_anew(self):
        self.screen.key(True, 65)
        self.screen.refresh()
        before = self.screen.image(screen.AREA)
        self.screen.release()

        self.assertIsNone(self.screen._picture)
        self.assertEqual([screen.AREA], self.screen.refresh())
        self.assertIsNone(
            ImageChops.difference(
                before, self.screen.image(screen.AREA)
            ).getbbox()
        )
