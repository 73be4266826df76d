"""Pieces of ink: found as connected strokes, joined to digits, cut where digits touch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from hellodl.reading.arrays import Box, Mask, Plane
from hellodl.reading.normalise import bounded, stroke_width

Line: TypeAlias = "NDArray[np.float64]"  # a cut through some ink: its column in each row, from top to bottom

MOST_PIECES = 400  # with more pieces than this a picture is texture, not handwriting; the largest are kept
MOST_COVERED = 2.0  # times their boxes cover the picture: 1.1 in 470 real ones, hundreds in nested lines
WIDE = 0.7  # pieces wider than this times their height may be digits that touch
BLOT = 0.3  # strokes wider than this share of their height are none, and not cut
MOST_CUTS = 20  # cuts in one piece; eight digits in one go need no more
CUT_ROWS = 48  # height at which cuts are found
LEANS = (0.0, -0.3, 0.3)  # they are straight: columns to the right for each row up
INKED = 0.4  # there a pixel is ink from this strength on

LONGEST_CUT, OFF, ASLANT = 0.6, 0.5, 0.4
"""Digits touch in one place, mostly half-way up. So a cut is the better the less lies between the first ink
that it meets and the last: no loop is cut. How far their middle is from half-way counts by OFF, how much it
leans by ASLANT. All are shares of the height, together at most LONGEST_CUT."""

LEAST_PART = 0.06  # a part has at least this much ink, as a share of a square as tall as the piece: a thin 1


@dataclass(frozen=True, eq=False)
class Piece:
    """Ink that belongs together: a digit, part of one, or several that touch.

    strength: float32 (height, width) from 0 to 1, of this ink alone.
    cut: 0.0, or how much ink a cut on its left side went through, as a share of its height.
    """

    box: Box
    strength: Plane
    cut: float = 0.0

    @property
    def stroke(self) -> float:
        """How wide its strokes are, in pixels: found once. Python 3.11's cached_property locks all pieces."""
        if (known := vars(self).get("stroke")) is None:
            known = vars(self)["stroke"] = stroke_width(self.strength > 0.5)
        return known

    @property
    def middle(self) -> tuple[float, float]:
        """The column and the row of its middle."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2

    @property
    def right(self) -> int:
        """First column after the piece."""
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        """First row after the piece."""
        return self.box[1] + self.box[3]

    def apart(self, other: "Piece") -> tuple[int, int]:
        """How many columns and how many rows lie between its box and another's, 0 where they overlap."""
        across = max(0, self.box[0] - other.right, other.box[0] - self.right)
        return across, max(0, self.box[1] - other.bottom, other.box[1] - self.bottom)

    def is_within(self, other: "Piece") -> bool:
        """Whether its box lies within another's."""
        (left, top, _, _), (x, y, _, _) = self.box, other.box
        return x < left and y < top and self.right < other.right and self.bottom < other.bottom


def joined(pieces: Sequence[Piece]) -> Piece:
    """One piece with the ink of several; a single one is itself, with what is known of it."""
    if len(pieces) == 1:
        return pieces[0]
    left, top = min(p.box[0] for p in pieces), min(p.box[1] for p in pieces)
    width, height = max(p.right for p in pieces) - left, max(p.bottom for p in pieces) - top
    strength = np.zeros((height, width), np.float32)
    for piece in pieces:
        x, y, w, h = piece.box
        part = strength[y - top : y - top + h, x - left : x - left + w]
        np.maximum(part, piece.strength, out=part)
    return Piece((left, top, width, height), strength, pieces[0].cut)


def components(strength: Plane, mask: Mask) -> list[Piece]:
    """Connected ink, specks of a few pixels left out."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    least = max(6, mask.size // 40_000, areas.max(initial=0) // 150)
    order = np.argsort(-areas, kind="stable")[: min(MOST_PIECES, np.count_nonzero(areas >= least))] + 1
    covered = np.cumsum(stats[order, cv2.CC_STAT_WIDTH].astype(np.int64) * stats[order, cv2.CC_STAT_HEIGHT])
    pieces = []
    for i in order[: max(1, np.searchsorted(covered, MOST_COVERED * mask.size))]:
        x, y, w, h, _ = map(int, stats[i])
        left, top = max(0, x - 1), max(0, y - 1)
        here = slice(top, y + h + 1), slice(left, x + w + 1)
        own = cv2.dilate((labels[here] == i).astype(np.uint8), np.ones((3, 3)))
        soft = np.asarray(np.minimum(strength[here], 1) * own, np.float32)
        pieces.append(Piece((left, top, soft.shape[1], soft.shape[0]), soft))
    return pieces


def cut_up(piece: Piece) -> list[Piece]:
    """A wide piece cut where digits may touch; the parts, from left to right, join to the piece again."""
    x, y, width, height = piece.box
    if width <= WIDE * height or piece.stroke > BLOT * height:
        return [piece]
    cuts, inks = _cuts(piece.strength > 0.5)
    edges = pairwise([np.zeros(height), *cuts, np.full(height, width)])
    parts, columns = [], np.arange(width) + 0.5
    for (start, stop), ink in zip(edges, [0.0, *inks], strict=True):
        between = piece.strength * ((columns >= start[:, None]) & (columns < stop[:, None]))
        (left, top, across, down), strength = bounded(between)
        if across:  # or no ink lies between these cuts
            parts.append(Piece((x + left, y + top, across, down), strength, ink))
    return parts


def _cuts(mask: Mask) -> tuple[list[Line], list[float]]:
    """From left to right the best cuts with ink between any two of them, and through how much ink they go.

    They are found on a smaller copy. The ink is a share of the height.
    """
    height, width = mask.shape
    factor = min(1.0, CUT_ROWS / height)
    columns, rows = max(2, round(width * factor)), max(2, round(height * factor))
    small = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    y = np.arange(rows)
    tried, lengths = _lines_through(small)
    before = (np.cumsum(small, axis=1) - small)[y, tried].sum(axis=1)  # the ink on the left of each
    chosen: list[int] = []
    for i in np.argsort(lengths, kind="stable"):
        if lengths[i] > LONGEST_CUT * rows or len(chosen) == MOST_CUTS:
            break
        if min(abs(before[i] - ink) for ink in (0, small.sum(), *before[chosen])) >= LEAST_PART * rows**2:
            chosen.append(int(i))
    chosen.sort(key=before.__getitem__)
    inks = [max(0.01, float(small[y, tried[i]].sum()) / rows) for i in chosen]  # 0 would say: not cut
    there = np.arange(height) * rows // height
    return [(tried[i, there] + 0.5) * (width / columns) for i in chosen], inks


def _lines_through(ink: MatLike) -> tuple[NDArray[np.intp], Line]:
    """Straight lines from top to bottom: the column that each takes in each row, (n, rows); their lengths."""
    rows, columns = ink.shape
    y = np.arange(rows)
    lean, middle = (grid.reshape(-1, 1) for grid in np.meshgrid(LEANS, np.arange(columns), indexing="ij"))
    lines = np.floor(middle + lean * ((rows - 1) / 2 - y) + 0.5).clip(0, columns - 1).astype(np.intp)
    met = ink[y, lines] > INKED
    first, after = met.argmax(axis=1), rows - met[:, ::-1].argmax(axis=1)
    lengths = (after - first + OFF / 2 * np.abs(first + after - rows)) * met.any(axis=1)
    return lines, lengths + ASLANT * rows * np.abs(lean[:, 0])
