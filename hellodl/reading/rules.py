"""Find and take away ruled lines and the edges of sheets, and keep the strokes that cross them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hellodl.reading.normalise import stroke_width
from hellodl.reading.straight import straight_lines, traced, without

if TYPE_CHECKING:
    from hellodl.reading.arrays import Mask, Plane
    from hellodl.reading.straight import Line, Rows

MANY = 4
"""So many parallel lines are rules, however thick, whether or not they reach the borders."""

PARALLEL = 0.02
"""Slopes of parallel lines differ from the usual one by at most this."""

PALER = 0.7
"""Rules below this share of the pen's strength are told from strokes by their strength."""

THIN = 0.8
"""A lone line is a rule if it is thinner than this share of the strokes."""

PALE = 0.35
"""A rule shows from this strength on, a share of the strength of ink."""

DENSE = 0.35
"""Where more than this share of a picture is that strong it is no sheet with rules."""


def without_rules(strength: Plane, mask: Mask) -> Mask:
    """Ink without ruled lines, across and down: one from border to border, or many parallel ones.

    Where a stroke crosses a line, the line is part of a longer run of ink and stays. A lone line as thick as
    the strokes stays too: in a tight crop, the stem of a 4 runs from border to border. If nearly nothing is
    left without a few lines, these were the digit: then the ink stays as it was.
    """
    pale = strength > PALE
    if min(mask.shape) < 16 or not mask.any() or pale.mean() > DENSE:
        return mask
    across = find_rules(pale, alone=True)
    down = find_rules(pale.T, alone=len(across) >= MANY)
    if not across and not down:
        return mask
    pen = _pen(mask, across, down)
    ruled = len(across) >= MANY
    thickest = np.inf if ruled else THIN * pen
    cleaned = without(mask, pale, across, pen, thickest)
    cleaned = without(cleaned.T, pale.T, down, pen, thickest).T
    return cleaned if ruled or cleaned.sum() > 0.15 * mask.sum() else mask


def lifted(strength: Plane, mask: Mask, cleaned: Mask) -> tuple[Plane, Mask]:
    """Ink above paler rules: strength in terms of the pen's, and the mask where strokes cross rules, too.

    cleaned: the mask without rules. Where these are nearly as strong as the pen, nothing can be told.
    """
    rules = mask & ~cleaned
    if not rules.any() or not cleaned.any():
        return strength, cleaned
    rule, pen = float(np.median(strength[rules])), float(np.median(strength[cleaned]))
    if rule > PALER * pen:
        return strength, cleaned
    strong = strength > (rule + pen) / 2
    strokes = cleaned & (cv2.dilate(strong.astype(np.uint8), np.ones((3, 3))) > 0)
    beside = cv2.dilate(strokes.astype(np.uint8), np.ones((7, 7))) > 0
    return strength / pen, strokes | (mask & strong & beside)


def find_rules(pale: Mask, *, alone: bool) -> list[Rows]:
    """Nearly horizontal rules, the clearest first: where each runs.

    Many parallel lines may be shorter than the picture is wide, if `alone` tells that digits cannot look so:
    1111 has many upright ones.
    """
    lines = straight_lines(pale)
    family = _family(lines) if alone else []
    return [traced(pale, line) for line in family or lines if family or line.whole]


def _family(lines: list[Line]) -> list[Line]:
    """Many lines, parallel on the sheet: seen from aside, their slope changes evenly from row to row."""
    if len(lines) < MANY:
        return []
    rows, slopes = np.array([line.row for line in lines]), np.array([line.slope for line in lines])
    long = np.array([line.long for line in lines])
    usual = np.full(len(lines), np.median(slopes[long]) if long.any() else 0.0)
    for _ in range(5):
        fits = np.abs(slopes - usual) <= PARALLEL
        if np.count_nonzero(fits & long) < MANY:
            return []
        usual = np.polyval(np.polyfit(rows[fits & long], slopes[fits & long], 1), rows)
    return [line for line, fit in zip(lines, fits, strict=True) if fit]


def _pen(mask: Mask, across: list[Rows], down: list[Rows]) -> float:
    """Width of the strokes of what lies between the rules; of all ink, where that is nearly nothing."""
    between = mask.astype(np.uint8)
    for grid, rules in ((between, across), (between.T, down)):
        for rows in rules:
            for offset in range(-2, 3):
                grid[np.clip(rows + offset, 0, len(grid) - 1), np.arange(len(rows))] = 0
    return stroke_width(between > 0 if between.sum() > 0.05 * mask.sum() else mask)
