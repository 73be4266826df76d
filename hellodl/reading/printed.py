"""Printed lines, told from a pen's strokes: rules, squares, cells of tables, boxes and combs of forms.

A small network says of each pixel of ink which of the two it is. It looks as an eye does, sharp in the middle
and coarse around: 11 by 11 pixels about it, and as many that are three, nine and 27 times as wide. It learned
from made pages (scripts/tools/make_printed.py).
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hellodl.reading.arrays import Mask, Plane
from hellodl.reading.normalise import stroke_width
from hellodl.reading.weights import Weights, loaded, logits

SHIPPED = Path(__file__).parent.parent / "models" / "printed.safetensors"

STROKE = 3.0
"""Pixels across a stroke, of what the network sees; finer pictures are made smaller."""

AROUND, SCALES = np.arange(-5, 6), (1, 3, 9, 27)
"""The pixels that it sees along each axis, and how wide they are."""

BEYOND, BRIGHTEST = -0.25, 1.5
"""The picture's surroundings, told from bare paper; and no ink is stronger than this."""

INKED = 0.1
"""A pixel of the smaller picture is asked about if ink covers this share of it."""

DENSE = 0.5
"""Where ink covers more than this share of a picture it is no sheet with lines."""

SURE = 1.5
"""Logarithm of the odds from which ink counts as print: to lose a stroke is worse than to keep a line."""

SPAN, BRIDGED = 0.85, 6
"""Lines run along this share of the ink they are part of, with gaps of so many pixels: twice STROKE."""

MOST, AT_ONCE, SMALLEST = 60_000, 2_000, 8
"""Of more pixels of ink the picture is made smaller; so many are asked about in one product, which stays in
the cache; no side gets smaller than the last."""


def printed(strength: Plane, ink: Mask, written: Mask) -> tuple[Mask, Mask]:
    """Which of the ink (h, w) looks like printed lines, and which of that is: it runs along most of its ink.

    strength: 1 is as strong as most of `written`.
    """
    if not written.any() or ink.mean() > DENSE:
        return np.zeros_like(ink), np.zeros_like(ink)
    small, there = made_smaller(strength, ink, stroke_width(written))
    rows, columns = np.nonzero(there)
    odds, planes = np.zeros(small.shape, np.float32), blurred(small)
    for start in range(0, len(rows), AT_ONCE):
        at = rows[start : start + AT_ONCE], columns[start : start + AT_ONCE]
        pen, print_ = logits(weights(), surroundings(planes, *at)).T
        odds[at] = print_ - pen - SURE
    like = there & (cv2.blur(odds, (3, 3)) > 0)
    looks, spans = (
        ink & (cv2.resize(lines.astype(np.float32), ink.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5)
        for lines in (like, _spanning(like, there))
    )
    return looks, spans


def _spanning(lines: Mask, ink: Mask) -> Mask:
    """Lines without those that take too little of the ink they are part of: a stem of a digit."""
    near = np.ones((BRIDGED + 1, BRIDGED + 1), np.uint8)
    across = cv2.dilate(lines.astype(np.uint8), near)
    _, parts, spans, _ = cv2.connectedComponentsWithStats(across)
    _, wholes, boxes, _ = cv2.connectedComponentsWithStats(cv2.dilate(ink.astype(np.uint8), near))
    found = np.nonzero(across)[::-1]
    share = np.zeros((len(boxes), 2))  # of a whole's width and height, where it has lines
    for axis, (at, size) in enumerate(zip(found, ink.shape[::-1], strict=True)):
        pairs = np.unique(wholes[across > 0] * size + at)
        share[:, axis] = np.bincount(pairs // size, minlength=len(boxes)) / np.maximum(boxes[:, 2 + axis], 1)
    whole = np.zeros(len(spans), np.intp)
    whole[parts[lines]] = wholes[lines]
    longer = spans[:, 2:4].argmax(axis=1)
    return np.asarray(lines & (share[whole, longer] > SPAN)[parts])


def made_smaller(strength: Plane, ink: Mask, stroke: float) -> tuple[Plane, Mask]:
    """Ink whose strokes are at most STROKE wide, and which of its pixels are worth asking about."""
    share = ink.astype(np.float32)
    seen = np.minimum(strength, BRIGHTEST).astype(np.float32) * share
    factor = min(STROKE / max(stroke, 1), np.sqrt(MOST / max(ink.sum(), 1)))
    if factor < 1:
        size = [max(SMALLEST, round(side * factor)) for side in ink.shape[::-1]]
        seen = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), np.float32)
        share = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_AREA), np.float32)
    return seen, np.asarray(share > INKED)


def blurred(ink: Plane) -> list[Plane]:
    """The means of each pixel's neighbourhood in every scale, with a margin around."""
    return [
        np.pad(
            cv2.boxFilter(ink, -1, (scale, scale), borderType=cv2.BORDER_CONSTANT),
            int(AROUND[-1]) * scale,
            constant_values=BEYOND,
        )
        for scale in SCALES
    ]


def surroundings(planes: list[Plane], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Plane:
    """What lies about pixels of ink, (n, 484), in planes as `blurred` makes them."""
    seen = []
    for scale, plane in zip(SCALES, planes, strict=True):
        margin, width = int(AROUND[-1]) * scale, plane.shape[1]
        offsets = scale * (AROUND[:, None] * width + AROUND).ravel()
        middles = (rows + margin) * width + columns + margin
        seen.append(plane.ravel().take(middles[:, None] + offsets))
    return np.hstack(seen)


@cache
def weights() -> Weights:
    """Those that ship with hellodl. Raises ModelError if their file is missing or damaged."""
    return loaded(SHIPPED, len(SCALES) * len(AROUND) ** 2, 2)
