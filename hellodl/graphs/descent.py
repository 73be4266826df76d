"""Hill descent on a formula: the way down for a learning rate, the land it goes through, and both drawn."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Tensor
from hellodl.errors import UsageError
from hellodl.graphs.formula import formula
from hellodl.graphs.picture import MARGIN, box, dot, path, picture, shortened, stylesheet, text, through
from hellodl.optim import SGD

Grid: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]

_ARRIVED_AT = 0.01  # of the first slope and move: where both are smaller it is flat
_SAMPLES, CELLS = 241, 48  # of a curve; of a landscape, each way
_LEVELS = np.linspace(0.02, 0.98, 12)  # which shares of a landscape are below its contour lines
_AROUND = 0.25  # of the way's extent, shown beyond it
_FIRST = 4  # points of a way that leads astray count for what is shown
_WIDE, _HIGH = 300.0, 225.0  # a panel's land
_ABOVE, _BELOW = 40.0, 46.0  # of it, for words
_MOST_IN_A_ROW = 3
_DOTS = 60  # steps of a way that get a dot of their own


class Outcome(StrEnum):
    """How a descent ended."""

    ARRIVED = "arrived"
    UNDERWAY = "on its way"
    DIVERGED = "went astray"


@dataclass(frozen=True)
class Descent:
    """A way down: where each step led, in the order of the variables, and the formula's value there."""

    lr: float
    momentum: float
    outcome: Outcome
    points: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]

    @property
    def knobs(self) -> str:
        """What tells this descent from others."""
        return f"lr {self.lr:g}" + (f", momentum {self.momentum:g}" if self.momentum else "")

    @property
    def end(self) -> str:
        """Where it was when."""
        return f"{self.outcome} after {len(self.points) - 1} steps: {self.values[-1]:.4g}"


def descend(text: str, start: Mapping[str, float], lr: float, momentum: float, steps: int) -> Descent:
    """Walk against the gradient of a formula with `optim.SGD`: so many steps, or until it is flat or endless.

    It is flat where both gradient and move are a hundredth of the first. Raises UsageError for what is no
    formula, or has no value at the start.
    """
    variables = {name: Tensor(value, np.float64) for name, value in start.items()}
    leaves, y = list(variables.values()), formula(text, variables, option="--from")
    optimizer = SGD(leaves, lr, momentum)
    points, values = [tuple(start.values())], [y0 := y.item()]
    if not math.isfinite(y0):
        raise UsageError(f"descend: the formula is {y0:g} at its start, expected a number; start elsewhere")
    slopes: list[float] = []
    for _ in range(steps):
        y.backward()
        slopes.append(math.hypot(*(leaf.grad.item() for leaf in leaves if leaf.grad is not None)))
        if _is_flat(points, slopes):
            outcome = Outcome.ARRIVED
            break
        with np.errstate(all="ignore"):  # what goes astray is told of below
            optimizer.step()
        point = tuple(map(float, leaves))
        if not all(map(math.isfinite, (y.item(), *point))):
            outcome = Outcome.DIVERGED
            break
        points.append(point)
        values.append(y.item())
    else:
        outcome = Outcome.UNDERWAY if values[-1] <= values[0] else Outcome.DIVERGED
    return Descent(lr, momentum, outcome, tuple(points), tuple(values))


def _is_flat(points: Sequence[tuple[float, ...]], slopes: Sequence[float]) -> bool:
    """Whether the last slope and the last move are small beside the first ones."""
    if len(points) == 1:
        return slopes[0] == 0
    first, last = math.dist(*points[:2]), math.dist(*points[-2:])
    return slopes[-1] <= _ARRIVED_AT * slopes[0] and last <= _ARRIVED_AT * first


@dataclass(frozen=True)
class Landscape:
    """What is shown around descents: limits of the two axes, and lines in units of the picture, 0 to 1.

    For one variable there is one line: the curve, its value upwards. For two each contour has many short
    lines, the second variable upwards.
    """

    names: tuple[str, str]
    low: Point
    high: Point
    contours: tuple[tuple[tuple[Point, ...], ...], ...]

    def place(self, point: Sequence[float]) -> Point:
        """A point in units of the picture."""
        x, y = ((p - a) / (b - a) for p, a, b in zip(point, self.low, self.high, strict=True))
        return x, y

    def way(self, descent: Descent) -> list[Point]:
        """A descent in units of the picture; it may lead out of it."""
        return [self.place((*point, y)[:2]) for point, y in zip(descent.points, descent.values, strict=True)]


def landscape(text: str, names: Sequence[str], descents: Sequence[Descent]) -> Landscape:
    """The land around descents of a formula of one or two variables; UsageError for more."""
    if not 1 <= len(names) <= 2:
        raise UsageError(f"descend: {len(names)} variables cannot be drawn, expected one or two")
    seen = [p for d in descents for p in (d.points[:_FIRST] if d.outcome is Outcome.DIVERGED else d.points)]
    low, high = _limits(np.array(seen))
    if len(names) == 1:
        return _curve_of(text, names[0], low[0], high[0])
    return _map_of(text, (names[0], names[1]), low, high)


def _limits(points: Grid) -> Grid:
    """From where to where each axis is shown: beyond all points, and some way where none of them moved.

    Raises UsageError where numbers are too large, or too large to tell apart.
    """
    with np.errstate(all="ignore"):
        low, high = points.min(axis=0), points.max(axis=0)
        beyond = _AROUND * np.where(high > low, high - low, (high - low).max() or 1)
        limits = np.array([low - beyond, high + beyond])
        spans = limits[1] - limits[0]
    if not (np.isfinite(spans) & (spans > 0)).all():
        farthest = max(low.min(), high.max(), key=abs)
        raise UsageError(
            f"descend: goes to {farthest:.3g}, too far to be drawn; take a smaller --lr, or start nearer to 0"
        )
    return limits


def _curve_of(text: str, name: str, left: float, right: float) -> Landscape:
    """The curve of a formula of one variable, where it is finite."""
    xs = np.linspace(left, right, _SAMPLES)
    points = np.column_stack([xs, _values(text, [name], xs)])
    points = points[np.isfinite(points[:, 1])]
    (bottom,), (top,) = _limits(points[:, 1:]).tolist()
    land = Landscape((name, "y"), (float(left), bottom), (float(right), top), ())
    return replace(land, contours=((tuple(map(land.place, points.tolist())),),))


def _map_of(text: str, names: tuple[str, str], low: Grid, high: Grid) -> Landscape:
    """The contour lines of a formula of two variables."""
    across, up = np.meshgrid(*np.linspace(low, high, CELLS + 1).T)
    heights = _values(text, names, across, up)
    finite = heights[np.isfinite(heights)]
    levels = np.unique(np.quantile(finite, _LEVELS)) if finite.size else ()
    contours = tuple(tuple(contour(heights, float(level))) for level in levels)
    return Landscape(names, tuple(low.tolist()), tuple(high.tolist()), contours)


def _values(text: str, names: Sequence[str], *axes: Grid) -> Grid:
    """A formula's values for arrays of its variables."""
    variables = {name: Tensor(axis, np.float64) for name, axis in zip(names, axes, strict=True)}
    return np.broadcast_to(formula(text, variables).value, axes[0].shape)


def contour(heights: Grid, level: float) -> Iterator[tuple[Point, Point]]:
    """Where a landscape (rows upwards) has a height: short lines, 0 to 1 each way (marching squares)."""
    above = heights > level
    cells = np.lib.stride_tricks.sliding_window_view(above, (2, 2))
    crossed = cells.any(axis=(2, 3)) & ~cells.all(axis=(2, 3))
    for row, column in np.argwhere(crossed).tolist():
        corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        crossings = []
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
            if above[a] != above[b] and np.isfinite(heights[a] - heights[b]):
                share = (level - heights[a]) / (heights[b] - heights[a])
                y, x = (p + share * (q - p) for p, q in zip(a, b, strict=True))
                crossings.append((float(x) / CELLS, float(y) / CELLS))
        yield from zip(crossings[0::2], crossings[1::2], strict=False)


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
        text("note", x + _WIDE / 2, top - 12, descent.knobs),
        f'<svg x="{x:.1f}" y="{top:.1f}" width="{_WIDE:.0f}" height="{_HIGH:.0f}">',
        *inside,
        "</svg>",
        box("axis", x, top, _WIDE, _HIGH),
        text("tick", x, bottom + 15, f"{land.names[0]} {land.low[0]:.3g}", "start"),
        text("tick", x + _WIDE, bottom + 15, f"{land.high[0]:.3g}", "end"),
        text("tick", x + _WIDE / 2, bottom + 15, f"{land.names[1]} {land.low[1]:.3g} to {land.high[1]:.3g}"),
        text("note", x + _WIDE / 2, bottom + 33, descent.end),
    ]


def _scaled(points: Iterable[Point]) -> list[Point]:
    """Points of a land in its panel, from the top left."""
    return [(_WIDE * x, _HIGH * (1 - y)) for x, y in points]
