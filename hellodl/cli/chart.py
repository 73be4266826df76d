"""Curves in the terminal, in braille: two dots across and four down a character; in ASCII one and two."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Point: TypeAlias = tuple[float, float]  # from 0 at the left and the bottom to 1 at the right and the top

_BRAILLE = 0x2800  # the character without dots; a bit more for each dot
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of its dots, row by row
_PLAIN = {0: " ", 1: "'", 2: ".", 3: ":"}  # the same in ASCII: a bit for the upper dot, one for the lower


def chart(
    curves: Sequence[Sequence[Point]], colours: Sequence[str], width: int, height: int, *, unicode: bool
) -> list[str]:
    """Lines of `width` characters that show curves; where two meet, the later one's colour is seen."""
    across, down = (2, 4) if unicode else (1, 2)
    cells: list[list[tuple[int, str]]] = [[(0, "")] * width for _ in range(height)]
    for curve, colour in zip(curves, colours, strict=True):
        for x, y in _dots(curve, across * width - 1, down * height - 1):
            row, column = y // down, x // across
            bit = _BITS[y % down][x % across] if unicode else 1 << y % down
            cells[row][column] = cells[row][column][0] | bit, colour
    return [_styled((_glyph(bits, unicode=unicode), colour) for bits, colour in line) for line in cells]


def _dots(curve: Sequence[Point], right: int, bottom: int) -> Iterable[tuple[int, int]]:
    """The dots of a curve: columns from the left, rows from the top, without gaps."""
    places = [(round(x * right), round((1 - y) * bottom)) for x, y in curve]
    yield from places[:1]
    for (x0, y0), (x1, y1) in pairwise(places):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(1, steps + 1):
            yield x0 + round((x1 - x0) * i / steps), y0 + round((y1 - y0) * i / steps)


def _glyph(bits: int, *, unicode: bool) -> str:
    if not unicode:
        return _PLAIN[bits]
    return chr(_BRAILLE + bits) if bits else " "


def _styled(cells: Iterable[tuple[str, str]]) -> str:
    """Characters with their colours as one string."""
    runs = groupby(cells, key=lambda cell: cell[1])
    return "".join(click.style("".join(c for c, _ in run), fg=colour or None) for colour, run in runs)
