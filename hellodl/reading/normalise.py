"""Bring one digit to what training saw: MNIST's stroke width, its 20-pixel box, its centre of mass."""

import cv2
import numpy as np

from hellodl.about import Recipe
from hellodl.reading.arrays import Box, Mask, Pixels, Plane
from hellodl.upright import SIDE

BOX = 20
FINE = 4  # strokes are widened or thinned at this many pixels to one of the 20-pixel box


def normalise(strength: Plane, recipe: Recipe) -> Pixels:
    """Turn the ink of one digit, float32 (h, w) from 0 to 1, into uint8 (28, 28) as in MNIST.

    Follows the best public reconstruction of how MNIST was made (xnist.lsh in QMNIST), after the strokes are
    brought to the width that training saw. A picture without ink gives zeros.
    """
    _, crop = bounded(strength)
    if not crop.size:
        return np.zeros((SIDE, SIDE), np.uint8)
    fine = BOX * FINE
    crop = _unbroken(crop, fine / max(crop.shape))
    mask = resized(crop, fine) > 0.5
    share = stroke_width(mask) / max(mask.shape)
    wanted = float(np.clip(share, recipe.thinnest / BOX, recipe.thickest / BOX))
    if abs(wanted - share) * fine > 0.5 and share < 0.5:
        grow = fine * (wanted - share) / (2 * (1 - share))
        mask = widened(resized(crop, max(4, round(fine - 2 * grow))) > 0.5, grow)
    return placed(mask)


def stroke_width(mask: Mask) -> float:
    """Mean width of the strokes in pixels, at least 1: four times the mean distance of ink from its edge.

    OpenCV's distances lead to the middle of the nearest bare pixel, half a pixel beyond the edge: hence -2.
    """
    ink = mask.view(np.uint8)
    x, y, width, height = cv2.boundingRect(ink)
    if not width:
        return 0.0
    ink = ink[y : y + height, x : x + width]
    framed = cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT | cv2.BORDER_ISOLATED, value=(0,))
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return max(1.0, 4 * float(distance[distance > 0].mean()) - 2)


def widened(mask: Mask, grow: float) -> Mask:
    """Move the edge of the ink outwards by `grow` pixels, inwards when negative; the array grows too."""
    padded = np.pad(mask, max(0, int(np.ceil(grow))) + 1).astype(np.uint8)
    if grow >= 0:
        outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(outside <= grow)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    thinner = inside > -grow
    return thinner if thinner.any() else padded > 0


def placed(mask: Mask) -> Pixels:
    """Fit a mask into the 20-pixel box and put its centre of mass at the centre of 28 by 28."""
    (_, _, width, height), crop = bounded(mask.astype(np.float32))
    if not crop.size:
        return np.zeros((SIDE, SIDE), np.uint8)
    side = max(width, height)
    square = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = crop
    small = cv2.resize(square, (BOX, BOX), interpolation=cv2.INTER_AREA)
    small *= 255 / small.max()
    centres = np.arange(BOX) + 0.5
    offsets = (int(15 - small.sum(axis=axis) @ centres / small.sum()) for axis in (1, 0))
    down, right = (min(max(offset, 0), SIDE - BOX) for offset in offsets)
    seen = np.zeros((SIDE, SIDE), np.uint8)
    seen[down : down + BOX, right : right + BOX] = np.round(small)
    return seen


def bounded(strength: Plane) -> tuple[Box, Plane]:
    """The box around ink stronger than a half, and what is in it; of no size without any."""
    x, y, width, height = cv2.boundingRect((strength > 0.5).astype(np.uint8))
    return (x, y, width, height), strength[y : y + height, x : x + width]


def _unbroken(crop: Plane, factor: float) -> Plane:
    """Widen hairlines that would break up when the crop shrinks by `factor`."""
    if factor >= 1 or stroke_width(crop > 0.5) * factor >= 2:
        return crop
    side = int(np.ceil(1 / factor))
    return np.asarray(cv2.dilate(np.pad(crop, side), np.ones((side, side))), np.float32)


def resized(plane: Plane, longer: int) -> Plane:
    """A picture with its longer side at so many pixels."""
    factor = longer / max(plane.shape)
    size = (max(1, round(plane.shape[1] * factor)), max(1, round(plane.shape[0] * factor)))
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(plane, size, interpolation=smooth), np.float32)
