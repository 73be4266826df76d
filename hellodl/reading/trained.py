"""Tell pictures that already look like MNIST's, which go to the network as they are."""

import numpy as np
from numpy.typing import NDArray

from hellodl.reading.arrays import Mask, Pixels
from hellodl.upright import SIDE

MIDDLE = 128  # the grey between light and dark
INKED = 64  # brighter pixels count as ink; JPEG leaves fainter ones around strokes
BLACK, MOSTLY = 32, 0.5  # less bright the ground is black; at least that share of a picture is ground
SOLID = 200  # the brightest pixel is at least this bright
SMALLEST, LARGEST = 18, 21  # pixels of the longer side: 20 by MNIST's rule, but tips may be faint
CENTRE, OFF = 14, 0.75  # where the centre of mass lies, as an index from 0, and how far off it may be


def as_trained(images: Pixels, *, invert: bool | None = None) -> tuple[Pixels, Mask]:
    """Pictures (n, 28, 28) white on black as MNIST has them, and which of the n are as MNIST's are.

    MNIST's rule: a longer side of 20 pixels, the centre of mass at the centre, solid ink, and mostly black.
    invert: True takes light ink on dark, False dark ink on light.
    """
    light = (images < MIDDLE).mean(axis=(1, 2)) > 0.5 if invert is None else np.full(len(images), invert)
    bright = np.where(light[:, None, None], images, 255 - images)
    ink = bright > INKED
    longer = np.maximum(_extent(ink, axis=1), _extent(ink, axis=2))
    fits = (longer >= SMALLEST) & (longer <= LARGEST)
    fits &= (bright.max(axis=(1, 2)) >= SOLID) & ((bright < BLACK).mean(axis=(1, 2)) >= MOSTLY)
    total = bright.sum(axis=(1, 2), dtype=np.float64)
    for axis in (1, 2):
        moment = bright.sum(axis=axis, dtype=np.float64) @ np.arange(SIDE)
        fits &= np.abs(moment - CENTRE * total) <= OFF * total
    return bright, fits


def _extent(ink: Mask, axis: int) -> NDArray[np.intp]:
    """From the first row (axis 1) or column (2) with ink to the last, for each picture; SIDE without ink."""
    lines = np.asarray(ink.any(axis=3 - axis))
    return np.asarray(SIDE - lines.argmax(axis=1) - lines[:, ::-1].argmax(axis=1))
