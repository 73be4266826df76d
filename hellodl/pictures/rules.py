"""Find and take away ruled lines and the edges of sheets, and keep the strokes that cross them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hellodl.pictures.normalise import stroke_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.pictures.arrays import Mask, Plane

BINS = 64
"""Columns are looked at in this many groups."""

ROWS = 360
"""Rows are looked at in about this many groups."""

SLOPES = np.linspace(-0.12, 0.12, 49)
"""How many pixels a rule climbs a pixel of width: up to 7 degrees, as hand-held photographs show them."""

COVERED = 0.88
"""Share of the width along which a rule must be seen."""

PALE = 0.35
"""A rule shows from this strength on, a share of the strength of ink."""

MOST_RULES = 16


def without_rules(strength: Plane, mask: Mask) -> Mask:
    """Ink without lines that run from one border of the picture to the other, across and down.

    Where a stroke crosses a line, the line is part of a longer run of ink and stays. Lines as thick as the
    strokes stay too: in a tight crop, the stem of a 4 runs from border to border. If nearly nothing is
    left, the line was the digit: then the ink stays as it was.
    """
    pale = strength > PALE
    thickness = stroke_width(mask)
    if min(mask.shape) < 16 or not 0 < thickness < min(mask.shape) / 8 or pale.mean() > 0.25:
        return mask
    across = _without_rows(pale, mask, thickness)
    cleaned = _without_rows(pale.T, across.T, thickness).T
    return cleaned if cleaned.sum() > 0.15 * mask.sum() else mask


def _without_rows(pale: Mask, mask: Mask, thickness: float) -> Mask:
    """Take away nearly horizontal lines, one after the other, the clearest first."""
    height, width = mask.shape
    step = max(1, height // ROWS)
    pooled, middles = _pooled(pale, step)
    for _ in range(MOST_RULES):
        line = _clearest_line(pooled, middles / step, thickness / step)
        if line is None:
            break
        row, slope = line
        rows = (row + 0.5) * step + slope * (np.arange(width) - width / 2)
        mask = _erased(mask, pale, rows, thickness)
        near = np.abs(np.arange(len(pooled))[:, None] - row - slope * middles / step) <= 2 + thickness / step
        pooled &= ~near
    return mask


def _pooled(pale: Mask, step: int) -> tuple[Mask, NDArray[np.float64]]:
    """Whether there is ink in each group of rows and columns; the columns' middles, 0 in the centre."""
    height, width = pale.shape
    edges = np.linspace(0, width, min(BINS, width) + 1).astype(int)
    columns = np.maximum.reduceat(pale, edges[:-1], axis=1)
    pooled = np.maximum.reduceat(columns, np.arange(0, height, step), axis=0)
    return pooled, (edges[:-1] + edges[1:] - width) / 2


def _clearest_line(pooled: Mask, middles: NDArray[np.float64], thickness: float) -> tuple[int, float] | None:
    """Row (at the centre) and slope of the best line from border to border; None when there is none."""
    if pooled.any(axis=0).mean() < COVERED:
        return None
    reach = max(1, round(thickness / 2))
    exact = pooled.astype(np.uint8)
    near = cv2.dilate(exact, np.ones((2 * reach + 1, 1), np.uint8))
    margin = int(np.ceil(SLOPES[-1] * np.abs(middles).max())) + 1
    rows, columns = np.arange(margin, margin + len(near))[:, None], np.arange(len(middles))
    at = [(rows + np.round(slope * middles).astype(int), columns) for slope in SLOPES]
    lines = np.stack([np.pad(near, ((margin, margin), (0, 0)))[index] for index in at])
    sharp = np.stack([np.pad(exact, ((margin, margin), (0, 0)))[index] for index in at]).mean(axis=2)
    ends = lines[:, :, :2].any(axis=2) & lines[:, :, -2:].any(axis=2)
    score = np.where(ends & (lines.mean(axis=2) >= COVERED), sharp, 0)
    best, row = np.unravel_index(score.argmax(), score.shape)
    return (int(row), float(SLOPES[best])) if score[best, row] > 0 else None


def _erased(mask: Mask, pale: Mask, rows: NDArray[np.float64], thickness: float) -> Mask:
    """Take away ink at a line (its row for each column), but not what reaches beyond the line's thickness."""
    reach = int(4 * thickness) + 3
    where = np.arange(-reach, reach + 1)[:, None] + np.round(rows).astype(int) + reach
    columns = np.arange(mask.shape[1])
    padded = np.pad(mask, ((reach, reach), (0, 0)))
    where = np.clip(where, 0, len(padded) - 1)
    faint = np.pad(pale, ((reach, reach), (0, 0)))[where, columns]
    near = np.abs(np.arange(-reach, reach + 1)) <= 1.5 * thickness + 1
    middle = int(np.where(near, faint.sum(axis=1), -1).argmax())
    distance = np.abs(np.arange(len(faint)) - middle)
    band = padded[where, columns]
    usual = min(_usual_height(rows[distance <= thickness]) for rows in (faint, band))
    if usual > 0.8 * thickness:
        return mask
    tall = np.ones((int(1.4 * usual) + 2, 1), np.uint8)
    strokes = cv2.morphologyEx(band.astype(np.uint8), cv2.MORPH_OPEN, tall) > 0
    padded[where, columns] = band & (strokes | (distance > usual + 1)[:, None])
    return padded[reach:-reach]


def _usual_height(band: Mask) -> float:
    """Height of the ink in most columns that have some: the line's thickness, where strokes are few."""
    heights = band.sum(axis=0)
    return float(np.percentile(heights[heights > 0], 30)) if heights.any() else np.inf
