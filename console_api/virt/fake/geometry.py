# SPDX-License-Identifier: Apache-2.0
"""Rectangles of a screen, and which of them a client has not seen yet."""

from collections.abc import Iterable
import dataclasses

#: More rectangles than this become the one around them all.
_MAX_RECTS = 16


@dataclasses.dataclass(frozen=True)
class Rect:
    """A rectangle in pixels; it is false if it has no area."""

    x: int
    y: int
    width: int
    height: int

    def __bool__(self) -> bool:
        return self.width > 0 and self.height > 0

    @property
    def right(self) -> int:
        """The first column that is not part of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row that is not part of it."""
        return self.y + self.height

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, as Pillow wants them."""
        return self.x, self.y, self.right, self.bottom

    def intersection(self, other: 'Rect') -> 'Rect':
        """What both have; without an area if that is nothing."""
        x = max(self.x, other.x)
        y = max(self.y, other.y)
        return Rect(
            x,
            y,
            max(0, min(self.right, other.right) - x),
            max(0, min(self.bottom, other.bottom) - y),
        )

    def union(self, other: 'Rect') -> 'Rect':
        """The smallest rectangle around both."""
        if not self:
            return other
        if not other:
            return self
        x = min(self.x, other.x)
        y = min(self.y, other.y)
        return Rect(
            x,
            y,
            max(self.right, other.right) - x,
            max(self.bottom, other.bottom) - y,
        )

    def without(self, other: 'Rect') -> 'list[Rect]':
        """What is left of it outside the other: at most four rectangles."""
        cut = self.intersection(other)
        if not cut:
            return [self]
        parts = (
            Rect(self.x, self.y, self.width, cut.y - self.y),
            Rect(self.x, cut.y, cut.x - self.x, cut.height),
            Rect(cut.right, cut.y, self.right - cut.right, cut.height),
            Rect(self.x, cut.bottom, self.width, self.bottom - cut.bottom),
        )
        return [part for part in parts if part]


class Damage:
    """The parts of the screen that changed since a client was sent them."""

    def __init__(self) -> None:
        self._rects: list[Rect] = []

    def add(self, rects: Iterable[Rect]) -> None:
        """Note that these changed; parts already noted count once."""
        for rect in rects:
            parts = [rect] if rect else []
            for known in self._rects:
                parts = [
                    left for part in parts for left in part.without(known)
                ]
            self._rects += parts
        if len(self._rects) > _MAX_RECTS:
            around = self._rects[0]
            for rect in self._rects[1:]:
                around = around.union(rect)
            self._rects = [around]

    def take(self, region: Rect) -> list[Rect]:
        """What changed within the region; it counts as seen from now on."""
        taken = [rect.intersection(region) for rect in self._rects]
        self._rects = [
            left for rect in self._rects for left in rect.without(region)
        ]
        return [rect for rect in taken if rect]
