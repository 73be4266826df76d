"""The ground that ink lies on: a sheet in uneven light, shadows, and the desk around it.

A sheet that lies on something else is found by its shape, so that what is around it can be left out.
"""

from itertools import chain

import cv2
import numpy as np
from cv2.typing import MatLike

from hellodl.reading.arrays import Mask, Pixels, Plane
from hellodl.reading.normalise import resized

JUMP = 0.25  # where brightness changes by this share within a few pixels, a shadow or a sheet ends
BROAD, NARROW = 1 / 3, 1 / 8  # what is broader than this share of the shorter side is ground, not strokes
SMALL = 240  # sheets are looked for with this many pixels along the longer side
LEAST = 0.25  # a sheet's shorter side is at least this share of the picture's; no stroke is so broad
CONVEX = 0.93  # a sheet fills so much of its convex hull,
SQUARE = 0.8  # and so much of a rectangle around it, seen from aside; an ellipse fills π / 4
EDGE = 0.1  # a sheet differs in brightness from what is around it by this share
CUT_OFF = 0.55  # of its outline is the picture's border, at most: what is lit beside a shadow has more


def ground_of(coarse: Pixels, least: float = BROAD) -> Plane:
    """How bright the ground is at each pixel of a small picture (h, w), uint8, with dark ink on it.

    The ground is the morphological closing with a square of `least`, a share of the shorter side: it fills
    strokes, and keeps what is dark and broader: shadows, and the desk around a sheet, which goes on beyond
    the border.
    """
    size = max(3, int(min(coarse.shape) * least) | 1)
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


def alone_on_sheet(grey: Plane) -> Plane | None:
    """The picture with what is around a sheet painted over, as bright as the sheet; None without a sheet."""
    small = resized(grey, min(SMALL, max(grey.shape))).astype(np.uint8)
    sheet = find_sheet(small)
    if sheet is None:
        return None
    inner = cv2.erode(sheet.astype(np.uint8), np.ones((7, 7)), borderValue=1)  # its edge casts a shadow
    _, nearest = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(nearest.max() + 1, np.float32)
    values[nearest[inner > 0]] = _blank(small)[inner > 0]
    around = cv2.resize(values[nearest], grey.shape[::-1])  # as bright as the sheet's nearest pixel
    large = cv2.resize(inner, grey.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0
    return np.where(large, grey, around).astype(np.float32)


def find_sheet(small: Pixels) -> Mask | None:
    """Where the largest sheet lies in a small picture (h, w), uint8."""
    blank = _blank(small)
    _, bright = cv2.threshold(blank, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    sides = bright, 1 - bright
    found = (cv2.findContours(side, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0] for side in sides)
    for outline in sorted(chain(*found), key=cv2.contourArea, reverse=True):
        if _has_shape(outline, small.shape):
            sheet = np.zeros(small.shape, np.uint8)
            cv2.drawContours(sheet, [outline], -1, 1, cv2.FILLED)
            if _has_edge(sheet, blank):
                return sheet > 0
    return None


def _blank(small: Pixels) -> Pixels:
    """A picture without its strokes."""
    return np.asarray(cv2.medianBlur(small, max(3, min(small.shape) // 8 | 1)), np.uint8)


def _has_edge(sheet: Pixels, blank: Pixels) -> bool:
    """Whether brightness changes at the outline of a sheet."""
    square = np.ones((5, 5), np.uint8)
    inside = (sheet - cv2.erode(sheet, square, iterations=2)) > 0
    outside = (cv2.dilate(sheet, square, iterations=2) - sheet) > 0
    levels = [float(blank[side].mean()) for side in (inside, outside)]
    return max(levels) - min(levels) > EDGE * max(levels)


def _has_shape(outline: MatLike, shape: tuple[int, ...]) -> bool:
    """Whether an outline, pixels (n, 1, 2), is a sheet's: large, convex, about rectangular, mostly inside."""
    area, (_, sides, _) = cv2.contourArea(outline), cv2.minAreaRect(outline)
    if min(sides) < LEAST * min(shape) or area < SQUARE * sides[0] * sides[1]:
        return False
    x, y = outline[:, 0].T
    at_border = (x == 0) | (y == 0) | (x == shape[1] - 1) | (y == shape[0] - 1)
    return area >= CONVEX * cv2.contourArea(cv2.convexHull(outline)) and at_border.mean() <= CUT_OFF
