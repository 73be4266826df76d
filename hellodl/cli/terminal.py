"""Small pictures in the terminal: two pixels a character, in colours where it has them, else in blocks."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.columns import Columns
from rich.console import Console, Group
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

Grey: TypeAlias = NDArray[np.uint8]
RGB: TypeAlias = tuple[int, int, int]

# Characters, with the share of ink in their upper and lower halves.
_BLOCKS = {c: (i / 4, i / 4) for i, c in enumerate(" ░▒▓█")} | {"▀": (1.0, 0.0), "▄": (0.0, 1.0)}


def plain_table(*headings: str, left: str = "", gap: int = 2) -> Table:
    """A table without lines; numbers stand at the right, the column with the heading `left` at the left."""
    columns = (Column(h, justify="left" if h == left else "right", no_wrap=h == left) for h in headings)
    return Table(*columns, box=None, header_style="dim", pad_edge=False, padding=(0, gap, 0, 0))


def has_colour(console: Console) -> bool:
    """Whether colours will be shown: on a terminal that has them, unless NO_COLOR is set."""
    return console.color_system is not None and not console.no_color


def picture(pixels: Grey, console: Console) -> list[Text]:
    """The lines of a picture (h, w), 0 black to 255 white; h / 2 lines, rounded up, of w characters.

    Without colours each character is the one that comes closest by the ink in its halves.
    """
    if has_colour(console):
        return in_colours(np.repeat(pixels[:, :, None], 3, axis=2))
    halves = _even(pixels).reshape(-1, 2, pixels.shape[1], 1) / 255
    ink = np.array(list(_BLOCKS.values())).T[:, None, :]
    best = ((halves - ink) ** 2).sum(axis=1).argmin(axis=-1)
    characters = list(_BLOCKS)
    return [Text("".join(characters[i] for i in line), no_wrap=True) for line in best.tolist()]


def in_colours(pixels: Grey) -> list[Text]:
    """The lines of a picture of colours (h, w, 3): ▀ in the upper pixel's colour on the lower one's."""
    rows = _even(pixels).tolist()
    lines = zip(rows[0::2], rows[1::2], strict=True)
    return [Text.assemble(*map(_two_pixels, upper, lower), no_wrap=True) for upper, lower in lines]


def _two_pixels(top: RGB, bottom: RGB) -> tuple[str, Style]:
    return "▀", Style.from_color(Color.from_rgb(*top), Color.from_rgb(*bottom))


def _even(pixels: Grey) -> Grey:
    """The same picture with an even number of rows: the last of an odd number stands twice."""
    return np.concatenate([pixels, pixels[len(pixels) - len(pixels) % 2 :]])


def red_and_blue(
    values: NDArray[np.floating], ground: int = 0, red: RGB = (255, 96, 48), blue: RGB = (64, 144, 255)
) -> Grey:
    """Colours (h, w, 3) for numbers (h, w): 0 is the ground's grey, the largest red if above 0, else blue."""
    share = values[:, :, None] / max(float(np.abs(values).max()), 1e-30)
    colours: Grey = (ground + np.abs(share) * (np.where(share > 0, red, blue) - ground)).astype(np.uint8)
    return colours


def beside(pictures: Sequence[tuple[list[Text], str]]) -> Columns:
    """Pictures beside each other, each above its caption, as many in a row as there is room for."""
    cells = [Group(*lines, Text(caption, justify="center")) for lines, caption in pictures]
    return Columns(cells, padding=(1, 1, 1, 0))
