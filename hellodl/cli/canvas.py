"""Sheets of drawings as PNG: text, bars and enlarged pictures in one style, in files marked as ours."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from hellodl.errors import UsageError
from hellodl.system.files import kind_at, write_atomically
from hellodl.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.cli.terminal import Grey

Colour: TypeAlias = tuple[int, int, int]

_PAPER, WHITE, TEXT, FADED = (246, 246, 243), (255, 255, 255), (32, 36, 40), (124, 130, 136)
LINE, TRACK = (222, 222, 217), (236, 236, 232)
BLUE = (36, 104, 178)
MARK = "Software"  # the PNG text that says who made a file
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


# Files ------------------------------------------------------------------------------------------------


def save(image: Image.Image, path: Path) -> None:
    """Write a PNG that is marked as made by hellodl, wholly or not at all. Raises HellodlError."""
    mark = PngInfo()
    mark.add_text(MARK, f"hellodl {__version__}")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=mark, optimize=True)
    write_atomically(path, buffer.getvalue())


def check_free(path: Path, option: str) -> None:
    """Raise UsageError unless a drawing may be written here: a new .png, or one that hellodl drew."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"{option} {path}: expected a name that ends in .png")
    if kind_at(path) != "nothing" and not _is_ours(path):
        raise UsageError(
            f"{option} {path}: there is a file that hellodl did not draw, and it stays; choose another name"
        )


def _is_ours(path: Path) -> bool:
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return str(image.info.get(MARK, "")).startswith("hellodl ")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # all that Pillow raises
        return False
