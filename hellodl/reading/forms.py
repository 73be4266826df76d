"""Lines of forms: underlines, combs and rows of boxes to write digits into, found and taken away."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hellodl.reading.rules import MANY
from hellodl.reading.straight import straight_lines, traced, without

if TYPE_CHECKING:
    from hellodl.reading.arrays import Mask, Plane
    from hellodl.reading.straight import Rows

LONG = 3.0
"""A line longer than this times the height of the digits is no stroke of a digit."""

GAP = 0.12
"""Boxes are less than this share of their height apart; digits, more."""

SHORT = 0.75
"""The teeth of a comb are less tall than this share of the digits."""

NEAR = 8
"""They begin within so many pixels of the line, which is gone there, with its edges."""

SEEN = 0.2
"""Lines of forms, printed in pale colours, are at least this strong, a share of the strength of ink."""

PEN = 0.02
"""About how wide a pen draws, as a share of the picture's height."""

LOWEST = 12
"""Boxes are at least so many pixels high."""


def without_forms(strength: Plane, mask: Mask) -> Mask:
    """Ink without long level lines, and without the upright ones between these or on them: walls, teeth."""
    if min(mask.shape) < LOWEST:
        return mask
    pale = mask | (strength > SEEN)
    lines = [line for line in straight_lines(pale) if line.long]
    if not lines:
        return mask
    tall = _usual_height(without(mask, pale, [traced(pale, line) for line in lines], PEN * len(mask)))
    lines = [line for line in lines if _length(pale, traced(pale, line), GAP * tall) > LONG * tall]
    levels = sorted((traced(pale, line) for line in lines), key=lambda rows: float(rows.mean()))
    if _is_ruled(levels):
        return mask
    for above, below in pairwise(levels):
        mask = _without_walls(mask, pale, above, below)
    own = [traced(pale, line) for line in lines if not line.whole]  # others are rules
    return _without_teeth(without(mask, pale, own, PEN * len(mask)), own, SHORT * tall)


def _is_ruled(levels: list[Rows]) -> bool:
    """Whether most of many lines have the same distance: ruled paper, which is no form."""
    if len(levels) < MANY:
        return False
    distances = np.diff([rows.mean() for rows in levels])
    return bool((np.abs(distances / np.median(distances) - 1) < 0.25).mean() > 0.7)


def _length(pale: Mask, rows: Rows, gap: float) -> int:
    """How far a line runs, not interrupted by gaps up to that size."""
    width = pale.shape[1]
    near = np.clip(rows + np.arange(-2, 3)[:, None], 0, len(pale) - 1)
    there = pale[near, np.arange(width)].any(axis=0)
    closed = cv2.morphologyEx(there[None].astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, int(gap) + 3)))[0]
    ends = np.flatnonzero(np.diff(np.pad(closed, 1)))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _usual_height(mask: Mask) -> float:
    """How tall digits are: what is as tall or less makes up 70 % of all heights, teeth and fragments too."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    heights = np.sort(stats[1:, cv2.CC_STAT_HEIGHT])
    if not heights.size:
        return 0.0
    return float(heights[np.searchsorted(np.cumsum(heights), 0.7 * heights.sum())])


def _without_teeth(mask: Mask, levels: list[Rows], short: float) -> Mask:
    """Ink without what is short and stands on a level line, or hangs from one: the teeth of a comb."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    tooth = np.zeros(count, bool)
    for i in range(1, count):
        _, top, width, height, _ = stats[i]
        at = [rows[round(centres[i][0])] for rows in levels]
        gap = min((min(abs(top + height - row), abs(top - row)) for row in at), default=np.inf)
        tooth[i] = 3 * width < height < short and gap < NEAR
    return np.asarray(mask & ~tooth[labels])


def _without_walls(mask: Mask, pale: Mask, above: Rows, below: Rows) -> Mask:
    """Ink without upright lines that reach from one level line to the next."""
    height = round(float(np.median(below - above)))
    if height < LOWEST:
        return mask
    columns = np.arange(mask.shape[1])
    where = np.clip(above + np.arange(2, height - 1)[:, None], 0, len(mask) - 1)
    strip, seen = mask[where, columns].T, pale[where, columns].T
    for least in (2, 1, 1, 1):  # where boxes have two walls, each pair is found as one at first
        walls = [traced(seen, line) for line in straight_lines(seen) if line.whole]
        if len(walls) < least:
            break
        strip, seen = (without(ink, seen, walls, PEN * len(seen)) for ink in (strip, seen))
    cleaned = mask.copy()
    cleaned[where, columns] = strip.T
    return cleaned
