"""Printed lines, told from a pen's strokes: rules, squares, cells of tables, boxes and combs of forms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hellodl.reading.normalise import stroke_width

if TYPE_CHECKING:
    from hellodl.reading.arrays import Mask, Plane

Rows: TypeAlias = NDArray[np.intp]
"""The row of a nearly horizontal line in each column of a picture."""

BINS, ROWS = 64, 360
"""Columns are looked at in so many groups, rows in about so many."""

SLOPES = np.linspace(-0.16, 0.16, 65)
"""How many pixels a line climbs a pixel of width: up to 9 degrees, as hand-held photographs show them."""

COVERED, PARTLY, ALONG = 0.88, 0.5, 0.6
"""Share of the width along which a line from border to border is seen, any other line, a bit of one."""

DENSE = 0.35
"""Where ink covers more than this share of a picture it is no sheet with lines."""

SMALLEST = 16
"""In pictures, and between lines, of fewer pixels than this no lines are looked for."""

LONG, WHOLE = 3.0, 1.25
"""A line longer than this times the height of digits is no stroke; from border to border, than this."""

THIN = 0.8
"""A line from border to border thinner than this share of the strokes is no stroke, however short."""

BAR = 2.0
"""An upright bar is less wide than this times its thickness: it may lean a little."""

APART = 0.2
"""Where this share of the ink touches no line, the lines may be print; a 4 alone has a stem and a bar."""

GAP = 0.12
"""Boxes are less than this share of a digit's height apart; digits, more."""

MANY, MOST, EVEN = 4, 0.7, 0.25
"""Of so many lines this share has distances within this of the usual one: ruled paper, without walls."""

CROSSING, NEAR = 1.4, 8
"""Strokes that cross a line are this much taller than it is thick; what is more pixels away is no line's."""


@dataclass(frozen=True, eq=False)
class Line:
    """A nearly horizontal line: its row in each column, and whether it runs from border to border."""

    rows: Rows
    whole: bool


@dataclass(frozen=True)
class Form:
    """What is written on a sheet: how tall and with how wide a pen, in pixels.

    trusted: some of it lies apart from all lines, or some lines are thin: these are no digit's own strokes.
    """

    tall: float
    pen: float
    trusted: bool


def printed(ink: Mask) -> Mask:
    """Which of the ink (h, w) belongs to printed lines; of strokes that cross them, nothing does."""
    if min(ink.shape) < SMALLEST or not 0 < ink.mean() <= DENSE:
        return np.zeros_like(ink)
    across, down = straight_lines(ink), straight_lines(ink.T)
    form = _form_of(ink, across, down)
    levels = _printed_of(across, ink, form)
    columns = _printed_of(down, ink.T, form)
    pen = form.pen
    left = without(without(ink, ink, levels, pen).T, ink.T, columns, pen).T
    levels.sort(key=lambda rows: float(rows.mean()))
    if not _are_ruled(levels):
        for above, below in pairwise(levels):
            left = _without_walls(left, above, below, pen)
    return np.asarray(_with_teeth(ink & ~left, left, form.tall))


def _with_teeth(lines: Mask, left: Mask, tall: float) -> Mask:
    """Lines with the bars that hang on them, less tall than digits and thinner than a pen: teeth of combs."""
    near = cv2.dilate(lines.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(left.astype(np.uint8))
    thickest = THIN * stroke_width(left)
    small = (stats[:, cv2.CC_STAT_HEIGHT] < tall) & (stats[:, cv2.CC_STAT_WIDTH] < BAR * thickest)
    lines = lines.copy()
    for i in np.unique(labels[near & left & small[labels]]):
        x, y, width, height, _ = stats[i]
        here = np.s_[y : y + height, x : x + width]
        own = labels[here] == i
        if width / BAR < stroke_width(own) < thickest:
            lines[here] |= own
    return lines


def _form_of(ink: Mask, across: list[Line], down: list[Line]) -> Form:
    """What is written beside the lines that are no strokes in any case, or else might be some."""
    level = [line for line in across if line.whole]
    upright = [line for line in down if line.whole or min(len(level), len(down)) >= MANY]
    pen = stroke_width(ink)
    rest = without(ink, ink, [line.rows for line in level], pen)
    rest = without(rest.T, ink.T, [line.rows for line in upright], pen).T
    pen = stroke_width(rest)
    lines = [(ink, line) for line in level] + [(ink.T, line) for line in upright]
    thin = any(line.whole and _Band(grid, line.rows, pen).is_thin(pen) for grid, line in lines)
    _, _, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8))
    tall = usual_height(stats[1:, cv2.CC_STAT_HEIGHT])
    return Form(tall, pen, thin or _apart(ink, level, upright).sum() > APART * rest.sum())


def _apart(ink: Mask, across: list[Line], down: list[Line]) -> Mask:
    """Ink that no line runs through."""
    _, labels = cv2.connectedComponents(ink.astype(np.uint8))
    touched = [labels[line.rows.clip(0, len(ink) - 1), np.arange(ink.shape[1])] for line in across]
    touched += [labels[np.arange(len(ink)), line.rows.clip(0, ink.shape[1] - 1)] for line in down]
    lined = np.zeros(labels.max() + 1, bool)
    lined[np.concatenate([*touched, [0]])] = True
    return np.asarray(~lined[labels])


def usual_height(heights: NDArray[np.integer[Any] | np.floating[Any]]) -> float:
    """How tall digits are: the median of ink's heights weighted by height, so that specks do not count."""
    heights = np.sort(heights)
    if not heights.size:
        return 0.0
    return float(heights[np.searchsorted(np.cumsum(heights), heights.sum() / 2)])


def _printed_of(lines: list[Line], ink: Mask, form: Form) -> list[Rows]:
    """Those of parallel lines that are print; with two of them from border to border, all such are."""
    sure = [line for line in lines if _is_print(ink, line, form)]
    if sum(line.whole for line in sure) > 1:
        sure += [line for line in lines if line.whole and line not in sure]
    return [line.rows for line in sure]


def _is_print(ink: Mask, line: Line, form: Form) -> bool:
    """Whether a line is longer than strokes of digits so tall, or thinner than this pen draws."""
    length = _length(ink, line.rows, GAP * form.tall)
    thin = _Band(ink, line.rows, form.pen).is_thin(form.pen)
    if line.whole and (thin or not form.trusted):
        return thin
    return 0 < (WHOLE if line.whole or thin else LONG) * form.tall < length


def _length(ink: Mask, rows: Rows, gap: float) -> int:
    """How far a line runs, not interrupted by gaps up to that size."""
    near = np.clip(rows + np.arange(-2, 3)[:, None], 0, len(ink) - 1)
    there = ink[near, np.arange(ink.shape[1])].any(axis=0)
    closed = cv2.morphologyEx(there[None].astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, int(gap) + 3)))[0]
    ends = np.flatnonzero(np.diff(np.pad(closed, 1)))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _are_ruled(levels: list[Rows]) -> bool:
    """Whether most of many lines have the same distance: ruled paper, which is no form."""
    if len(levels) < MANY:
        return False
    distances = np.diff([rows.mean() for rows in levels])
    return bool((np.abs(distances / np.median(distances) - 1) < EVEN).mean() > MOST)


def _without_walls(ink: Mask, above: Rows, below: Rows, pen: float) -> Mask:
    """Ink without upright lines that reach from one level line to the next."""
    height = round(float(np.median(below - above)))
    if height < SMALLEST:
        return ink
    columns = np.arange(ink.shape[1])
    where = np.clip(above + np.arange(2, height - 1)[:, None], 0, len(ink) - 1)
    strip = ink[where, columns].T
    for least in (2, 1, 1):  # where boxes have two walls, each pair is found as one at first
        walls = [line.rows for line in straight_lines(strip) if line.whole]
        if len(walls) < least:
            break
        strip = without(strip, strip, walls, pen)
    cleaned = ink.copy()
    cleaned[where, columns] = strip.T
    return cleaned


# Lines at any slope -----------------------------------------------------------------------------------


def straight_lines(ink: Mask) -> list[Line]:
    """Nearly horizontal lines along at least half of the width, the clearest first."""
    height, width = ink.shape
    step = max(1, height // ROWS)
    seen, middles = _pooled(ink, step)
    if seen.any(axis=0).mean() < PARTLY:
        return []
    score, whole = _coverage(seen, middles / step)
    rows = np.arange(score.shape[1])
    lines = []
    while score.max() > 0:
        best, row = np.unravel_index(score.argmax(), score.shape)
        straight = (int(row) + 0.5) * step + SLOPES[best] * (np.arange(width) - width / 2)
        lines.append(Line(traced(ink, straight), bool(whole[best, row])))
        apart = np.abs(SLOPES - SLOPES[best])[:, None] * width / (4 * step)
        above, below = _extent(score[best], int(row))
        score[(rows >= above - 2 - apart) & (rows <= below + 2 + apart)] = 0  # the same line at other slopes
    return lines


def _extent(score: Plane, row: int) -> tuple[int, int]:
    """The first and the last row around `row` with half of its score: a line may be thick."""
    bare = np.flatnonzero(score < score[row] / 2)
    at = int(np.searchsorted(bare, row))
    return int(bare[at - 1]) + 1 if at else 0, int(bare[at]) - 1 if at < bare.size else len(score) - 1


def _pooled(ink: Mask, step: int) -> tuple[Mask, NDArray[np.float64]]:
    """Whether ink runs along each group of rows and columns; the columns' middles, 0 in the centre."""
    height, width = ink.shape
    edges = np.linspace(0, width, min(BINS, width) + 1).astype(int)
    thick = cv2.dilate(ink.astype(np.uint8), np.ones((3, 1), np.uint8))  # a line may climb within a group
    along = np.add.reduceat(thick, edges[:-1], axis=1, dtype=np.float32) > ALONG * np.diff(edges)
    middles = (edges[:-1] + edges[1:] - width) / 2
    return np.maximum.reduceat(along, np.arange(0, height, step), axis=0), middles


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
    return score, whole


def traced(ink: Mask, straight: NDArray[np.float64]) -> Rows:
    """Follow a line's ink a few pixels up and down, and smooth: sheets are curved."""
    height, width = ink.shape
    reach = 3 + height // ROWS
    offsets = np.arange(-reach, reach + 1)[:, None]
    at = np.round(straight).astype(int) + offsets
    there = ink[np.clip(at, 0, height - 1), np.arange(width)] & (at >= 0) & (at < height)
    weight = there.sum(axis=0)
    weight[weight > 0.7 * len(offsets)] = 0  # a stroke along the line's height
    x, known = np.linspace(-1, 1, width), weight > 0
    if np.count_nonzero(known) >= width // 4:
        centre = (there * offsets).sum(axis=0)[known] / weight[known]
        straight = straight + np.polyval(np.polyfit(x[known], centre, 2), x)
    return np.asarray(np.round(straight), np.intp)


def without(left: Mask, ink: Mask, lines: list[Rows], pen: float) -> Mask:
    """What is left of the ink without these lines; strokes that cross them stay."""
    for rows in lines:
        band = _Band(ink, rows, pen)
        padded = np.pad(left, ((band.reach, band.reach), (0, 0)))
        here = padded[band.where]
        tall = np.ones((int(CROSSING * band.thick) + 2, 1), np.uint8)
        strokes = cv2.morphologyEx(here.astype(np.uint8), cv2.MORPH_OPEN, tall) > 0
        beyond = np.abs(np.arange(-band.reach, band.reach + 1) - band.middle) > band.thick / 2 + 2
        padded[band.where] = here & (strokes | beyond[:, None])
        left = padded[band.reach : len(padded) - band.reach]
    return left


class _Band:
    """The ink around a line, as if it were level; pixels beyond the picture are bare.

    reach: how many rows it has above the line, and below. where: its pixels, in ink padded by `reach`.
    middle: the offset, at most 2, at which it has most ink. thick: how far ink runs up and down from there,
    in most of the columns with any.
    """

    def __init__(self, ink: Mask, rows: Rows, pen: float) -> None:
        self.reach = int(2 * pen) + NEAR
        padded = np.pad(ink, ((self.reach, self.reach), (0, 0)))
        around = np.arange(2 * self.reach + 1)[:, None] + rows
        self.where = around.clip(0, len(padded) - 1), np.arange(ink.shape[1])
        band = padded[self.where]
        self.middle = int(band[self.reach - 2 : self.reach + 3].sum(axis=1).argmax()) - 2
        centre = self.reach + self.middle
        up, down = (
            np.logical_and.accumulate(side, axis=0).sum(axis=0) for side in (band[centre::-1], band[centre:])
        )
        runs = (up + down - 1)[up > 0]
        self.thick = float(np.percentile(runs, 30)) if runs.size else 0.0

    def is_thin(self, pen: float) -> bool:
        """Whether a line is seen that is thinner than a pen's strokes."""
        return 0 < self.thick < THIN * pen
