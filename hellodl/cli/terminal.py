"""Small pictures in the terminal: two pixels a character, shown as well as the terminal can.

With colours a character is ▀, its upper half in the upper pixel's colour and the rest in the lower one's.
Without, it is a shade of grey, of blocks or, where the terminal's encoding has none, of letters.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.table import Table
from rich.text import Text

from hellodl.cli.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from rich.console import Console

    Grey: TypeAlias = NDArray[np.uint8]
    RGB: TypeAlias = tuple[int, int, int]

# Characters, with the share of ink in their upper and lower halves.
_BLOCKS = {c: (i / 4, i / 4) for i, c in enumerate(" ░▒▓█")} | {"▀": (1.0, 0.0), "▄": (0.0, 1.0)}
_LETTERS = {c: (i / 9, i / 9) for i, c in enumerate(" .:-=+*#%@")}
_LEVELS = 24  # of a colour: as many greys as a terminal of 256 colours has


def plain_table(*headings: str, left: str = "", gap: int = 2) -> Table:
    """A table without lines; numbers stand at the right, the column with the heading `left` at the left."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, gap, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == left else "right", no_wrap=heading == left)
    return table


def has_colour(console: Console) -> bool:
    """Whether colours will be shown: on a terminal that has them, unless NO_COLOR is set."""
    return console.color_system is not None and not console.no_color


def has_unicode(console: Console) -> bool:
    """Whether characters beyond ASCII can be shown."""
    return console.encoding.startswith("utf")


def shown(text: object, console: Console) -> str:
    """Text on one line, escaped where it holds control characters or what the terminal cannot show."""
    line = printable(text).replace("\n", "\\n")
    return line.encode(console.encoding, "backslashreplace").decode(console.encoding)


def picture(pixels: Grey, console: Console) -> list[Text]:
    """The lines of a picture (h, w), 0 black to 255 white; h / 2 lines, rounded up, of w characters."""
    if not has_colour(console):
        return _in_characters(pixels, _BLOCKS if has_unicode(console) else _LETTERS)
    return in_colours(np.repeat(pixels[:, :, None], 3, axis=2), console)


def in_colours(pixels: Grey, console: Console) -> list[Text]:
    """The lines of a picture of colours (h, w, 3), for a console that has them."""
    steps = (_LEVELS - 1) / 255
    rounded = np.rint(np.rint(_even(pixels) * steps) / steps).astype(np.uint8)
    half = "▀" if has_unicode(console) else " "
    lines = []
    for upper, lower in zip(rounded[0::2].tolist(), rounded[1::2].tolist(), strict=True):
        line = Text(no_wrap=True)
        for top, bottom in zip(upper, lower, strict=True):
            line.append(half, _colours(tuple(top), tuple(bottom)))
        lines.append(line)
    return lines


def red_and_blue(values: NDArray[np.floating]) -> Grey:
    """Colours (h, w, 3) for numbers (h, w): 0 is black, the largest red if above 0, blue if below."""
    strength = np.abs(values) / max(float(np.abs(values).max()), 1e-30)
    red = np.array([255, 96, 48]) * (values > 0)[:, :, None]
    blue = np.array([64, 144, 255]) * (values < 0)[:, :, None]
    colours: Grey = (strength[:, :, None] * (red + blue)).astype(np.uint8)
    return colours


def beside(pictures: Sequence[tuple[list[Text], str]], columns: int) -> Iterator[Text]:
    """Lines that show pictures beside each other, each above its caption, as many as fit in `columns`.

    All pictures have the same size; captions that are wider are cut.
    """
    width = max((picture[0].cell_len for picture, _ in pictures), default=1)
    in_a_row = max(1, (columns + 1) // (width + 1))
    for start in range(0, len(pictures), in_a_row):
        if start:
            yield Text()
        row = pictures[start : start + in_a_row]
        for parts in zip(*(picture for picture, _ in row), strict=True):
            yield Text(" ", no_wrap=True).join(parts)
        captions = [Text(caption) for _, caption in row]
        for caption in captions:
            caption.align("center", width)
        yield Text(" ", no_wrap=True).join(captions)


def _in_characters(pixels: Grey, glyphs: dict[str, tuple[float, float]]) -> list[Text]:
    """A picture in the characters that come closest, by the ink in their upper and lower halves."""
    halves = _even(pixels).reshape(-1, 2, pixels.shape[1], 1) / 255
    ink = np.array(list(glyphs.values())).T[:, None, :]
    best = ((halves - ink) ** 2).sum(axis=1).argmin(axis=-1)
    characters = list(glyphs)
    return [Text("".join(characters[i] for i in line), no_wrap=True) for line in best.tolist()]


def _even(pixels: Grey) -> Grey:
    """The same picture with an even number of rows: the last of an odd number stands twice."""
    return np.concatenate([pixels, pixels[len(pixels) - len(pixels) % 2 :]])


def resized(pixels: Grey, size: tuple[int, int]) -> Grey:
    """A picture of another (width, height): the mean of the pixels that become one."""
    from PIL import Image

    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


@cache
def _colours(top: RGB, bottom: RGB) -> Style:
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))
