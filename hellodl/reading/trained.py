"""Tell pictures that already look like MNIST's, which go to the network as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hellodl.reading.arrays import Pixels

SIDE = 28
INKED = 64
"""Brighter pixels count as ink; JPEG leaves fainter ones around strokes."""


def as_trained(pixels: Pixels, *, invert: bool | None = None) -> Pixels | None:
    """White on black (28, 28) as MNIST has it, or None for any other picture.

    MNIST's rule: a longer side of 20 pixels (18 to 21 here: tips may be faint), the centre of mass at the
    centre (index 14, within 0.75), solid ink, and mostly black. invert: True takes light ink on dark,
    False dark ink on light.
    """
    if pixels.shape != (SIDE, SIDE):
        return None
    light = bool(np.median(pixels) < 128) if invert is None else invert
    bright = pixels if light else 255 - pixels
    ink = bright > INKED
    if bright.max() < 200 or np.count_nonzero(bright < 32) < 0.5 * bright.size:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not 18 <= max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 <= 21:
        return None
    total = bright.sum(dtype=np.float64)
    at = np.arange(SIDE)
    centre = (bright.sum(axis=1) @ at) / total, (bright.sum(axis=0) @ at) / total
    return bright if all(abs(c - 14) <= 0.75 for c in centre) else None
