"""Hill descent on a formula: the way down for a learning rate, the land it goes through, and both drawn."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Tensor, grad
from hellodl.errors import UsageError
from hellodl.graphs.charts import round_numbers
from hellodl.graphs.formula import formula
from hellodl.graphs.picture import MARGIN, box, dot, path, picture, shortened, stylesheet, text, through
from hellodl.optim import SGD

Grid: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]

_NEAR = 0.01  # of the way from the start: who has no more to go has arrived
_TINY = 1e-6  # of the strongest bend, or of a move: as good as none
_SAMPLES, CELLS = 241, 48  # of a curve; of a landscape, each way
_AROUND = 0.25  # of the way's extent, shown beyond it
_FIRST = 3  # points of a way that leads astray count for what is shown
_WIDE, _HIGH = 300.0, 225.0  # a panel's land
_LEFT, _ABOVE, _BELOW = 30.0, 40.0, 46.0  # of it, for numbers and words
_MOST_IN_A_ROW = 3
_DOTS = 60  # steps of a way that get a dot of their own


class Outcome(StrEnum):
    """How a descent ended."""

    ARRIVED = "arrived"
    FLAT = "no slope to follow"  # at the top of a hill, or on a saddle
    BOUNCING = "goes back and forth"
    UNDERWAY = "on its way"
    OUTSIDE = "left the domain"
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
    """Walk against the gradient of a formula with `optim.SGD`: so many steps, or until they lead nowhere.

    Raises UsageError for what is no formula, or has no value at the start.
    """
    variables = {name: Tensor(value, np.float64) for name, value in start.items()}
    leaves, y = list(variables.values()), formula(text, variables, option="--from")
    slopes = [grad(y, leaf) for leaf in leaves]
    bends = [[grad(slope, leaf) for leaf in leaves] for slope in slopes]
    optimizer = SGD(leaves, lr, momentum)
    points, values = [tuple(start.values())], [y0 := y.item()]
    if not math.isfinite(y0):
        raise UsageError(f"descend: the formula is {y0:g} at its start, expected a number; start elsewhere")
    while not (outcome := _end(points, slopes, bends)) and len(points) <= steps:
        y.backward()
        with np.errstate(all="ignore"):  # what goes astray is told of below
            optimizer.step()
        point = tuple(map(float, leaves))
        if not all(map(math.isfinite, (y.item(), *point))):
            outcome = Outcome.OUTSIDE if math.isnan(y.item()) else Outcome.DIVERGED
            break
        points.append(point)
        values.append(y.item())
    outcome = outcome or (Outcome.UNDERWAY if values[-1] <= values[0] else Outcome.DIVERGED)
    return Descent(lr, momentum, outcome, tuple(points), tuple(values))


@np.errstate(all="ignore")
def _end(
    points: Sequence[tuple[float, ...]], slopes: Sequence[Tensor], bends: Sequence[Sequence[Tensor]]
) -> Outcome | None:
    """Why to go no farther: it bounces, or Newton's guess is that a hundredth of the way is left at most.

    The guess is slope by bend, the second derivative, along each axis in which the land bends. It knows no
    learning rate: slow is not arrived.
    """
    way, move = math.dist(points[0], points[-1]), math.dist(points[-1], points[-2:][0])
    if move and len(points) > 3 and np.allclose(points[-2:], points[-4:-2], rtol=0, atol=_TINY * move):
        return Outcome.BOUNCING
    if move > _NEAR * way:
        return None
    matrix = np.array([[bend.item() for bend in row] for row in bends])
    if not np.isfinite(matrix).all():
        return None
    bent, axes = np.linalg.eigh(matrix)
    along = axes.T @ [slope.item() for slope in slopes]
    level = _TINY * np.abs(bent).max()
    if not (np.abs(along) <= _NEAR * way * np.maximum(bent, level)).all():
        return None
    return Outcome.ARRIVED if bent.min() > -_NEAR * bent.max() else Outcome.FLAT


@dataclass(frozen=True)
class Landscape:
    """What is shown around descents: limits of the two axes, and lines in units of the picture, 0 to 1.

    For one variable there is one line: the curve, its value upwards. For two each contour has many short
    lines, the second variable upwards; from contour to contour the land rises by `step`.
    """

    names: tuple[str, str]
    low: Point
    high: Point
    contours: tuple[tuple[tuple[Point, ...], ...], ...]
    step: float = 0.0

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
    ways = [np.column_stack([d.points, d.values]) for d in descents]
    shown = [_FIRST if d.outcome is Outcome.DIVERGED else None for d in descents]
    seen = np.concatenate([way[:first] for way, first in zip(ways, shown, strict=True)])
    limits, heights = _limits(seen[:, :-1]), _limits(seen[:, -1:]).ravel()
    if len(names) == 1:
        return _curve_of(text, names[0], *limits.ravel(), *heights)
    return _map_of(text, (names[0], names[1]), *limits, *heights)


def _limits(points: Grid) -> Grid:
    """From where to where each axis is shown: beyond all points, and some way where none of them moved.

    Raises UsageError where numbers are too large, or too large to tell apart.
    """
    with np.errstate(all="ignore"):
        low, high = points.min(axis=0), points.max(axis=0)
        beyond = _AROUND * np.where(high > low, high - low, (high - low).max() or 1)
        limits = np.array([low - beyond, high + beyond])
        spans = limits[1] - limits[0]
        drawable = np.isfinite(4 * limits) & (spans > 0)  # 4: what is beside is reckoned with, too
    if not drawable.all():
        farthest = max(low.min(), high.max(), key=abs)
        raise UsageError(
            f"descend: goes to {farthest:.3g}, too far to be drawn; take a smaller --lr, or start nearer to 0"
        )
    return limits


def _curve_of(text: str, name: str, left: float, right: float, bottom: float, top: float) -> Landscape:
    """The curve of a formula of one variable, where it is finite."""
    heights = _values(text, [name], np.linspace(left, right, _SAMPLES))
    seen = heights.clip(2 * bottom - top, 2 * top - bottom)  # what is farther away is not
    points = np.column_stack([np.linspace(0, 1, _SAMPLES), (seen - bottom) / (top - bottom)])
    course = tuple((x, y) for x, y in points[np.isfinite(heights)].tolist())
    return Landscape((name, "y"), (float(left), float(bottom)), (float(right), float(top)), ((course,),))


def _map_of(text: str, names: tuple[str, str], low: Grid, high: Grid, bottom: float, top: float) -> Landscape:
    """The contour lines of a formula of two variables, about as high as the ways.

    Both axes have one scale, so that a step stands at a right angle to its contour line.
    """
    panel = np.array([_WIDE, _HIGH])
    missing = ((high - low) / panel).max() * panel - (high - low)
    low, high = low - missing / 2, high + missing / 2
    across, up = np.meshgrid(*np.linspace(low, high, CELLS + 1).T)
    heights, numbers = _values(text, names, across, up), round_numbers(bottom, top)
    levels = np.linspace(numbers[0], numbers[-1], 4 * len(numbers) - 3).tolist()
    contours = tuple(tuple(contour(heights, level)) for level in levels)
    return Landscape(names, tuple(low.tolist()), tuple(high.tolist()), contours, levels[1] - levels[0])


def _values(text: str, names: Sequence[str], *axes: Grid) -> Grid:
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
    wide, high = _LEFT + _WIDE + MARGIN, _ABOVE + _HIGH + _BELOW
    width, height = columns * wide + MARGIN, rows * high + 1.5 * MARGIN
    style, distance = ("level", f"  (a line every {land.step:g})") if land.step else ("curve", "")
    course = "".join(through(_scaled(line)) for lines in land.contours for line in lines)
    parts = [
        text("caption", width / 2, MARGIN + 8, shortened(title) + distance),
        f'<defs><g id="land">{path(style, course)}</g></defs>',
    ]
    for i, descent in enumerate(descents):
        x, y = _LEFT + MARGIN + i % columns * wide, 1.5 * MARGIN + i // columns * high
        parts += _panel(x, y + _ABOVE, land, descent)
    return picture(width, height, parts, title, stylesheet())


def _panel(x: float, y: float, land: Landscape, descent: Descent) -> list[str]:
    """One descent: what it is called, its way through the land, round numbers around, where it ended."""
    way, bottom = _scaled(land.way(descent)), y + _HIGH
    dots = [dot("dot", *point, 2.5) for point in way[1 : _DOTS + 1]]
    inside = ['<use href="#land"/>', path("path", through(way)), *dots, dot("start", *way[0], 5.5)]
    ends = zip(land.low, land.high, strict=True)
    across, up = ([n for n in round_numbers(low, high) if low <= n <= high] for low, high in ends)
    return [
        text("note", x + _WIDE / 2, y - 12, descent.knobs),
        f'<svg x="{x:.1f}" y="{y:.1f}" width="{_WIDE:.0f}" height="{_HIGH:.0f}">',
        *inside,
        "</svg>",
        box("axis", x, y, _WIDE, _HIGH),
        text("tick", x + _WIDE + 5, bottom + 4, land.names[0], "start"),
        text("tick", x, y - 8, land.names[1], "start"),
        *(text("tick", x + _WIDE * land.place((n, 0))[0], bottom + 15, f"{n:g}") for n in across),
        *(text("tick", x - 5, bottom - _HIGH * land.place((0, n))[1] + 4, f"{n:g}", "end") for n in up),
        text("note", x + _WIDE / 2, bottom + 35, descent.end),
    ]


def _scaled(points: Iterable[Point]) -> list[Point]:
    """Points of a land in its panel, from the top left."""
    return [(_WIDE * x, _HIGH * (1 - y)) for x, y in points]
