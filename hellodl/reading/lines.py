"""Sort pieces of ink into lines of digits, specks and signs beside them; leave out the edges of sheets."""

from collections.abc import Callable
from itertools import product
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from hellodl.reading.arrays import Mask, Plane
from hellodl.reading.normalise import stroke_width
from hellodl.reading.pieces import Piece, components, joined

SMALL = 0.6  # a piece less tall than this share of digits is a part of one, a sign beside one, or a speck
SHORTEST = 4.0  # digits are at least this many times as tall as their strokes are wide
UNDERLINE = 3.0  # what is more than so many times as wide as tall may underline a digit
LEVEL = 0.4  # digits of one line share at least this part of the lower one's height
STEEP, STEEPEST = 0.14, 0.7  # rows down for each column: lines aslant by 8 to 35 degrees are followed,
REACH = 4.0  # from one digit to the next at most so many digits' heights away
WITHIN = 0.27, 0.85  # numbers within a ring or a frame are so tall, as shares of its height
RIM, DEEPER = 0.2, 0.03  # a ring is ink so near its hull, a share of its shorter side; more ink is others'
DOT = 0.2  # of the largest: what is shorter and narrower, and hardly larger than the pen, is a dot
ASIDE = 0.5  # a small piece belongs to the line that is at most this share of a digit's height above or below


def find_lines(strength: Plane, mask: Mask) -> list[list[Piece]]:
    """Lines of pieces from top to bottom, each from left to right; no lines when there is no ink."""
    pieces = _without_rings(_without_sheet_edges(components(strength, mask), mask.shape))
    if not pieces:
        return []
    stroke = stroke_width(mask)
    dot = min(2 * stroke + 4, DOT * max(max(p.box[2:]) for p in pieces))
    pieces = _merged(
        pieces, lambda a, b: not _underlines(a, b) and (_continues(a, b, stroke, dot) or _are_circles(a, b))
    )
    tall = _usual_height(np.array([p.box[3] for p in pieces]))
    lines = _lines([p for p in pieces if p.box[3] >= SMALL * tall], tall)
    small: list[list[Piece]] = [[] for _ in lines]
    for piece in (p for p in pieces if p.box[3] < SMALL * tall):
        aside, nearest = min((_aside(line, piece), i) for i, line in enumerate(lines))
        if aside <= ASIDE * tall:
            small[nearest].append(piece)
    return [sorted(line + more, key=lambda p: p.middle[0]) for line, more in zip(lines, small, strict=True)]


def _usual_height(heights: NDArray[np.intp]) -> float:
    """How tall digits are: the median of ink's heights weighted by height, so that specks do not count."""
    heights = np.sort(heights)
    return float(heights[np.searchsorted(np.cumsum(heights), heights.sum() / 2)])


def _aside(line: list[Piece], small: Piece) -> int:
    """How far a small piece lies above or below a line's nearest piece, in pixels."""
    near = min(line, key=lambda p: abs(p.middle[0] - small.middle[0]))
    return near.apart(small)[1]


def _overlap(a: Piece, b: Piece) -> float:
    """Share of the narrower piece's width that lies above or below the other piece."""
    common = min(a.right, b.right) - max(a.box[0], b.box[0])
    return common / min(a.box[2], b.box[2])


def _continues(a: Piece, b: Piece, stroke: float, dot: float) -> bool:
    """Whether a fragment nearly touches another piece above or below: a stroke that the threshold broke."""
    small = min(a, b, key=lambda p: max(p.box[2:]))
    fragment = dot < max(small.box[2:]) and min(a.box[3], b.box[3]) < SHORTEST * stroke
    return fragment and _overlap(a, b) >= 0.3 and hypot(*a.apart(b)) <= 1.2 * stroke + 2


def _are_circles(a: Piece, b: Piece) -> bool:
    """Whether one piece stands on the other to make a digit: the circles of an 8."""
    upper, lower = sorted((a, b), key=lambda p: p.box[1])
    height, gap = lower.bottom - upper.box[1], lower.box[1] - upper.bottom
    return -0.2 * min(a.box[3], b.box[3]) <= gap <= 0.05 * height and _overlap(a, b) >= 0.6


def _underlines(a: Piece, b: Piece) -> bool:
    """Whether one piece is a flat stroke below the other, apart from it and wider: no foot of a 1."""
    upper, lower = sorted((a, b), key=lambda p: p.middle[1])
    return a.apart(b)[1] > 0 and lower.box[2] > max(UNDERLINE * lower.box[3], upper.box[2])


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


def _without_sheet_edges(pieces: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """Leave out ink that lies along a border and is thinner or thicker than the other ink."""
    inner = [p for p in pieces if not _lies_along_border(p, shape)]
    if not any(p.box[3] >= 0.1 * shape[0] for p in inner):
        return pieces
    usual = float(np.median([p.stroke for p in inner]))
    return inner + [p for p in pieces if p not in inner and 0.75 * usual <= p.stroke <= 1.5 * usual]


def _without_rings(pieces: list[Piece]) -> list[Piece]:
    """Leave out what goes around a number: a ring, a frame, a box.

    It is taller than what is written: a nought may go around the end of its own stroke. What is no ring
    alone, as digits that touch their boxes, stays: who reads the rest has to know of it.
    """
    x, y, width, height = np.array([p.box for p in pieces] or np.empty((0, 4))).T
    right, bottom = x + width, y + height
    inside = (x > x[:, None]) & (y > y[:, None]) & (right < right[:, None]) & (bottom < bottom[:, None])
    share = height / height[:, None]
    inside &= (share > WITHIN[0]) & (share < WITHIN[1])
    rings = [
        ring
        for ring, within in zip(pieces, inside, strict=True)
        if any(_encloses(ring, pieces[i]) for i in np.flatnonzero(within)) and _is_hollow(ring)
    ]
    if not rings:
        return pieces
    tall = _usual_height(np.array([p.box[3] for p in pieces if p not in rings]))
    return [p for p in pieces if p not in rings or tall > WITHIN[1] * p.box[3]]


def _is_hollow(ring: Piece) -> bool:
    """Whether a piece has next to no ink away from the rim of its convex hull."""
    ink = np.pad((ring.strength > 0.5).astype(np.uint8), 1)
    hull = cv2.fillConvexPoly(np.zeros_like(ink), cv2.convexHull(cv2.findNonZero(ink)), (1,))
    deep = cv2.distanceTransform(hull, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > RIM * min(ring.box[2:])
    return bool(np.count_nonzero(ink[deep]) < DEEPER * np.count_nonzero(ink))


def _encloses(ring: Piece, piece: Piece) -> bool:
    """Whether the corners of a piece's box lie within the convex hull of a ring."""
    points = cv2.findNonZero((ring.strength > 0.5).astype(np.uint8))
    hull = cv2.convexHull(points) + np.array(ring.box[:2])
    corners = product((piece.box[0], piece.right), (piece.box[1], piece.bottom))
    return all(cv2.pointPolygonTest(hull, corner, measureDist=False) > 0 for corner in corners)


def _lies_along_border(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece runs along two fifths of one side of the picture, at most 3 % away from it."""
    mask = piece.strength > 0.5
    sides = [  # rows of ink from there on, how far away the first is, the picture's size across and along
        (mask, piece.box[1], shape),
        (mask[::-1], shape[0] - piece.bottom, shape),
        (mask.T, piece.box[0], shape[::-1]),
        (mask.T[::-1], shape[1] - piece.right, shape[::-1]),
    ]
    return any(
        rows[: max(0, 2 + round(0.03 * across) - away)].any(axis=0).sum() > 0.4 * along
        for rows, away, (across, along) in sides
    )


def _lines(pieces: list[Piece], tall: float) -> list[list[Piece]]:
    """Sort pieces into lines: each continues the line whose last piece is most at its own height."""
    lines: list[list[Piece]] = []
    slope = _slope(pieces, tall)
    for piece in sorted(pieces, key=lambda p: p.middle[0]):
        fits = [_level(line[-1], piece, slope) for line in lines]
        if fits and max(fits) >= LEVEL:
            lines[int(np.argmax(fits))].append(piece)
        else:
            lines.append([piece])
    return sorted(lines, key=lambda line: np.median([p.middle[1] - slope * p.middle[0] for p in line]))


def _slope(pieces: list[Piece], tall: float) -> float:
    """Rows down for each column to the right, of lines that all climb or fall steeply; else 0.

    It is that of the way from each piece to the nearest on its right (O'Gorman 1993, the document spectrum).
    """
    x, y = np.array([p.middle for p in pieces]).reshape(-1, 2).T
    right, down = x - x[:, None], y - y[:, None]
    is_next = (right > 0) & (right < REACH * tall) & (np.abs(down) < STEEPEST * right)
    each = np.nonzero(is_next.any(axis=1))[0]
    if len(each) < 2:
        return 0.0
    nearest = np.where(is_next, np.hypot(right, down), np.inf)[each].argmin(axis=1)
    slopes = down[each, nearest] / right[each, nearest]
    low, usual, high = np.percentile(slopes, (25, 50, 75))
    return float(usual) if low * high > 0 and min(abs(low), abs(high)) > STEEP else 0.0


def _level(a: Piece, b: Piece, slope: float) -> float:
    """Share of the lower piece's height that lies beside the other, along a slope."""
    down = slope * (b.middle[0] - a.middle[0])
    common = min(a.bottom, b.bottom - down) - max(a.box[1], b.box[1] - down)
    return common / min(a.box[3], b.box[3])
