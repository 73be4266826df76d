"""Pieces of ink: found as connected strokes, joined to digits, cut where digits touch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from hellodl.pictures.quality import is_solid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hellodl.pictures.arrays import Mask, Plane

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

MOST_PIECES = 400
"""With more pieces than this a picture is texture, not handwriting; the largest are kept."""

WIDE = 0.9
"""Pieces wider than this times their height may be digits that touch."""

MOST_CUTS = 6
MOST_CUT = 0.4
"""Cuts go through at most this much ink, as a share of the piece's height."""


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
    pieces = []
    for i in kept:
        x, y, w, h, _ = (int(value) for value in stats[i])
        left, top = max(0, x - 1), max(0, y - 1)
        own = (labels[top : y + h + 1, left : x + w + 1] == i).astype(np.uint8)
        own = cv2.dilate(np.pad(own, 1), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        soft = strength[top : y + h + 1, left : x + w + 1] * own
        pieces.append(Piece((left, top, soft.shape[1], soft.shape[0]), soft.astype(np.float32)))
    return pieces


def cut_up(piece: Piece) -> list[Piece]:
    """A wide piece cut where it is thinnest; the parts, from left to right, join to the piece again."""
    _, _, width, height = piece.box
    if width <= WIDE * height or is_solid(piece.strength > 0.5):
        return [piece]
    columns = (piece.strength > 0.5).sum(axis=0)
    spacing = max(2, round(0.25 * height))
    cuts: list[int] = []
    for x in np.argsort(columns[spacing:-spacing], kind="stable") + spacing:
        if columns[x] > MOST_CUT * height or len(cuts) == MOST_CUTS:
            break
        if all(abs(x - other) >= spacing for other in cuts):
            cuts.append(int(x))
    edges = [0, *sorted(cuts), width]
    parts = [_part(piece, a, b, float(columns[a]) / height if a else 0.0) for a, b in pairwise(edges)]
    return [part for part in parts if part is not None]


def _part(piece: Piece, start: int, stop: int, cut: float) -> Piece | None:
    """Columns `start` to `stop` of a piece, without empty rows."""
    strength = piece.strength[:, start:stop]
    rows = np.flatnonzero((strength > 0.5).any(axis=1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    x, y, _, _ = piece.box
    return Piece((x + start, y + top, stop - start, bottom - top), strength[top:bottom], cut)
