"""Straight lines in a picture, nearly horizontal: found all at once, followed where they bend, taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hellodl.reading.arrays import Mask, Plane

Rows: TypeAlias = NDArray[np.intp]
"""The row of a nearly horizontal line in each column of a picture."""

BINS = 64
"""Columns are looked at in this many groups."""

ROWS = 360
"""Rows are looked at in about this many groups."""

SLOPES = np.linspace(-0.16, 0.16, 65)
"""How many pixels a rule climbs a pixel of width: up to 9 degrees, as hand-held photographs show them."""

COVERED = 0.88
"""Share of the width along which a lone rule must be seen; it must also reach both borders."""

PARTLY = 0.5
"""Share of the width along which one of many parallel rules must be seen."""

BEGUN = 6
"""Or it begins at a border and covers so many groups of columns: it leaves the picture at the corner."""


@dataclass(frozen=True)
class Line:
    """A nearly horizontal line: its row in the middle of the picture and how it climbs a pixel of width.

    share: about how much of the width it covers. whole: it runs from border to border. long: along half of
    the width; otherwise it begins at a border.
    """

    row: float
    slope: float
    share: float
    whole: bool
    long: bool


def straight_lines(pale: Mask) -> list[Line]:
    """Nearly horizontal lines along at least half of the width, or from a border on, the clearest first."""
    height, width = pale.shape
    step = max(1, height // ROWS)
    seen, middles = _pooled(pale, step)
    if seen.any(axis=0).mean() < PARTLY:
        return []
    score, whole = _coverage(seen, middles / step)
    rows = np.arange(score.shape[1])
    lines = []
    while score.max() > 0:
        best, row = np.unravel_index(score.argmax(), score.shape)
        at, share = (int(row) + 0.5) * step, float(score[best, row]) / 2
        lines.append(Line(at, float(SLOPES[best]), share, bool(whole[best, row]), share >= PARTLY / 2))
        apart = np.abs(SLOPES - SLOPES[best])[:, None] * width / (4 * step)
        above, below = _extent(score[best], int(row))
        same = (rows >= above - 2 - apart) & (rows <= below + 2 + apart)
        score[same] = 0  # the same line, seen at other slopes too
    return lines


def _extent(score: Plane, row: int) -> tuple[int, int]:
    """The first and the last row around `row` with half of its score: a line may be thick."""
    bare = np.flatnonzero(score < score[row] / 2)
    at = int(np.searchsorted(bare, row))
    return int(bare[at - 1]) + 1 if at else 0, int(bare[at]) - 1 if at < bare.size else len(score) - 1


def _pooled(pale: Mask, step: int) -> tuple[Mask, NDArray[np.float64]]:
    """Whether ink runs along each group of rows and columns; the columns' middles, 0 in the centre."""
    height, width = pale.shape
    edges = np.linspace(0, width, min(BINS, width) + 1).astype(int)
    thick = cv2.dilate(pale.astype(np.uint8), np.ones((3, 1), np.uint8))  # a line may climb within a group
    along = np.add.reduceat(thick, edges[:-1], axis=1, dtype=np.float32) > 0.6 * np.diff(edges)
    return np.maximum.reduceat(along, np.arange(0, height, step), axis=0), (
        edges[:-1] + edges[1:] - width
    ) / 2


def _coverage(seen: Mask, middles: NDArray[np.float64]) -> tuple[Plane, Mask]:
    """For each slope and row, how clear a line is, 0 for none; and whether it is whole."""
    margin = int(np.ceil(SLOPES[-1] * np.abs(middles).max())) + 1
    exact = np.pad(seen, ((margin, margin), (0, 0))).astype(np.uint8)
    near = cv2.dilate(exact, np.ones((3, 1)))
    across = len(middles) * np.arange(len(seen))[:, None] + np.arange(len(middles))
    score = np.zeros((len(SLOPES), len(seen)), np.float32)
    whole = np.zeros(score.shape, bool)
    for i, slope in enumerate(SLOPES):
        at = across + len(middles) * (np.round(slope * middles).astype(int) + margin)
        line = near.take(at)
        covered = line.mean(axis=1, dtype=np.float32)
        whole[i] = (covered >= COVERED) & line[:, :2].any(axis=1) & line[:, -2:].any(axis=1)
        partly = covered >= PARTLY
        score[i, partly] = covered[partly] + exact.take(at[partly]).mean(axis=1, dtype=np.float32)
        begun = ~partly & (line[:, :BEGUN].all(axis=1) | line[:, -BEGUN:].all(axis=1))
        score[i, begun] = covered[begun] / 2  # less than any long line has
    return score, whole


def traced(pale: Mask, line: Line) -> Rows:
    """Follow a line's ink a few pixels up and down, and smooth: sheets are curved."""
    height, width = pale.shape
    straight = line.row + line.slope * (np.arange(width) - width / 2)
    reach = 3 + height // ROWS
    offsets = np.arange(-reach, reach + 1)[:, None]
    at = np.round(straight).astype(int) + offsets
    ink = pale[np.clip(at, 0, height - 1), np.arange(width)] & (at >= 0) & (at < height)
    weight = ink.sum(axis=0)
    weight[weight > 0.7 * len(offsets)] = 0  # a stroke along the line's height
    x, known = np.linspace(-1, 1, width), weight > 0
    if np.count_nonzero(known) >= 3:
        centre = (ink * offsets).sum(axis=0)[known] / weight[known]
        straight += np.polyval(np.polyfit(x[known], centre, 2), x)
    rows: Rows = np.round(straight).astype(np.intp)
    return rows


def without(mask: Mask, pale: Mask, lines: list[Rows], pen: float, thickest: float = np.inf) -> Mask:
    """Take away lines no thicker than `thickest`, but not the strokes, `pen` wide, that cross them."""
    for rows in lines:
        mask = _erased(mask, pale, rows, pen, thickest)
    return mask


def _erased(mask: Mask, pale: Mask, rows: Rows, pen: float, thickest: float) -> Mask:
    """Take away ink at one line, but not what reaches beyond its thickness."""
    reach = int(2 * pen) + 6
    columns = np.arange(mask.shape[1])
    padded = np.pad(mask, ((reach, reach), (0, 0)))
    where = np.clip(np.arange(-reach, reach + 1)[:, None] + rows + reach, 0, len(padded) - 1)
    faint = np.pad(pale, ((reach, reach), (0, 0)))[where, columns]
    near = np.abs(np.arange(-reach, reach + 1)) <= 2
    middle = int(np.where(near, faint.sum(axis=1), -1).argmax())
    distance = np.abs(np.arange(len(faint)) - middle)
    band = padded[where, columns]
    usual = min(_usual_height(ink[distance <= max(pen, 2)]) for ink in (faint, band))
    if usual > thickest:
        return mask
    tall = np.ones((int(1.4 * usual) + 2, 1), np.uint8)
    strokes = cv2.morphologyEx(band.astype(np.uint8), cv2.MORPH_OPEN, tall) > 0
    padded[where, columns] = band & (strokes | (distance > usual + 1)[:, None])
    return padded[reach:-reach]


def _usual_height(band: Mask) -> float:
    """Height of the ink in most columns that have some: the line's thickness, where strokes are few."""
    heights = band.sum(axis=0)
    return float(np.percentile(heights[heights > 0], 30)) if heights.any() else np.inf
