# SPDX-License-Identifier: Apache-2.0
"""The picture of a simulated server, painted where it is out of date."""

from collections.abc import Callable
import datetime

from PIL import Image
from PIL import ImageChops

from console_api.virt.fake import geometry
from console_api.virt.fake import inventory
from console_api.virt.fake import panels
from console_api.virt.fake import theme

AREA = panels.AREA


class Screen:
    """What happened to a server's screen, and how it looks.

    Input only notes what has to be painted anew; ``refresh`` paints it, once,
    however much came in. There is a picture only while somebody looks.
    """

    def __init__(
        self,
        server: inventory.SimulatedServer,
        now: Callable[[], datetime.datetime],
        running: bool = True,
    ) -> None:
        """Show that server; ``now`` says what its clock says, in UTC.

        Where it is not running, the clock stands and input is lost.
        """
        self._server = server
        self._now = now
        self._running = running
        self._time = now()
        self._keyboard = panels.Keyboard()
        self._pointer = panels.Pointer()
        self._marker = self._marker_area()
        self._stale: list[geometry.Rect] = []
        self._picture: Image.Image | None = None

    def tick(self) -> None:
        """The clock shows another second."""
        if self._running:
            self._time = self._now()
            self._mark(panels.CLOCK)

    def key(self, down: bool, keysym: int) -> None:
        """A key went down or up."""
        if self._running:
            self._keyboard.event(down, keysym)
            self._mark(panels.KEYS)

    def pointer(self, buttons: int, x: int, y: int) -> None:
        """The pointer is there now, with these buttons down."""
        if self._running:
            self._pointer.event(buttons, x, y)
            self._mark(panels.POINTER)

    def refresh(self) -> list[geometry.Rect]:
        """Paint what is out of date; the parts that are different now."""
        if self._picture is None:
            self.tick()
            self._picture = self._paint_all()
            self._stale.clear()
            return [AREA]
        changed = [self._repaint(self._picture, part) for part in self._stale]
        self._stale.clear()
        marker = self._marker_area()
        if marker != self._marker:
            changed += [self._marker, marker]
            self._marker = marker
        return [rect for rect in changed if rect]

    def image(self, area: geometry.Rect) -> Image.Image:
        """That part of the picture, with the pointer on it."""
        if self._picture is None:
            self.refresh()
        assert self._picture is not None
        image = self._picture.crop(area.box)
        arrow = theme.arrow()
        place = (self._marker.x - area.x, self._marker.y - area.y)
        image.paste(arrow, place, arrow)
        return image

    def release(self) -> None:
        """Nobody looks any more; keep what happened, not the picture."""
        self._picture = None

    def _mark(self, part: geometry.Rect) -> None:
        if part not in self._stale:
            self._stale.append(part)

    def _marker_area(self) -> geometry.Rect:
        width, height = theme.arrow().size
        return geometry.Rect(
            self._pointer.x, self._pointer.y, width, height
        ).intersection(AREA)

    def _repaint(
        self, picture: Image.Image, part: geometry.Rect
    ) -> geometry.Rect:
        """Paint a part anew; the rectangle in it that is different now."""
        new = self._paint(part)
        box = ImageChops.difference(picture.crop(part.box), new).getbbox()
        if box is None:
            return geometry.Rect(0, 0, 0, 0)
        picture.paste(new, (part.x, part.y))
        left, top, right, bottom = box
        return geometry.Rect(
            part.x + left, part.y + top, right - left, bottom - top
        )

    def _paint_all(self) -> Image.Image:
        picture = Image.new('RGB', (AREA.width, AREA.height), theme.BACKGROUND)
        for part in (
            panels.HEADER,
            panels.CLOCK,
            panels.POINTER,
            panels.KEYS,
        ):
            picture.paste(self._paint(part), (part.x, part.y))
        self._marker = self._marker_area()
        return picture

    def _paint(self, part: geometry.Rect) -> Image.Image:
        if part == panels.CLOCK:
            return panels.paint_clock(self._time, self._running)
        if part == panels.POINTER:
            return panels.paint_pointer(self._pointer)
        if part == panels.KEYS:
            return panels.paint_keys(self._keyboard, self._running)
        return panels.paint_header(self._server)
