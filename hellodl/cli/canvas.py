"""Sheets of drawings: text, bars and enlarged pictures in one style."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from hellodl.cli.terminal import Grey

Colour: TypeAlias = tuple[int, int, int]

_PAPER, WHITE, TEXT, FADED = (246, 246, 243), (255, 255, 255), (32, 36, 40), (124, 130, 136)
LINE, TRACK = (222, 222, 217), (236, 236, 232)
BLUE = (36, 104, 178)
SCALE = 2  # everything is drawn this large, so that it is sharp on fine screens
MARGIN = 28


class Canvas:
    """A sheet to draw on; all lengths are in units of SCALE pixels."""

    def __init__(self, width: float, height: float) -> None:
        self.image = Image.new("RGB", (round(width * SCALE), round(height * SCALE)), _PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, words: str, size: float = 14, colour: Colour = TEXT, anchor: str = "la"
    ) -> None:
        """Words on one line; `anchor` as Pillow has it: "la" starts at (x, y), "ra" ends there."""
        self._draw.text((x * SCALE, y * SCALE), words, colour, _font(size), anchor)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Colour | None = None,
        outline: Colour | None = None,
        radius: float = 0,
        thickness: float = 1,
    ) -> None:
        """A rectangle, its corners rounded; nothing if it has no size."""
        right, bottom = (x + width) * SCALE - 1, (y + height) * SCALE - 1
        if right >= x * SCALE and bottom >= y * SCALE:
            edges = (x * SCALE, y * SCALE, right, bottom)
            self._draw.rounded_rectangle(edges, radius * SCALE, fill, outline, round(thickness * SCALE))

    def picture(self, x: float, y: float, pixels: Grey, width: float, height: float) -> None:
        """A picture (h, w) or (h, w, 3): smooth where it shrinks, its pixels as squares where it grows."""
        image = Image.fromarray(pixels).convert("RGB")
        size = max(1, round(width * SCALE)), max(1, round(height * SCALE))
        grows = size[0] >= 2 * image.width
        smooth = Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS
        self.image.paste(image.resize(size, smooth), (round(x * SCALE), round(y * SCALE)))


def fitted(text: str, width: float, size: float = 14) -> str:
    """Text that fits into a width: cut in the middle where it is longer."""
    kept = len(text)
    short = text
    while kept > 4 and _font(size).getlength(short) > width * SCALE:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return short


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * SCALE)
