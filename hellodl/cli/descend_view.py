"""How `hellodl descend` looks in the terminal: the way down in its land, then where it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import style

from hellodl.cli.chart import chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hellodl.graphs.descent import Descent, Landscape

_WIDTH, _HEIGHT = 64, 14  # characters
_SHOWN = 3  # of so many contours, one
_STEPS = 8  # as many of the first steps are told in numbers


def report(land: Landscape | None, names: Sequence[str], descents: Sequence[Descent]) -> Iterator[str]:
    """Each descent with its picture, if it can be drawn, and its first steps in numbers."""
    for descent in descents:
        yield style(descent.knobs, bold=True)
        if land:
            lines = [line for contour in land.contours[::_SHOWN] for line in contour]
            way = _inside(land.way(descent))
            colours = [*["bright_black"] * len(lines), "red"]
            yield from chart([*lines, way], colours, _WIDTH, _HEIGHT)
        for number, (point, value) in enumerate(
            zip(descent.points[: _STEPS + 1], descent.values, strict=False)
        ):
            where = "  ".join(f"{name} {x:<12.6g}" for name, x in zip(names, point, strict=True))
            yield style(f"{number:>6}  {where}  → {value:.6g}", dim=True)
        yield f"{descent.end}\n"


def _inside(way: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A way as far as it stays in the picture."""
    out = next((i for i, point in enumerate(way) if not all(0 <= p <= 1 for p in point)), len(way))
    return list(way[:out])
