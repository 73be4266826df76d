"""The report's charts, all of one size, so that a phone shows them as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.evaluation import bins_of, wilson_interval
from hellodl.graphs.picture import box, dot, path, picture, stylesheet, text, through

Points = Sequence[tuple[float, float]]
Counts = Sequence[Sequence[int]]

_SIZE = 340.0  # of a chart, each way
_LEFT, _TOP, _RIGHT, _BOTTOM = 52.0, 24.0, 12.0, 40.0  # room around what it shows
_FEW = 12  # epochs, each of which has a dot and a number
_LEGEND = 95.0  # room for a curve's name
_FILLED = {"series": "bar", "other": "wrong"}  # the dots on lines of these styles
_STRONGEST = 0.55  # how opaque a cell of the confusion matrix gets, so that its count is readable
_CELL = 32.0
_DOTS = 2000  # images in the map of the last hidden layer
_MOST_TOLD = 4  # kinds of mistakes
BADGE = 10.0  # radius
_PUSHES, _TINY = 40, 1e-3  # rounds of pushing badges apart; what tells those in one place apart
_SHOWN = 0.002, 0.998  # between which shares of the map's points its frame lies; others stand at its edge


@dataclass(frozen=True)
class _Frame:
    """A chart's axes: what their ends stand for, and where numbers are written."""

    low: tuple[float, float]
    high: tuple[float, float]
    ticks: tuple[Sequence[float], Sequence[float]]
    names: tuple[str, str]
    show: Callable[[float], str] = "{:g}".format

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is in the picture."""
        (x0, y0), (x1, y1) = self.low, self.high
        across, up = (x - x0) / ((x1 - x0) or 1), (y - y0) / ((y1 - y0) or 1)
        return _LEFT + across * (_SIZE - _LEFT - _RIGHT), _SIZE - _BOTTOM - up * (_SIZE - _TOP - _BOTTOM)

    def line(self, style: str, points: Points) -> str:
        return path(style, through(self.place(*point) for point in points))

    def axes(self) -> list[str]:
        (x0, y0), (x1, y1) = self.place(*self.low), self.place(*self.high)
        return [
            *(self.line("axis", [(self.low[0], y), (self.high[0], y)]) for y in self.ticks[1]),
            box("axis", x0, y1, x1 - x0, y0 - y1),
            *(text("tick", self.place(x, 0)[0], y0 + 16, f"{x:g}") for x in self.ticks[0]),
            *(text("tick", x0 - 6, self.place(0, y)[1] + 4, self.show(y), "end") for y in self.ticks[1]),
            text("tick", (x0 + x1) / 2, _SIZE - 6, self.names[0]),
            text("tick", x0, y1 - 8, self.names[1], "start"),
        ]


def curves(
    title: str, name: str, series: Sequence[tuple[str, str, Points]], show: Callable[[float], str]
) -> str:
    """Learning curves: series of (style, name, points), epochs across; named above, a dot an epoch if few."""
    xs, ys = np.array([point for _, _, points in series for point in points]).T
    ticks, last = round_numbers(float(ys.min()), float(ys.max())), int(xs.max())
    epochs = range(last + 1) if last <= _FEW else [x for x in round_numbers(0, last) if x <= last]
    frame = _Frame((0, ticks[0]), (last, ticks[-1]), (epochs, ticks), ("epoch", name), show)
    parts = frame.axes()
    for i, (style, label, points) in enumerate(series):
        x, y = _SIZE - _RIGHT - _LEGEND * (len(series) - i), _TOP - 12
        parts += [path(style, f"M{x:.0f} {y:.0f}h20"), text("tick", x + 26, y + 4, label, "start")]
        parts.append(frame.line(style, points))
        parts += [dot(_FILLED[style], *frame.place(*point), 3.5) for point in points if last <= _FEW]
    return picture(_SIZE, _SIZE, parts, title)


def round_numbers(low: float, high: float) -> list[float]:
    """Round numbers from below the lowest to above the highest, some five of them."""
    spread = (high - low) or abs(high) or 1.0
    step = 10.0 ** np.floor(np.log10(spread / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if spread / (step * factor) <= 5)
    whole = np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    return [float(f"{number:.15g}") for number in whole * step]


@dataclass(frozen=True)
class Bin:
    """Images whose confidence is alike: how many, their mean confidence, the share of them read rightly."""

    images: int
    confidence: float
    accuracy: float
    accuracy_interval: tuple[float, float]


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> list[Bin]:
    """The bins behind the calibration error, lowest confidence first; empty ones are left out."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins, found = bins_of(confidence), []
    for i in np.unique(bins):
        mine = bins == i
        images, correct = int(mine.sum()), int(right[mine].sum())
        interval = wilson_interval(correct, images)
        found.append(Bin(images, float(confidence[mine].mean()), correct / images, interval))
    return found


def reliability_chart(bins: Sequence[Bin]) -> str:
    """How often a confidence is right, with 95 % intervals: honest on the diagonal, too sure below it."""
    shares = [0, 0.25, 0.5, 0.75, 1]
    frame = _Frame((0, 0), (1, 1), (shares, shares), ("confidence", "read rightly"))
    parts = [*frame.axes(), frame.line("curve", [(0, 0), (1, 1)])]
    parts += [frame.line("series", [(b.confidence, end) for end in b.accuracy_interval]) for b in bins]
    parts += [dot("bar", *frame.place(b.confidence, b.accuracy), 2 + 1.2 * np.log10(b.images)) for b in bins]
    return picture(_SIZE, _SIZE, parts, "Reliability: confidence against the share read rightly")


@dataclass(frozen=True)
class Map:
    """The last hidden layer seen from its two principal axes.

    `shares`: what each axis shows of the variance. `labels` and `points` are those of the first test images,
    in standard deviations along the first axis.
    """

    shares: list[float]
    labels: list[int]
    points: list[list[float]]


def principal_axes(hidden: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> Map:
    """Activations (n, units) along the two directions in which they vary most (PCA, Pearson 1901)."""
    centred = hidden - hidden.mean(axis=0)
    if centred.shape[1] < 2:  # a single unit varies in one direction alone
        centred = np.pad(centred, ((0, 0), (0, 1)))
    variances, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    points = centred[:_DOTS] @ axes[:, [-1, -2]] / np.sqrt(max(variances[-1], 1e-30))
    shares = variances[::-1][:2] / max(variances.sum(), 1e-30)
    return Map(shares.tolist(), labels[:_DOTS].tolist(), points.astype(np.float32).tolist())


def scatter(shown: Map) -> str:
    """The last hidden layer's map: a dot an image, each digit with a colour, its name in its middle."""
    points, labels = np.array(shown.points), np.array(shown.labels)
    low, high = np.quantile(points, _SHOWN, axis=0)
    axes = [f"axis {i}: {share:.0%} of the variance" for i, share in enumerate(shown.shares, 1)]
    frame = _Frame((low[0], low[1]), (high[0], high[1]), ([], []), (axes[0], axes[1]))
    parts = frame.axes()
    for digit in range(10):
        mine = np.clip(points[labels == digit], low, high)
        dots = "".join("M{:.0f} {:.0f}h0".format(*frame.place(*point)) for point in mine.tolist())
        parts.append(path(f"d{digit}", dots))
    middles = {d: np.median(points[labels == d], axis=0) for d in np.unique(labels).tolist()}
    places = apart(np.array([frame.place(*middle) for middle in middles.values()]))
    for digit, (x, y) in zip(middles, places.tolist(), strict=True):
        parts += [dot("badge", x, y, BADGE), text("name", x, y + BADGE / 2, str(digit))]
    return picture(_SIZE, _SIZE, parts, "Map of the last hidden layer: images of a digit lie together")


def apart(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places (n, 2) of badges, those that would overlap pushed apart, a little at a time."""
    for _ in range(_PUSHES):
        gaps = places[:, None] - places[None] + np.tri(len(places))[..., None] * _TINY
        distances = np.linalg.norm(gaps, axis=2, keepdims=True)
        overlap = np.clip(2 * BADGE - distances, 0, None) * ~np.eye(len(places), dtype=bool)[..., None]
        places = places + (gaps / np.maximum(distances, _TINY) * overlap / 4).sum(axis=1)
    return places


def confused(table: Counts) -> str:
    """The commonest mistakes in words: 4 as 9 (8), 7 as 2 (5); "" where there are none."""
    wrong = [(count, i, j) for i, row in enumerate(table) for j, count in enumerate(row) if i != j and count]
    worst = sorted(wrong, key=lambda mistake: -mistake[0])[:_MOST_TOLD]
    return ", ".join(f"{truth} as {read} ({count:,})" for count, truth, read in worst)


def confusion_matrix(table: Counts, title: str, *, alone: bool = False) -> str:
    """What was read as what: a row for each true digit, the more of it the stronger; titled if alone."""
    n, head = len(table), 34.0 if alone else 0.0
    shares = np.array(table) / np.maximum(np.sum(table, axis=1, keepdims=True), 1)
    worst = np.max(shares, where=~np.eye(n, dtype=bool), initial=0) or 1  # among mistakes
    left, top = 30.0, 40.0 + head
    parts = [
        text("tick", left + n * _CELL / 2, top - 20, "read as"),
        text("tick", 8, top - 20, "true", "start"),
    ]
    parts += [text("caption", left + n * _CELL / 2, head, title)] if alone else []
    for i, row in enumerate(table):
        parts += [
            text("tick", left + (i + 0.5) * _CELL, top - 4, str(i)),
            text("tick", left - 6, top + (i + 0.5) * _CELL + 4, str(i), "end"),
        ]
        for j, count in enumerate(row):
            x, y, style = left + j * _CELL, top + i * _CELL, "right" if i == j else "wrong"
            opacity = _STRONGEST * shares[i, j] / (1 if i == j else worst)
            parts.append(box("axis", x, y, _CELL, _CELL))
            if count:
                parts.append(box(style, x, y, _CELL, _CELL, 0, f' fill-opacity="{opacity:.2f}"'))
                parts.append(text("count", x + _CELL / 2, y + _CELL / 2 + 4, str(count)))
    return picture(left + n * _CELL + 12, top + n * _CELL + 12, parts, title, stylesheet() if alone else "")
