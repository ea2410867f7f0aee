# SPDX-License-Identifier: Apache-2.0
"""Tests of rectangles and of what a client has not seen."""

import hypothesis
from hypothesis import strategies

from console_api.virt.fake import geometry
from tests import base

Rect = geometry.Rect
_NUMBERS = strategies.integers(0, 9)
_RECTS = strategies.builds(Rect, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)


def pixels(*rects):
    return [
        (x, y)
        for rect in rects
        for x in range(rect.x, rect.right)
        for y in range(rect.y, rect.bottom)
    ]


class TestRect(base.TestCase):
    @hypothesis.settings(deadline=None)
    @hypothesis.given(_RECTS, _RECTS)
    def test_an_intersection_is_what_both_have(self, one, two):
        self.assertEqual(
            set(pixels(one)) & set(pixels(two)),
            set(pixels(one.intersection(two))),
        )

    @hypothesis.settings(deadline=None)
    @hypothesis.given(_RECTS, _RECTS)
    def test_a_union_is_around_both_and_no_larger(self, one, two):
        seen = pixels(one, two)
        around = one.union(two)
        self.assertLessEqual(set(seen), set(pixels(around)))
        if seen:
            self.assertEqual(
                (
                    min(x for x, _y in seen),
                    min(y for _x, y in seen),
                    max(x for x, _y in seen) + 1,
                    max(y for _x, y in seen) + 1,
                ),
                around.box,
            )

    @hypothesis.settings(deadline=None)
    @hypothesis.given(_RECTS, _RECTS)
    def test_the_rest_is_the_rest_without_overlaps(self, one, two):
        self.assertEqual(
            sorted(set(pixels(one)) - set(pixels(two))),
            sorted(pixels(*[part for part in one.without(two) if part])),
        )

    def test_a_line_without_a_width_is_false(self):
        self.assertFalse(Rect(1, 1, 0, 5))
        self.assertFalse(Rect(1, 1, 5, 0))
        self.assertTrue(Rect(1, 1, 1, 1))


class TestDamage(base.TestCase):
    @hypothesis.settings(deadline=None)
    @hypothesis.given(strategies.lists(_RECTS, max_size=8), _RECTS)
    # So many parts that they become one: it has more than what changed.
    @hypothesis.example(
        [Rect(x, 0, 1, 9) for x in range(0, 9, 2)]
        + [Rect(0, y, 9, 1) for y in range(0, 6, 2)],
        Rect(0, 0, 5, 5),
    )
    def test_all_within_the_region_comes_once(self, added, region):
        damage = geometry.Damage()
        for rect in added:
            damage.add([rect])

        first = pixels(*damage.take(region))
        rest = pixels(*damage.take(Rect(0, 0, 99, 99)))

        changed = set(pixels(*added))
        self.assertLessEqual(changed & set(pixels(region)), set(first))
        self.assertLessEqual(set(first), set(pixels(region)))
        self.assertLessEqual(changed, set(first + rest))
        self.assertEqual(len(set(first + rest)), len(first + rest))
        self.assertEqual([], damage.take(Rect(0, 0, 99, 99)))

    @hypothesis.settings(deadline=None)
    @hypothesis.given(_RECTS, _RECTS, _RECTS)
    def test_a_few_come_without_what_did_not_change(self, one, two, region):
        damage = geometry.Damage()
        damage.add([one, two])

        self.assertEqual(
            set(pixels(one, two)) & set(pixels(region)),
            set(pixels(*damage.take(region))),
        )

    def test_nothing_is_noted_twice(self):
        damage = geometry.Damage()
        damage.add([Rect(0, 0, 4, 4), Rect(2, 2, 4, 4), Rect(0, 0, 3, 3)])

        found = pixels(*damage.take(Rect(0, 0, 9, 9)))
        self.assertEqual(len(set(found)), len(found))

    def test_many_become_one_around_them(self):
        damage = geometry.Damage()
        damage.add(Rect(2 * number, 5, 1, 1) for number in range(17))

        self.assertEqual([Rect(0, 5, 33, 1)], damage.take(Rect(0, 0, 99, 99)))
