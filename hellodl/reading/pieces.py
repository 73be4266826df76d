"""Pieces of ink: found as connected strokes, joined to digits, cut where digits touch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from hellodl.reading.normalise import bounded, stroke_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hellodl.reading.arrays import Box, Mask, Plane

Seam: TypeAlias = "NDArray[np.intp]"
"""A way from top to bottom through some ink: the column it takes in each row."""

MOST_PIECES = 400
"""With more pieces than this a picture is texture, not handwriting; the largest are kept."""

MOST_COVERED = 2.0
"""Their boxes cover the picture at most so often: 1.1 times in 470 real ones, hundreds in nested lines."""

WIDE = 0.7
"""Pieces wider than this times their height may be digits that touch."""

BLOT = 0.3
"""Strokes wider than this share of their height are none, and not cut."""

MOST_CUTS = 6
MOST_CUT = 0.4
"""Cuts go through at most this much ink, as a share of the piece's height."""

SEAM_ROWS, ASIDE = 48, 0.1
"""Seams are found at this height; a step aside costs as much as this share of a pixel full of ink."""

LEAST_PART = 0.05
"""A part has at least this much ink, as a share of a square as tall as the piece: half of a thin 1."""


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
    def right(self) -> int:
        """First column after the piece."""
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        """First row after the piece."""
        return self.box[1] + self.box[3]


def joined(pieces: Sequence[Piece]) -> Piece:
    """One piece with the ink of several."""
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
        own = (labels[top : y + h + 1, left : x + w + 1] == i).astype(np.uint8)
        own = cv2.dilate(own, np.ones((3, 3), np.uint8))
        soft = np.asarray(np.minimum(strength[top : y + h + 1, left : x + w + 1], 1) * own, np.float32)
        pieces.append(Piece((left, top, soft.shape[1], soft.shape[0]), soft))
    return pieces


def cut_up(piece: Piece) -> list[Piece]:
    """A wide piece cut where it is thinnest; the parts, from left to right, join to the piece again."""
    _, _, width, height = piece.box
    mask = piece.strength > 0.5
    if width <= WIDE * height or stroke_width(mask) > BLOT * height:
        return [piece]
    seams, cuts = _seams(mask)
    edges = pairwise([np.zeros(height, int), *seams, np.full(height, width)])
    parts = [_part(piece, *sides, cut) for sides, cut in zip(edges, [0.0, *cuts], strict=True)]
    return [part for part in parts if part is not None]


def _seams(mask: Mask) -> tuple[list[Seam], list[float]]:
    """From left to right, the seams through least ink with ink between any two of them; and through how much.

    They are found on a smaller copy. The ink is a share of the height.
    """
    height, width = mask.shape
    factor = min(1.0, SEAM_ROWS / height)
    columns, rows = max(2, round(width * factor)), max(2, round(height * factor))
    resized = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    small = np.asarray(resized, np.float32)
    cost, came = _cheapest(small)
    seams: list[Seam] = []
    for end in np.argsort(cost, kind="stable"):
        if cost[end] > MOST_CUT * rows or len(seams) == MOST_CUTS:
            break
        seam = _traced(came, int(end))
        others = [np.zeros(rows, int), np.full(rows, columns), *seams]
        if min(_ink_between(small, seam, other) for other in others) >= LEAST_PART * rows**2:
            seams.append(seam)
    seams.sort(key=np.mean)
    # 0 would say that nothing was cut
    cuts = [max(0.01, float(small[np.arange(rows), seam].sum()) / rows) for seam in seams]
    return [_stretched(seam, (columns, rows), (width, height)) for seam in seams], cuts


def _ink_between(ink: Plane, seam: Seam, other: Seam) -> float:
    x = np.arange(ink.shape[1])
    left, right = np.minimum(seam, other)[:, None], np.maximum(seam, other)[:, None]
    return float(ink[(x >= left) & (x < right)].sum())


def _stretched(seam: Seam, old: tuple[int, int], new: tuple[int, int]) -> Seam:
    """A seam through an image of one size (width, height) in one of another."""
    rows = (np.arange(new[1]) + 0.5) * old[1] / new[1] - 0.5
    between = np.interp(rows, np.arange(old[1]), seam + 0.5) * new[0] / old[0]
    return np.asarray(np.rint(between), np.intp)


def _cheapest(ink: Plane) -> tuple[Plane, NDArray[np.int8]]:
    """What the cheapest seam to each column of the last row costs, and where each of its steps came from.

    A seam goes down row by row, straight or one column aside, which costs ASIDE.
    """
    cost: Plane = ink[0].copy()
    came = np.zeros(ink.shape, np.int8)
    for y in range(1, len(ink)):
        sides = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([cost, sides[:-2] + ASIDE, sides[2:] + ASIDE])
        came[y] = np.array([0, -1, 1])[ways.argmin(axis=0)]
        cost = ways.min(axis=0) + ink[y]
    return cost, came


def _traced(came: NDArray[np.int8], end: int) -> Seam:
    """The seam that ends in this column."""
    columns = np.full(len(came), end)
    for y in range(len(came) - 1, 0, -1):
        columns[y - 1] = columns[y] + came[y, columns[y]]
    return columns


def _part(piece: Piece, start: Seam, stop: Seam, cut: float) -> Piece | None:
    """The ink between two seams, without empty rows and columns."""
    x = np.arange(piece.box[2])
    between = piece.strength * ((x >= start[:, None]) & (x < stop[:, None]))
    (left, top, width, height), strength = bounded(between)
    return Piece((piece.box[0] + left, piece.box[1] + top, width, height), strength, cut) if width else None
