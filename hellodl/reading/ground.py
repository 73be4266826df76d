"""The ground that ink lies on: a sheet in uneven light, shadows, and the desk around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from hellodl.reading.arrays import Pixels, Plane

JUMP = 0.25  # where brightness changes by this share within a few pixels, a shadow or a sheet ends


def ground_of(coarse: Pixels) -> Plane:
    """How bright the ground is at each pixel of a small picture (h, w), uint8, with dark ink on it.

    The ground is the morphological closing with a square of a third of the shorter side: it fills strokes,
    and keeps what is dark and broad: shadows, and the desk around a sheet, which goes on beyond the border.
    """
    size = max(3, min(coarse.shape) // 3 | 1)
    beyond = np.pad(coarse, size, mode="edge")
    closed = cv2.morphologyEx(beyond, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    darker = cv2.erode(closed, np.ones((5, 5)))
    filled = np.where(darker < (1 - JUMP) * closed, darker, closed)  # an edge counts as its darker side
    smooth = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), max(1.0, size / 24))
    return np.minimum(smooth, filled)[size:-size, size:-size]


def two_tones(coarse: Pixels) -> tuple[float, float]:
    """How far a small picture (h, w), uint8, is made of two shades alone, 0 to 1; and the brighter shade.

    The share of the variance that lies between the two, as in Otsu 1979, whose threshold parts them.
    """
    _, bright = cv2.threshold(coarse, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    total, upper, lower = float(coarse.var()), coarse[bright > 0], coarse[bright == 0]
    if not total or not lower.size:
        return 0.0, float(coarse.max())
    within = (upper.size * float(upper.var()) + lower.size * float(lower.var())) / coarse.size
    return 1 - within / total, float(np.median(upper))
