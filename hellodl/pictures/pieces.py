"""Find the pieces of ink that digits are made of, in reading order: by lines, left to right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from hellodl.pictures.normalise import stroke_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hellodl.pictures.arrays import Mask, Plane

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

MOST_PIECES = 400
"""With more pieces than this a picture is texture, not handwriting; the largest are kept."""

SPECK = 0.3
"""A piece less tall than this share of a digit belongs to a digit beside it, or is a speck."""

CLOSE = 0.25
"""A small piece this near to a digit, as a share of the digit's height, belongs to it."""

FRAGMENT = 0.6
"""A piece at the border of the picture less tall than this share of a digit is part of something cut off."""

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


def find_lines(strength: Plane, mask: Mask) -> list[list[Piece]]:
    """Lines of pieces from top to bottom, each from left to right; no lines when there is no ink."""
    pieces = _without_sheet_edges(_components(strength, mask), mask.shape)
    if not pieces:
        return []
    reach = 1.2 * stroke_width(mask)
    pieces = _merged(pieces, reach, 0.3)
    tall = _digit_height(pieces)
    whole = [p for p in pieces if not _is_small(p, tall, mask.shape)]
    for small in (p for p in pieces if _is_small(p, tall, mask.shape)):
        near = [
            i for i, p in enumerate(whole) if _overlap(p, small) >= 0.5 and _gap(p, small) <= CLOSE * tall
        ]
        if near:
            i = min(near, key=lambda i: _gap(whole[i], small))
            whole[i] = _join(whole[i], small)
    return _lines(_merged(whole, 0.15 * tall, 0.5))


def cut_up(piece: Piece) -> list[Piece]:
    """A wide piece cut where it is thinnest; the parts, from left to right, join to the piece again."""
    _, _, width, height = piece.box
    if width <= WIDE * height:
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


def _components(strength: Plane, mask: Mask) -> list[Piece]:
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


def _overlap(a: Piece, b: Piece) -> float:
    """Share of the narrower piece's width that lies above or below the other piece."""
    common = min(a.right, b.right) - max(a.box[0], b.box[0])
    return common / min(a.box[2], b.box[2])


def _gap(a: Piece, b: Piece) -> float:
    """Distance between two boxes in pixels, 0 where they overlap."""
    across = max(0, max(a.box[0], b.box[0]) - min(a.right, b.right))
    down = max(0, max(a.box[1], b.box[1]) - min(a.bottom, b.bottom))
    return float(np.hypot(across, down))


def _merged(pieces: list[Piece], reach: float, overlap: float) -> list[Piece]:
    """Join pieces above one another until all are further apart than `reach`, or overlap less."""
    merged: list[Piece] = []
    for piece in pieces:
        current = piece
        while True:
            near = [p for p in merged if _overlap(p, current) >= overlap and _gap(p, current) <= reach]
            if not near:
                break
            merged = [p for p in merged if p not in near]
            current = joined([current, *near])
        merged.append(current)
    return merged


def _digit_height(pieces: list[Piece]) -> float:
    """Height that half of the ink's digits reach: the median weighted by height."""
    heights = np.sort([p.box[3] for p in pieces])
    return float(heights[np.searchsorted(np.cumsum(heights), heights.sum() / 2)])


def _is_small(piece: Piece, tall: float, shape: tuple[int, ...]) -> bool:
    """Whether a piece is too small for a digit of its own: a speck, or a fragment at the border."""
    share = piece.box[3] / tall
    return share < SPECK or (share < FRAGMENT and _touches(piece, shape))


def _touches(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece touches the border of the picture."""
    left, top, _, _ = piece.box
    return left <= 1 or top <= 1 or piece.right >= shape[1] - 1 or piece.bottom >= shape[0] - 1


def _without_sheet_edges(pieces: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """Leave out ink that lies along much of the border, if there is other ink than that."""
    inner = [p for p in pieces if not _lies_along_border(p, shape)]
    return inner if any(p.box[3] >= 0.1 * shape[0] for p in inner) else pieces


def _lies_along_border(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece covers two fifths of one side of the picture."""
    left, top, _, _ = piece.box
    mask = piece.strength > 0.5
    sides = [
        (left <= 1, mask[:, :2].any(axis=1), shape[0]),
        (piece.right >= shape[1] - 1, mask[:, -2:].any(axis=1), shape[0]),
        (top <= 1, mask[:2].any(axis=0), shape[1]),
        (piece.bottom >= shape[0] - 1, mask[-2:].any(axis=0), shape[1]),
    ]
    return any(touches and along.sum() > 0.4 * side for touches, along, side in sides)


def _lines(pieces: list[Piece]) -> list[list[Piece]]:
    """Sort pieces into lines: each continues the line whose last piece is most at its own height."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda p: p.box[0] + p.box[2] / 2):
        fits = [_level(line[-1], piece) for line in lines]
        if fits and max(fits) >= 0.4:
            lines[int(np.argmax(fits))].append(piece)
        else:
            lines.append([piece])
    return sorted(lines, key=lambda line: float(np.median([p.box[1] + p.box[3] / 2 for p in line])))


def _level(a: Piece, b: Piece) -> float:
    """Share of the lower piece's height that lies beside the other."""
    return (min(a.bottom, b.bottom) - max(a.box[1], b.box[1])) / min(a.box[3], b.box[3])
