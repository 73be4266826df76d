"""Curves in the terminal, in braille: two dots across and four down a character."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import TypeAlias

import click

Point: TypeAlias = tuple[float, float]  # from 0 at the left and the bottom to 1 at the right and the top
Curve: TypeAlias = Sequence[Point]
Mark: TypeAlias = tuple[Point, str, str]  # where a character stands, which, and its colour

_BRAILLE = 0x2800  # the character without dots; a bit more for each dot
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of its dots, row by row
_DASH = 3  # dots of a dash, and of the gap after it


def chart(
    curves: Iterable[tuple[Curve, str]], width: int, height: int, dashed: str = "", marks: Iterable[Mark] = ()
) -> list[str]:
    """Lines of `width` characters that show curves in their colours, one of colour `dashed` with gaps."""
    cells: list[list[tuple[int, str]]] = [[(0, "")] * width for _ in range(height)]
    for curve, colour in curves:
        for i, (x, y) in enumerate(_dots(curve, 2 * width - 1, 4 * height - 1)):
            is_inside = 0 <= x < 2 * width and 0 <= y < 4 * height
            if is_inside and (colour != dashed or i % (2 * _DASH) < _DASH):
                dots, _ = cells[y // 4][x // 2]
                cells[y // 4][x // 2] = dots | _BITS[y % 4][x % 2], colour
    for place, character, colour in marks:
        ((x, y),) = _dots([place], 2 * width - 1, 4 * height - 1)
        cells[y // 4][x // 2] = ord(character) - _BRAILLE, colour
    return [_styled(line) for line in cells]


def _dots(curve: Curve, right: int, bottom: int) -> Iterable[tuple[int, int]]:
    """The dots of a curve: columns from the left, rows from the top, without gaps."""
    places = [(round(x * right), round((1 - y) * bottom)) for x, y in curve]
    yield from places[:1]
    for (x0, y0), (x1, y1) in pairwise(places):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(1, steps + 1):
            yield x0 + round((x1 - x0) * i / steps), y0 + round((y1 - y0) * i / steps)


def _styled(cells: Iterable[tuple[int, str]]) -> str:
    return "".join(
        click.style("".join(chr(_BRAILLE + dots) if dots else " " for dots, _ in run), fg=colour or None)
        for colour, run in groupby(cells, key=lambda cell: cell[1])
    )
