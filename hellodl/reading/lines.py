"""Sort pieces of ink into lines of digits: what belongs together, what is a speck or the edge of a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hellodl.reading.normalise import stroke_width
from hellodl.reading.pieces import Piece, components, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from hellodl.reading.arrays import Mask, Plane

SPECK = 0.3
"""A piece less tall than this share of a digit belongs to a digit beside it, or is a speck."""

CLOSE = 0.25
"""A small piece this near to a digit, as a share of the digit's height, belongs to it."""

DOT = 0.2
"""A small piece shorter and narrower than this share of a digit's height is a dot, and no part of a digit."""

SHORTEST = 4.0
"""Digits are at least this many times as tall as their strokes are wide."""

LONGEST = 5.0
"""Pieces wider than this times their height are lines."""

MARK = 0.6
"""A piece less tall than this share of a digit, beside one, may be a comma, an apostrophe or like =."""

SLASH = 0.25
"""A slash leans to the right by more than this share of its height, and by as much more than its line."""

TALL = 1.2
"""A slash is taller than this times the other pieces of its line."""

FRAGMENT = 0.6
"""A piece at the border of the picture less tall than this share of a digit is part of something cut off."""


def find_lines(strength: Plane, mask: Mask) -> list[list[Piece]]:
    """Lines of pieces from top to bottom, each from left to right; no lines when there is no ink."""
    pieces = _without_frames(_without_sheet_edges(components(strength, mask), mask.shape))
    if not pieces:
        return []
    stroke = stroke_width(mask)
    dot = min(2 * stroke + 4, DOT * max(max(p.box[2:]) for p in pieces))
    pieces = [p for p in pieces if max(p.box[2:]) > dot]
    pieces = _merged(pieces, lambda a, b: _continues(a, b, 1.2 * stroke + 2, 0.3, stroke))
    pieces = [p for p in pieces if p.box[2] <= LONGEST * p.box[3]]
    if not pieces:
        return []
    tall = _digit_height(pieces)
    whole = [p for p in pieces if not _is_small(p, tall, mask.shape)]
    for small in (p for p in pieces if _is_small(p, tall, mask.shape)):
        near = [
            i for i, p in enumerate(whole) if _overlap(p, small) >= 0.5 and _gap(p, small) <= CLOSE * tall
        ]
        if near:
            i = min(near, key=lambda i: _gap(whole[i], small))
            whole[i] = joined([whole[i], small])
    whole = _merged(whole, lambda a, b: _continues(a, b, 0.15 * tall, 0.5, stroke) or _completes(a, b, tall))
    whole = _without_marks(whole, tall)
    return [_without_slashes(line) for line in _lines(whole)]


def _overlap(a: Piece, b: Piece) -> float:
    """Share of the narrower piece's width that lies above or below the other piece."""
    common = min(a.right, b.right) - max(a.box[0], b.box[0])
    return common / min(a.box[2], b.box[2])


def _gap(a: Piece, b: Piece) -> float:
    """Distance between two boxes in pixels, 0 where they overlap."""
    across = max(0, max(a.box[0], b.box[0]) - min(a.right, b.right))
    down = max(0, max(a.box[1], b.box[1]) - min(a.bottom, b.bottom))
    return float(np.hypot(across, down))


def _continues(a: Piece, b: Piece, reach: float, overlap: float, stroke: float) -> bool:
    """Whether pieces are at most `reach` apart, and one above the other by that share of the width.

    Two that stand apart and are both as tall as digits are digits of two lines, and stay two.
    """
    apart = max(a.box[1], b.box[1]) >= min(a.bottom, b.bottom)
    both_tall = min(a.box[3], b.box[3]) >= SHORTEST * stroke
    return _overlap(a, b) >= overlap and _gap(a, b) <= reach and not (apart and both_tall)


def _completes(a: Piece, b: Piece, tall: float) -> bool:
    """Whether one piece stands on the other to make a digit: a broken stroke, the circles of an 8."""
    upper, lower = sorted((a, b), key=lambda p: p.box[1])
    height, gap = lower.bottom - upper.box[1], lower.box[1] - upper.bottom
    if gap < -0.2 * min(a.box[3], b.box[3]):
        return False
    halves = height <= 1.25 * tall and max(a.box[3], b.box[3]) <= 0.75 * tall
    circles = gap <= 0.05 * height and _overlap(a, b) >= 0.6
    return circles or (halves and _gap(a, b) <= 0.25 * tall and _overlap(a, b) > -0.5)


def _merged(pieces: list[Piece], belong: Callable[[Piece, Piece], bool]) -> list[Piece]:
    """Join pieces that belong together, and what then belongs to these."""
    merged: list[Piece] = []
    for piece in pieces:
        current = piece
        while near := [p for p in merged if belong(p, current)]:
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


def _without_marks(pieces: list[Piece], tall: float) -> list[Piece]:
    """Leave out commas, apostrophes and flat signs: small, beside a digit, at its foot or head, or flat."""

    def is_mark(small: Piece, digit: Piece) -> bool:
        (_, top, width, height), (_, above, _, whole) = small.box, digit.box
        from_head, to_foot = (top - above) / whole, (top + height - above) / whole
        at_foot, at_head = 0.55 < from_head < 1, 0 < to_foot < 0.45
        beside = whole > 0.7 * tall and _gap(small, digit) <= 0.5 * tall
        return beside and (at_foot or at_head or (width > height and 0 < from_head < 1))

    return [p for p in pieces if p.box[3] >= MARK * tall or not any(is_mark(p, q) for q in pieces)]


def _without_slashes(line: list[Piece]) -> list[Piece]:
    """Leave out slashes between digits: straight, tall and leaning, where a 1 leans as its line does."""
    leans = [_lean(p) for p in line]

    def is_slash(i: int) -> bool:
        others = [p.box[3] for p in line[:i] + line[i + 1 :]]
        lean, straight = leans[i]
        usual = max(0.0, float(np.median([a for a, _ in leans[:i] + leans[i + 1 :]])))
        return straight and line[i].box[3] > TALL * float(np.median(others)) and lean > SLASH + usual

    return [p for i, p in enumerate(line) if not (0 < i < len(line) - 1 and is_slash(i))]


def _lean(piece: Piece) -> tuple[float, bool]:
    """How far ink leans to the right, a share of its height; and whether it is one straight stroke.

    Lean is the shear that makes rows and columns uncorrelated. A bar's deviation across is its width / √12.
    """
    mask = piece.strength > 0.5
    rows, columns = np.nonzero(mask)
    if rows.size < 3 or rows[0] == rows[-1]:
        return 0.0, False
    moments = np.cov(rows, columns)
    across = float(np.sqrt(12 * max(np.linalg.eigvalsh(moments)[0], 0)))
    return -float(moments[0, 1] / moments[0, 0]), across < 1.4 * stroke_width(mask)


def _without_sheet_edges(pieces: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """Leave out ink that lies along a border and is thinner or thicker than the other ink."""
    inner = [p for p in pieces if not _lies_along_border(p, shape)]
    if not any(p.box[3] >= 0.1 * shape[0] for p in inner):
        return pieces
    usual = float(np.median([stroke_width(p.strength > 0.5) for p in inner]))
    edges = [p for p in pieces if _lies_along_border(p, shape)]
    strokes = [p for p in edges if 0.75 * usual <= stroke_width(p.strength > 0.5) <= 1.5 * usual]
    return inner + strokes


def _without_frames(pieces: list[Piece]) -> list[Piece]:
    """Leave out what surrounds other ink of some size: the outline of a sheet, a drawn box."""
    return [a for a in pieces if not any(_surrounds(a, b) for b in pieces if b.box[3] >= 0.2 * a.box[3])]


def _surrounds(a: Piece, b: Piece) -> bool:
    """Whether the ink of one piece is to the left, to the right, above and below the middle of another."""
    left, top = b.box[0] - a.box[0], b.box[1] - a.box[1]
    right, bottom = left + b.box[2], top + b.box[3]
    if left <= 0 or top <= 0 or right >= a.box[2] or bottom >= a.box[3]:
        return False
    row, column = a.strength[(top + bottom) // 2] > 0.5, a.strength[:, (left + right) // 2] > 0.5
    return bool(row[:left].any() and row[right:].any() and column[:top].any() and column[bottom:].any())


def _lies_along_border(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece runs along two fifths of one side of the picture, at most 3 % away from it."""
    height, width = shape
    left, top, _, _ = piece.box
    mask = piece.strength > 0.5
    across, down = 2 + round(0.03 * width), 2 + round(0.03 * height)
    at_left, at_right = max(0, across - left), max(0, across - (width - piece.right))
    at_top, at_bottom = max(0, down - top), max(0, down - (height - piece.bottom))
    sides = [
        (mask[:, :at_left].any(axis=1), height),
        (mask[:, mask.shape[1] - at_right :].any(axis=1), height),
        (mask[:at_top].any(axis=0), width),
        (mask[mask.shape[0] - at_bottom :].any(axis=0), width),
    ]
    return any(along.sum() > 0.4 * side for along, side in sides)


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
