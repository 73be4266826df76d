"""Descents as a picture: a panel for each, side by side, all showing the same land."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hellodl.graphs.picture import MARGIN, box, dot, path, picture, shortened, stylesheet, text, through

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hellodl.graphs.descent import Descent, Landscape, Point

_WIDE, _HIGH = 300.0, 225.0  # a panel's land
_ABOVE, _BELOW = 40.0, 46.0  # of it, for words
_MOST_IN_A_ROW = 3
_DOTS = 60  # steps of a way that get a dot of their own


def descents_svg(title: str, land: Landscape, descents: Sequence[Descent]) -> str:
    """The descents through a land as an SVG document."""
    columns = min(len(descents), _MOST_IN_A_ROW)
    rows = -(-len(descents) // columns)
    width, height = columns * (_WIDE + MARGIN) + MARGIN, rows * (_ABOVE + _HIGH + _BELOW) + 1.5 * MARGIN
    style = "level" if len(land.contours) > 1 else "curve"
    course = "".join(through(_scaled(line)) for lines in land.contours for line in lines)
    parts = [
        text("caption", width / 2, MARGIN + 8, shortened(title)),
        f'<defs><g id="land">{path(style, course)}</g></defs>',
    ]
    for i, descent in enumerate(descents):
        x = MARGIN + i % columns * (_WIDE + MARGIN)
        y = 1.5 * MARGIN + i // columns * (_ABOVE + _HIGH + _BELOW)
        parts += _panel(x, y, land, descent)
    return picture(width, height, parts, title, stylesheet())


def _panel(x: float, y: float, land: Landscape, descent: Descent) -> list[str]:
    """One descent: what it is called, its way through the land, where that ended."""
    way = _scaled(land.way(descent))
    dots = [dot("dot", *point, 2.5) for point in way[1 : _DOTS + 1]]
    inside = ['<use href="#land"/>', path("path", through(way)), *dots, dot("start", *way[0], 5.5)]
    top, bottom = y + _ABOVE, y + _ABOVE + _HIGH
    return [
        text("note", x + _WIDE / 2, top - 12, named(descent)),
        f'<svg x="{x:.1f}" y="{top:.1f}" width="{_WIDE:.0f}" height="{_HIGH:.0f}">',
        *inside,
        "</svg>",
        box("axis", x, top, _WIDE, _HIGH),
        text("tick", x, bottom + 15, f"{land.names[0]} {land.low[0]:.3g}", "start"),
        text("tick", x + _WIDE, bottom + 15, f"{land.high[0]:.3g}", "end"),
        text("tick", x + _WIDE / 2, bottom + 15, f"{land.names[1]} {land.low[1]:.3g} to {land.high[1]:.3g}"),
        text("note", x + _WIDE / 2, bottom + 33, ended(descent)),
    ]


def _scaled(points: Iterable[Point]) -> list[Point]:
    """Points of a land in its panel, from the top left."""
    return [(_WIDE * x, _HIGH * (1 - y)) for x, y in points]


def named(descent: Descent) -> str:
    """The knobs of a descent."""
    return f"lr {descent.lr:g}" + (f", momentum {descent.momentum:g}" if descent.momentum else "")


def ended(descent: Descent) -> str:
    """Where a descent was when."""
    return f"{descent.outcome} after {descent.steps} steps: {descent.values[-1]:.4g}"
