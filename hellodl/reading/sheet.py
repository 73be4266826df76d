"""A sheet that lies on something else: found by its shape, so that what is around it can be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from hellodl.reading.normalise import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Mask, Pixels, Plane

Outline: TypeAlias = "NDArray[np.integer[Any] | np.floating[Any]]"
"""(n, 1, 2): the pixels x, y around a part of a picture."""

SMALL = 240
"""Sheets are looked for with this many pixels along the longer side."""

LEAST = 0.25
"""A sheet's shorter side is at least this share of the picture's; no stroke is so broad."""

CONVEX = 0.93
"""A sheet fills so much of its convex hull,"""

SQUARE = 0.8
"""and so much of a rectangle around it, seen from aside; an ellipse fills π / 4."""

EDGE = 0.1
"""A sheet differs in brightness from what is around it by this share."""

CUT_OFF = 0.55
"""At most this share of its outline is the picture's border; what is lit beside a shadow has more."""


def alone_on_sheet(grey: Plane) -> Plane | None:
    """The picture with what is around a sheet painted over, as bright as the sheet; None without a sheet."""
    small = resized(grey, min(SMALL, max(grey.shape))).astype(np.uint8)
    sheet = find_sheet(small)
    if sheet is None:
        return None
    inner = cv2.erode(sheet.astype(np.uint8), np.ones((7, 7)), borderValue=1)  # its edge casts a shadow
    large = cv2.resize(inner, grey.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0
    around = cv2.resize(_continued(small, inner > 0), grey.shape[::-1])
    return np.where(large, grey, around).astype(np.float32)


def find_sheet(small: Pixels) -> Mask | None:
    """Where the largest sheet lies in a small picture (h, w), uint8."""
    blank = _blank(small)
    _, bright = cv2.threshold(blank, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    outlines = [
        outline
        for side in (bright, 1 - bright)
        for outline in cv2.findContours(side, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    ]
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True):
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


def _has_shape(outline: Outline, shape: tuple[int, ...]) -> bool:
    """Whether an outline is that of a sheet: large, convex, about rectangular, mostly in the picture."""
    area, (_, sides, _) = cv2.contourArea(outline), cv2.minAreaRect(outline)
    if min(sides) < LEAST * min(shape) or area < SQUARE * sides[0] * sides[1]:
        return False
    x, y = outline[:, 0].T
    at_border = (x == 0) | (y == 0) | (x == shape[1] - 1) | (y == shape[0] - 1)
    return area >= CONVEX * cv2.contourArea(cv2.convexHull(outline)) and at_border.mean() <= CUT_OFF


def _continued(small: Pixels, sheet: Mask) -> Plane:
    """The sheet's ground, and around it the ground of the sheet's nearest pixel."""
    _, nearest = cv2.distanceTransformWithLabels(
        1 - sheet.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(nearest.max() + 1, np.float32)
    values[nearest[sheet]] = _blank(small)[sheet]
    return np.asarray(values[nearest], np.float32)
