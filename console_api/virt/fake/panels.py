# SPDX-License-Identifier: Apache-2.0
"""The parts of a simulated screen and how each is painted."""

import collections
import dataclasses
import datetime

from PIL import Image
from PIL import ImageDraw

from console_api.virt.fake import geometry
from console_api.virt.fake import inventory
from console_api.virt.fake import keys
from console_api.virt.fake import theme

AREA = geometry.Rect(0, 0, 1024, 768)
HEADER = geometry.Rect(32, 32, 960, 184)
CLOCK = geometry.Rect(32, 232, 472, 268)
POINTER = geometry.Rect(520, 232, 472, 268)
KEYS = geometry.Rect(32, 516, 960, 220)

_MARGIN = 24
_MAX_PRESSED = 16
_MAX_HISTORY = 24
_MAX_TYPED = 120
_CONTROL = (0xFFE3, 0xFFE4, 0xFFE7, 0xFFE8, 0xFFE9, 0xFFEA, 0xFFEB, 0xFFEC)
_BACKSPACE = 0xFF08
_ENTER = (0xFF0D, 0xFF8D)


class Keyboard:
    """The keys that came in, of which only the last are kept."""

    def __init__(self) -> None:
        self.pressed: list[int] = []
        self.history: collections.deque[int] = collections.deque(
            maxlen=_MAX_HISTORY
        )
        self.typed = ''

    def event(self, down: bool, keysym: int) -> None:
        """A key went down (again, if it repeats) or up."""
        if not down:
            if keysym in self.pressed:
                self.pressed.remove(keysym)
            return
        if keysym not in self.pressed:
            self.pressed = [*self.pressed, keysym][-_MAX_PRESSED:]
        self.history.append(keysym)
        self._type(keysym)

    def _type(self, keysym: int) -> None:
        character = keys.character(keysym)
        if keysym == _BACKSPACE:
            self.typed = self.typed[:-1]
        elif keysym in _ENTER:
            self.typed = ''
        elif character and not set(self.pressed) & set(_CONTROL):
            self.typed = (self.typed + character)[-_MAX_TYPED:]


@dataclasses.dataclass
class Pointer:
    """Where the pointer is and which buttons are down (bit 0: left)."""

    x: int = AREA.width // 2
    y: int = AREA.height // 2
    buttons: int = 0
    clicks: int = 0
    wheel: int = 0

    def event(self, buttons: int, x: int, y: int) -> None:
        """It is there now, with these buttons down."""
        down = buttons & ~self.buttons
        self.clicks += (down & 0b111).bit_count()
        self.wheel += bool(down & 0b1000)
        self.wheel -= bool(down & 0b10000)
        self.buttons, self.x, self.y = buttons, x, y


def paint_header(server: inventory.SimulatedServer) -> Image.Image:
    """Which server this is."""
    image = theme.card(HEADER.width, HEADER.height, 'Simulated server')
    draw = ImageDraw.Draw(image)
    state = server.vm_state.replace('_', ' ').upper()
    if server.task_state:
        state += f' / {server.task_state.replace("_", " ").upper()}'
    right = HEADER.width - _MARGIN
    width = theme.text_width(state, 18) + 32
    theme.rounded(
        image,
        (right - width, 18, right, 50),
        16,
        theme.GOOD if server.vm_state == 'active' else theme.WARNING,
    )
    theme.write(draw, (right - width + 16, 41), state, 18, theme.DARK)
    room = HEADER.width - 2 * _MARGIN
    name = theme.fit(server.name, 56, room)
    theme.write(draw, (_MARGIN - 2, 108), name, 56, theme.TEXT)
    theme.write(draw, (_MARGIN, 152), server.id, 26, theme.ACCENT)
    owner = theme.fit(f'project {server.project_id}', 20, room // 2 - 60)
    left = right - theme.text_width(owner, 20)
    theme.write(draw, (left, 152), owner, 20, theme.QUIET)
    return image


def paint_clock(now: datetime.datetime, running: bool) -> Image.Image:
    """What time it is, and how much of the minute is over."""
    image = theme.card(
        CLOCK.width, CLOCK.height, 'Clock' if running else 'Clock, stopped'
    )
    draw = ImageDraw.Draw(image)
    colour = theme.TEXT if running else theme.QUIET
    theme.write(draw, (_MARGIN - 4, 142), f'{now:%H:%M:%S}', 96, colour)
    date = f'{now:%A} {now.day} {now:%B %Y}, UTC'
    theme.write(draw, (_MARGIN, 192), date, 22, theme.QUIET)
    pitch = (CLOCK.width - 2 * _MARGIN) / 60
    for second in range(60):
        left = round(_MARGIN + second * pitch)
        draw.rectangle(
            (left, 220, left + 4, 240),
            theme.ACCENT if second <= now.second and running else theme.RAISED,
        )
    return image


def paint_pointer(pointer: Pointer) -> Image.Image:
    """Where the pointer is on the screen, and its buttons."""
    image = theme.card(POINTER.width, POINTER.height, 'Pointer')
    draw = ImageDraw.Draw(image)
    left, top, width, height = _MARGIN, 60, 240, 180
    theme.rounded(
        image, (left, top, left + width, top + height), 6, theme.RAISED
    )
    x = left + pointer.x * (width - 1) // (AREA.width - 1)
    y = top + pointer.y * (height - 1) // (AREA.height - 1)
    draw.line((left, y, left + width - 1, y), theme.EDGE)
    draw.line((x, top, x, top + height - 1), theme.EDGE)
    draw.ellipse(
        (x - 4, y - 4, x + 4, y + 4),
        theme.WARNING if pointer.buttons else theme.ACCENT,
    )
    column = left + width + 28
    theme.write(draw, (column, 90), f'x {pointer.x}', 28, theme.TEXT)
    theme.write(draw, (column, 90 + 38), f'y {pointer.y}', 28, theme.TEXT)
    for bit in range(3):
        box_left = column + bit * 50
        theme.rounded(
            image,
            (box_left, 150, box_left + 42, 192),
            8,
            theme.ACCENT if pointer.buttons >> bit & 1 else theme.RAISED,
        )
    wheel = f'{pointer.wheel:+d}' if pointer.wheel else '0'
    counts = f'clicks {pointer.clicks}, wheel {wheel}'
    room = POINTER.width - column - _MARGIN // 2
    theme.write(
        draw, (column, 236), theme.fit(counts, 18, room), 18, theme.QUIET
    )
    return image


def paint_keys(keyboard: Keyboard, running: bool) -> Image.Image:
    """The last keys, those that are held down, and the text they made."""
    image = theme.card(KEYS.width, KEYS.height, 'Keys')
    draw = ImageDraw.Draw(image)
    right = KEYS.width - _MARGIN
    # The newest at the right end, until there is no room for older ones.
    for keysym in reversed(keyboard.history):
        label = theme.fit(keys.name(keysym), 24, 220)
        width = max(52, theme.text_width(label, 24) + 32)
        if right - width < _MARGIN:
            break
        held = keysym in keyboard.pressed
        theme.rounded(
            image,
            (right - width, 60, right, 112),
            10,
            theme.ACCENT if held else theme.RAISED,
        )
        theme.write(
            draw,
            (right - width + (width - theme.text_width(label, 24)) // 2, 95),
            label,
            24,
            theme.DARK if held else theme.TEXT,
        )
        right -= width + 10
    if not keyboard.history:
        hint = (
            'Type, and the keys show here.'
            if running
            else 'The server does not run: keys are lost.'
        )
        theme.write(draw, (_MARGIN, 95), hint, 24, theme.QUIET)
    draw.rectangle((_MARGIN, 190, KEYS.width - _MARGIN, 191), theme.EDGE)
    _paint_typed(draw, keyboard.typed)
    return image


def _paint_typed(draw: ImageDraw.ImageDraw, typed: str) -> None:
    room = KEYS.width - 2 * _MARGIN - 8
    while typed and theme.text_width(theme.fit(typed, 30, 10**6), 30) > room:
        typed = typed[1:]
    line = theme.fit(typed, 30, 10**6)
    theme.write(draw, (_MARGIN, 174), line, 30, theme.TEXT)
    cursor = _MARGIN + theme.text_width(line, 30) + 3
    draw.rectangle((cursor, 148, cursor + 2, 180), theme.ACCENT)
