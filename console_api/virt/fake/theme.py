# SPDX-License-Identifier: Apache-2.0
"""Colours, text and shapes of the simulated screens."""

import functools
import unicodedata

from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

BACKGROUND: Colour = (13, 18, 28)
CARD: Colour = (24, 32, 47)
EDGE: Colour = (44, 56, 78)
RAISED: Colour = (38, 49, 70)
TEXT: Colour = (236, 241, 248)
QUIET: Colour = (139, 153, 176)
ACCENT: Colour = (64, 196, 255)
GOOD: Colour = (72, 199, 142)
WARNING: Colour = (240, 180, 70)
DARK: Colour = (10, 14, 22)

#: Shapes are drawn so many times larger, then reduced: soft edges.
_SCALE = 4
#: More characters than fit into any line.
_MAX_CHARACTERS = 200
_REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


@functools.lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Pillow's own font, ``size`` pixels high."""
    return ImageFont.load_default(size)


def showable(text: str) -> str:
    """The text without what would not print, and of bounded length."""
    clipped = ''.join(
        char if char.isprintable() else _REPLACEMENT
        for char in text[:_MAX_CHARACTERS]
    )
    return clipped + '...' if len(text) > _MAX_CHARACTERS else clipped


def fit(text: str, size: int, width: int) -> str:
    """As much of the text as fits into ``width`` pixels, on one line.

    The font has the letters of ASCII alone: others lose their accents, and
    what is left shows as a box. So no text runs from right to left either.
    """
    text = ''.join(_letter(char) for char in showable(text))
    if font(size).getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font(size).getlength(text[:middle] + '...') <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low] + '...'


def _letter(char: str) -> str:
    letter = unicodedata.normalize('NFKD', char)[0]
    return letter if letter.isascii() else _REPLACEMENT


def text_width(text: str, size: int) -> int:
    """How many pixels wide the text is."""
    return round(font(size).getlength(text))


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    colour: Colour,
) -> None:
    """Write one line; ``place`` is its left end, on the baseline."""
    draw.text(place, text, fill=colour, font=font(size), anchor='ls')


@functools.lru_cache(maxsize=64)
def rounded_mask(width: int, height: int, radius: int) -> Image.Image:
    """Where a rounded box is, as a mask with soft edges."""
    large = Image.new('L', (width * _SCALE, height * _SCALE))
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius * _SCALE, 255
    )
    return large.resize((width, height), Image.Resampling.BOX)


def rounded(
    image: Image.Image,
    box: tuple[int, int, int, int],
    radius: int,
    colour: Colour,
) -> None:
    """Fill a rounded box: left, top, right, bottom."""
    mask = rounded_mask(box[2] - box[0], box[3] - box[1], radius)
    image.paste(colour, (box[0], box[1]), mask)


def card(width: int, height: int, title: str) -> Image.Image:
    """An empty card with an edge and a title."""
    image = Image.new('RGB', (width, height), BACKGROUND)
    rounded(image, (0, 0, width, height), 14, EDGE)
    rounded(image, (1, 1, width - 1, height - 1), 13, CARD)
    write(ImageDraw.Draw(image), (24, 36), title, 18, QUIET)
    return image


@functools.lru_cache(maxsize=1)
def arrow() -> Image.Image:
    """The pointer, as an RGBA image with its tip at the top left."""
    outline = [
        (0, 0),
        (0, 23),
        (6, 18),
        (10, 27),
        (15, 25),
        (11, 16),
        (18, 16),
    ]
    inner = [(2, 4), (2, 19), (6, 15), (11, 24), (12, 24), (8, 14), (14, 14)]
    large = Image.new('RGBA', (20 * _SCALE, 28 * _SCALE))
    draw = ImageDraw.Draw(large)
    for points, colour in ((outline, DARK), (inner, TEXT)):
        draw.polygon(
            [(x * _SCALE, y * _SCALE) for x, y in points], (*colour, 255)
        )
    return large.resize((20, 28), Image.Resampling.BOX)
