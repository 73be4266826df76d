"""The ground that ink lies on: a sheet in uneven light, shadows, and the desk around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Pixels, Plane

LONG = 0.3
"""What runs along this share of the picture's border is ground; strokes that touch the border are shorter."""

JUMP = 0.25
"""Along the border, ink begins where brightness changes by this share within a few pixels."""


def ground_of(coarse: Pixels) -> Plane:
    """How bright the ground is at each pixel of a small picture (h, w), uint8, with dark ink on it.

    The ground is the morphological closing with a square of a third of the shorter side: it fills strokes,
    and keeps what is dark and broad: shadows, and the desk around a sheet, which goes on beyond the border.
    """
    size = max(3, min(coarse.shape) // 3 | 1)
    beyond = np.pad(_with_bare_border(coarse), size, mode="edge")
    closed = cv2.morphologyEx(beyond, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    darker = cv2.erode(closed, np.ones((5, 5)))
    filled = np.where(darker < (1 - JUMP) * closed, darker, closed)  # an edge counts as its darker side
    smooth = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), max(1.0, size / 24))
    return np.minimum(smooth, filled)[size:-size, size:-size]


def _with_bare_border(coarse: Pixels) -> Pixels:
    """A picture whose outermost pixels are ground: where ink reaches the border, as the ground beside it."""
    height, width = coarse.shape
    rows = np.r_[np.zeros(width, int), np.arange(height), np.full(width, height - 1), np.arange(height)[::-1]]
    columns = np.r_[
        np.arange(width), np.full(height, width - 1), np.arange(width)[::-1], np.zeros(height, int)
    ]
    border = coarse[rows, columns]
    bare = _long_runs(border)
    around = np.flatnonzero(bare)
    values = (
        np.interp(np.arange(border.size), around, border[around], period=border.size) if around.size else 255
    )
    result = coarse.copy()
    result[rows, columns] = np.where(bare, border, values)
    return result


def _long_runs(border: Pixels) -> NDArray[np.bool_]:
    """Which pixels around a picture belong to a long run without jumps."""
    count = border.size
    smooth = cv2.medianBlur(np.tile(border, 3)[None], 5)[0].astype(np.float32)
    change = np.abs(smooth[count + 2 : 2 * count + 2] - smooth[count - 2 : 2 * count - 2])
    jumps = change > JUMP * smooth.max()
    if not jumps.any():
        return np.ones(count, bool)
    first = int(np.argmax(jumps))
    labels = np.cumsum(np.diff(np.roll(jumps, -first).astype(np.int8), prepend=0) != 0)
    runs = np.roll(labels, first)
    lengths = np.bincount(runs[~jumps], minlength=labels[-1] + 1)
    return np.asarray((lengths[runs] >= LONG * count) & ~jumps)
