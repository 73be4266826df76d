"""Turns slanted digits upright and evens out their widths, by the moments of their ink.

Hands differ most in slant and in width, and neither says which digit it is: what a network need not learn to
overlook, it cannot get wrong. Each row of a picture slides sideways, by the slant of the whole, so that the
centre of mass comes to the middle; and all rows are stretched alike. Casey, "Moment normalization of
handprinted characters", IBM Journal of Research and Development 14 (1970).
"""

import numpy as np
from numpy.typing import NDArray

from hellodl.system.processors import share_out

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE = 28  # pixels along each side of an image
MIDDLE = 14.0  # column of MNIST's centres of mass, in the mean; each is within half a pixel
USUAL = 3.5  # pixels: the standard deviation of ink sideways, in the median of MNIST's training digits
STEEPEST = 1.0  # pixels sideways for each pixel down; what leans more, as a dash does, is turned so far alone
NARROWEST, WIDEST = 0.5, 1.5  # so much of the picture's width may become all of it
LEAST = 0.01  # square pixels: the ink of a single row has no height
BLOCK = 128  # pictures at a time: they stay in the cache
PART = 4096  # pictures that a thread takes at a time

AXIS = np.arange(SIDE, dtype=np.float32) - np.float32(MIDDLE)
_Y, _X = (grid.ravel() for grid in np.meshgrid(AXIS, AXIS, indexing="ij"))
POWERS = np.stack([_X**0, _X, _Y, _X * _X, _X * _Y, _Y * _Y], axis=1)
"""Greys (n, 784) times these are all ink, and its sums of x, y, xx, xy and yy: whole numbers, so exact."""


def upright(images: Images) -> Images:
    """Pictures like MNIST's, upright and half the way to the usual width: uint8 (n, 28, 28) or (n, 784)."""
    out = np.empty_like(images)

    def turn(start: int) -> None:
        _turn(images[start : start + PART], out[start : start + PART])

    share_out(turn, range(0, len(images), PART))
    return out


def _turn(images: Images, out: Images) -> None:
    """Write upright pictures into `out`, block by block in the same memory: new memory would take longer."""
    most = min(BLOCK, len(images))
    greys, padded = np.empty((most, SIDE**2), np.float32), np.zeros((most, SIDE, SIDE + 3), np.float32)
    places, left, right = np.empty((3, most, SIDE, SIDE), np.float32)
    at = np.empty((most, SIDE, SIDE), np.intp)
    rows = np.repeat(np.arange(most * SIDE) * (SIDE + 3), SIDE).reshape(at.shape)
    for start in (*range(0, len(images) - most, most), len(images) - most):
        block = slice(start, start + most)
        np.copyto(greys, images[block].reshape(most, -1))
        padded[:, :, 1:-2] = greys.reshape(most, SIDE, SIDE)
        middles, stretch = _middles(greys)
        np.add(middles[:, :, None], (stretch[:, None] * AXIS)[:, None], out=places)
        np.clip(places, -1, SIDE, out=places)  # what is beyond is bare
        places += 1
        np.floor(places, out=left)
        places -= left  # how far between two columns
        np.copyto(at, left, casting="unsafe")
        at += rows
        padded.take(at, out=left, mode="clip")
        at += 1
        padded.take(at, out=right, mode="clip")
        right -= left
        right *= places
        left += right
        left += np.float32(0.5)
        np.copyto(out[block].reshape(most, SIDE, SIDE), left, casting="unsafe")


def _middles(greys: Floats) -> tuple[Floats, Floats]:
    """Which column of each row comes to the middle (n, 28), and how many make one there (n,)."""
    total, *sums = (greys @ POWERS).T
    x, y, xx, xy, yy = np.stack(sums) / np.maximum(total, 1)
    xx, xy, yy = xx - x * x, xy - x * y, np.maximum(yy - y * y, LEAST)
    slant = (xy / yy).clip(-STEEPEST, STEEPEST)
    width = np.sqrt(np.maximum(xx - 2 * slant * xy + slant * slant * yy, 0))  # once it is upright
    middles = np.float32(MIDDLE) + x[:, None] + slant[:, None] * (AXIS - y[:, None])
    return middles, np.sqrt(width / np.float32(USUAL)).clip(NARROWEST, WIDEST)
