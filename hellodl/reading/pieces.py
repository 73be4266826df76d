"""Pieces of ink: found as connected strokes, joined to digits, cut where digits touch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from hellodl.reading.normalise import stroke_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hellodl.reading.arrays import Mask, Plane

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

MOST_PIECES = 400
"""With more pieces than this a picture is texture, not handwriting; the largest are kept."""

MOST_COVERED = 4.0
"""Their boxes together cover at most so many times the picture; those of nested lines cover hundreds."""

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


def joined(pieces: Iterable[Piece]) -> Piece:
    """One piece with the ink of several."""
    return reduce(_join, pieces)


def _join(a: Piece, b: Piece) -> Piece:
    left, top = min(a.box[0], b.box[0]), min(a.box[1], b.box[1])
    width, height = max(a.right, b.right) - left, max(a.bottom, b.bottom) - top
    strength = np.zeros((height, width), np.float32)
    for piece in (a, b):
        x, y, w, h = piece.box
        part = strength[y - top : y - top + h, x - left : x - left + w]
        np.maximum(part, piece.strength, out=part)
    return Piece((left, top, width, height), strength, a.cut)


def components(strength: Plane, mask: Mask) -> list[Piece]:
    """Connected ink, specks of a few pixels left out."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    least = max(6, mask.size // 40_000, int(stats[1:, cv2.CC_STAT_AREA].max(initial=0)) // 150)
    kept = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= least]
    kept = sorted(kept, key=lambda i: -int(stats[i, cv2.CC_STAT_AREA]))[:MOST_PIECES]
    boxes = stats[kept, cv2.CC_STAT_WIDTH].astype(np.int64) * stats[kept, cv2.CC_STAT_HEIGHT]
    kept = kept[: max(1, int(np.searchsorted(boxes.cumsum(), MOST_COVERED * mask.size)))]
    pieces = []
    for i in kept:
        x, y, w, h, _ = (int(value) for value in stats[i])
        left, top = max(0, x - 1), max(0, y - 1)
        own = (labels[top : y + h + 1, left : x + w + 1] == i).astype(np.uint8)
        own = cv2.dilate(np.pad(own, 1), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        soft = np.minimum(strength[top : y + h + 1, left : x + w + 1], 1) * own
        pieces.append(Piece((left, top, soft.shape[1], soft.shape[0]), soft.astype(np.float32)))
    return pieces


def cut_up(piece: Piece) -> list[Piece]:
    """A wide piece cut where it is thinnest; the parts, from left to right, join to the piece again."""
    _, _, width, height = piece.box
    if width <= WIDE * height or stroke_width(piece.strength > 0.5) > BLOT * height:
        return [piece]
    seams = sorted(_seams(piece.strength > 0.5), key=lambda seam: seam.columns.mean())
    start, stop = _Seam(np.zeros(height, int), 0.0), _Seam(np.full(height, width), 0.0)
    parts = [_part(piece, a, b) for a, b in pairwise([start, *seams, stop])]
    return [part for part in parts if part is not None]


@dataclass(frozen=True, eq=False)
class _Seam:
    """A way from top to bottom: the column it takes in each row, and how much ink it goes through.

    The ink is a share of the piece's height.
    """

    columns: NDArray[np.intp]
    ink: float


def _seams(mask: Mask) -> list[_Seam]:
    """The ways that go through least ink, with ink between any two of them; found on a smaller copy."""
    height, width = mask.shape
    factor = min(1.0, SEAM_ROWS / height)
    columns, rows = max(2, round(width * factor)), max(2, round(height * factor))
    resized = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    small = np.asarray(resized, np.float32)
    cost, came = _cheapest_ways(small)
    ways: list[NDArray[np.intp]] = [np.zeros(rows, int), np.full(rows, columns)]
    seams: list[_Seam] = []
    for end in np.argsort(cost, kind="stable"):
        if cost[end] > MOST_CUT * rows or len(seams) == MOST_CUTS:
            break
        way = _traced(came, int(end))
        if min(_ink_between(small, way, other) for other in ways) >= LEAST_PART * rows**2:
            ways.append(way)
            # 0 would say that nothing was cut
            ink = max(0.01, float(small[np.arange(rows), way].sum()) / rows)
            seams.append(_Seam(_stretched(way, (columns, rows), (width, height)), ink))
    return seams


def _ink_between(ink: Plane, way: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    x = np.arange(ink.shape[1])
    left, right = np.minimum(way, other)[:, None], np.maximum(way, other)[:, None]
    return float(ink[(x >= left) & (x < right)].sum())


def _stretched(way: NDArray[np.intp], old: tuple[int, int], new: tuple[int, int]) -> NDArray[np.intp]:
    """A way through an image of one size (width, height) in one of another."""
    rows = (np.arange(new[1]) + 0.5) * old[1] / new[1] - 0.5
    between = np.interp(rows, np.arange(old[1]), way + 0.5) * new[0] / old[0]
    return np.asarray(np.rint(between), np.intp)


def _cheapest_ways(ink: Plane) -> tuple[Plane, NDArray[np.int8]]:
    """What the cheapest way to each column of the last row costs, and where each of its steps came from.

    A way goes down row by row, straight or one column aside, which costs ASIDE.
    """
    cost: Plane = ink[0].copy()
    came = np.zeros(ink.shape, np.int8)
    for y in range(1, len(ink)):
        sides = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([cost, sides[:-2] + ASIDE, sides[2:] + ASIDE])
        best = ways.argmin(axis=0)
        came[y] = np.array([0, -1, 1], np.int8)[best]
        cost = ways.min(axis=0) + ink[y]
    return cost, came


def _traced(came: NDArray[np.int8], end: int) -> NDArray[np.intp]:
    """The columns of the way that ends in this one."""
    columns = np.full(len(came), end)
    for y in range(len(came) - 1, 0, -1):
        columns[y - 1] = columns[y] + came[y, columns[y]]
    return columns


def _part(piece: Piece, start: _Seam, stop: _Seam) -> Piece | None:
    """The ink between two seams, without empty rows and columns."""
    x = np.arange(piece.box[2])
    between = (x >= start.columns[:, None]) & (x < stop.columns[:, None])
    strength = piece.strength * between
    mask = strength > 0.5
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    box = piece.box[0] + left, piece.box[1] + top, right - left, bottom - top
    return Piece(box, strength[top:bottom, left:right], start.ink)
