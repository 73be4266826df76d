"""How well a piece of ink stands for one digit: strokes of a pen, in one piece, whole, and its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from hellodl.reading.arrays import Mask
    from hellodl.reading.ink import Ink
    from hellodl.reading.pieces import Piece

BLOT = 0.3
"""Strokes wider than this share of a digit's height are none; one of 300 digits of MNIST has bolder ones."""

SOLID = 0.45
"""Nor are discs that fill so much of the height: in MNIST one of 300 digits whose loops are closed by ink."""

MOST_HOLES = 4
"""An 8 and a slashed 0 have two."""

SHARED = 0.1
"""Share of a piece's outline beyond which the picture is as dark as the piece: digits have at most 0.04 on
hundreds of photographs, what is found in scenes has 0.1 to 0.6."""

APART = 0.12
"""Parts of a digit that are further apart than this share of its size are two blobs."""


def is_solid(mask: Mask) -> bool:
    """Whether ink is a filled shape rather than strokes, by their mean width and the largest disc inside."""
    distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = distance[distance > 0]
    if not inside.size:
        return False
    height = mask.shape[0]
    return bool(4 * inside.mean() - 2 > BLOT * height or 2 * inside.max() > SOLID * height)


def is_texture(mask: Mask) -> bool:
    """Whether ink is no handwriting: a filled shape, or full of holes like a fence or a wall of bricks."""
    if is_solid(mask):
        return True
    bare = np.pad(~mask, 1, constant_values=True).astype(np.uint8)  # the outside is one more, the first
    count, _, stats, _ = cv2.connectedComponentsWithStats(bare, connectivity=4)
    large = (stats[1:count, cv2.CC_STAT_AREA] > 0.004 * mask.size).sum() - 1
    return bool(large > MOST_HOLES)


def flaws(piece: Piece, ink: Ink) -> list[str]:
    """Say what is wrong with a piece that is to be one digit."""
    found = []
    if shared_outline(piece, ink) > SHARED:
        found.append("is part of something larger")
    if blobs(piece.strength > 0.5) > 1:
        found.append("is two blobs")
    left, top, _, _ = piece.box
    if left <= 1 or top <= 1 or piece.right >= ink.mask.shape[1] - 1 or piece.bottom >= len(ink.mask) - 1:
        found.append("touches the border")
    return found


def shared_outline(piece: Piece, ink: Ink) -> float:
    """Share of a piece's outline beyond which the picture is as dark as the piece.

    A stroke is darker than what lies on either side; the edge of a shadow or of a thing is not. Beyond the
    outline a pixel must be lighter than the piece, by half of what is usual here: both in itself and as a
    share of the light, so that neither noise nor a shadow across a digit counts.
    """
    x, y, width, height = piece.box
    left, top = max(0, x - 4), max(0, y - 4)
    grey = ink.grey[top : y + height + 4, left : x + width + 4]
    own = np.zeros(grey.shape, np.uint8)
    own[y - top : y - top + height, x - left : x - left + width] = piece.strength > 0.5
    beyond = (cv2.dilate(own, np.ones((7, 7))) - cv2.dilate(own, np.ones((3, 3)))) > 0
    if not beyond.any():
        return 1.0
    darkness = np.log(grey + 16)
    nearest = cv2.erode(np.where(own > 0, darkness, np.float32(9)), np.ones((9, 9)))
    rise = (darkness - nearest)[beyond]
    light = grey[beyond]
    half = (np.median(grey[own > 0]) + np.percentile(light, 75)) / 2
    return float(((light <= half) & (rise <= np.percentile(rise, 75) / 2)).mean())


def blobs(mask: Mask) -> int:
    """How many parts of some size ink has that lie well apart."""
    reach = max(1, round(APART * max(mask.shape) / 2))
    wide = cv2.dilate(np.pad(mask.astype(np.uint8), reach), np.ones((2 * reach + 1,) * 2))
    _, _, stats, _ = cv2.connectedComponentsWithStats(wide)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int((areas > 0.15 * areas.sum()).sum())
