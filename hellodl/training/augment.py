"""Distorts pictures at random, so that a small network sees a new training set in every epoch.

All distortions but the stroke's are one idea: for each pixel of the new picture, ask where in the old one its
ink comes from, and read there (bilinear interpolation, OpenCV's). A shift moves those points, an affine map
turns, scales and slants them, an elastic field lets them drift smoothly, as in Simard, Steinkraus and Platt,
"Best practices for convolutional neural networks applied to visual document analysis" (2003).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hellodl.upright import SIDE, Images

MARGIN = 2  # of background round each picture: reading outside gives background, also after thickening
PADDED = SIDE + 2 * MARGIN
BLOCK = 16  # pictures at a time: they and their maps lie in the cache, and OpenCV starts no threads


@dataclass(frozen=True)
class Strengths:
    """How far each distortion may go, in both directions, all amounts equally likely; 0 switches it off."""

    shift: float = 0.0  # along each axis, in pixels: whole ones, nearly for nothing, if no more is asked for
    rotation: float = 0.0  # in degrees
    scale: float = 0.0  # of each axis on its own, as a share of the size: 0.1 draws factors from 1/1.1 to 1.1
    shear: float = 0.0  # slant: pixels sideways for each pixel up
    elastic: float = 0.0  # root mean square drift of a pixel along each axis, in pixels, normally distributed
    smoothness: float = 5.0  # deviation in pixels of the Gaussian over which neighbours drift together
    stroke: float = 0.0  # how far the edges of strokes move, outwards or inwards, in pixels; at most 1


KINDS = {
    "none": Strengths(),
    "shift": Strengths(shift=1.0),
    "affine": Strengths(shift=1.5, rotation=12.0, scale=0.12, shear=0.2),
    "elastic": Strengths(shift=1.0, rotation=10.0, scale=0.12, shear=0.15, elastic=0.8),
}


@dataclass(frozen=True)
class Maps:
    """A distortion each for a block of pictures that lie below each other, with a margin.

    `places` (n, 784, 2) and `shares` (n, 784) say for each pixel where its ink comes from, as cv2.remap wants
    it; `strokes` (n,) how far edges move first, in pixels.
    """

    places: NDArray[np.int16]
    shares: NDArray[np.uint16]
    strokes: NDArray[np.float64]


class Augmenter:
    """Makes distorted copies of pictures.

    The result is a pure function of the pictures and the generator's state: a generator made from (seed,
    epoch, batch) gives the same batch again, whatever came before.
    """

    def __init__(self, strengths: Strengths) -> None:
        self.strengths = strengths
        axis = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
        self._grid = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
        self._bumps = _bumps(strengths.smoothness) * np.float32(strengths.elastic)
        self._sheet = np.zeros((BLOCK, PADDED, PADDED), np.uint8)
        self.only_shifts = replace(strengths, shift=0.0, smoothness=Strengths.smoothness) == Strengths()

    def __call__(self, images: Images, rng: np.random.Generator) -> Images:
        """Distorted copies of `images`, uint8 (n, 28, 28) or (n, 784), of the same shape."""
        copies = images.copy()
        self.distort(copies, lambda: self.maps(rng))
        return copies

    def distort(self, images: Images, maps: Callable[[], Maps]) -> None:
        """Distort images where they lie, each block as `maps` says; shifts alone need none."""
        if self.only_shifts:
            self._shift(images)
            return
        for start in range(0, len(images), BLOCK):
            self._distort_block(images[start : start + BLOCK], maps())

    def _shift(self, images: Images) -> None:
        """Move images by whole pixels, every way for an equal share of the batch.

        Who moves where is settled by the order of the batch, which is random already. A move is a copy of
        memory some places on, with the edges it leaves cleared.
        """
        reach = range(-int(self.strengths.shift), int(self.strengths.shift) + 1)
        moves = [(down, right) for down in reach for right in reach]
        ends = [len(images) * share // len(moves) for share in range(len(moves) + 1)]
        for (start, end), (down, right) in zip(pairwise(ends), moves, strict=True):
            some = images[start:end].reshape(-1, SIDE, SIDE, copy=False)
            flat, places = some.reshape(-1), down * SIDE + right
            count = max(0, flat.size - abs(places))
            flat[max(0, places) :][:count] = flat[max(0, -places) :][:count]
            some[:, _left_empty(down)] = 0
            some[:, :, _left_empty(right)] = 0

    def maps(self, rng: np.random.Generator) -> Maps:
        """Random distortions for a block of pictures."""
        import cv2

        sources = (self._sources(rng, BLOCK) + MARGIN).clip(0, PADDED - 1)
        rows = sources[:, 0] + PADDED * np.arange(BLOCK, dtype=np.float32)[:, None]
        places, shares = cv2.convertMaps(np.ascontiguousarray(sources[:, 1]), rows, cv2.CV_16SC2)
        strokes = rng.uniform(-1, 1, BLOCK) * self.strengths.stroke
        return Maps(np.asarray(places, np.int16), np.asarray(shares, np.uint16), strokes)

    def _distort_block(self, images: Images, maps: Maps) -> None:
        """Distort at most a block of images where they lie."""
        import cv2

        count, inside = len(images), slice(MARGIN, -MARGIN)
        self._sheet[:count, inside, inside] = images.reshape(count, SIDE, SIDE)
        sheet = _change_strokes(self._sheet, maps.strokes) if self.strengths.stroke else self._sheet
        places, shares = maps.places[:count], maps.shares[:count]
        found = images.reshape(count, SIDE * SIDE, copy=False)
        cv2.remap(sheet.reshape(-1, PADDED), places, shares, cv2.INTER_LINEAR, dst=found)

    def _sources(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """For each pixel of the new pictures, the row and column it is read from: (count, 2, 784)."""
        limits = self.strengths
        shift = rng.uniform(-limits.shift, limits.shift, (count, 2, 1))
        sources: NDArray[np.float32] = _affine(rng, count, limits) @ self._grid
        sources += shift + (SIDE - 1) / 2
        if limits.elastic:
            noise = rng.standard_normal((count * 2, len(self._bumps)), dtype=np.float32)
            sources += (noise @ self._bumps).reshape(sources.shape)
        return sources


def _left_empty(move: int) -> slice:
    """The rows (columns) that nothing moves into when all move by so many."""
    return slice(0, move) if move >= 0 else slice(move, None)


def _affine(rng: np.random.Generator, count: int, limits: Strengths) -> NDArray[np.float32]:
    """Random matrices (count, 2, 2) that turn, slant and scale points (row, column) about the centre."""
    turn = np.radians(limits.rotation) * rng.uniform(-1, 1, count)
    slant = limits.shear * rng.uniform(-1, 1, count)
    size = (1 + limits.scale) ** rng.uniform(-1, 1, (count, 1, 2))
    cos, sin = np.cos(turn), np.sin(turn)
    rows = np.stack([cos, -sin, sin + slant * cos, cos - slant * sin], axis=-1)
    return (rows.reshape(count, 2, 2) * size).astype(np.float32)


def _bumps(radius: float) -> NDArray[np.float32]:
    """Gaussian bumps (k, 784), a radius apart: weighted by normal noise, they sum to a drift of 1 pixel RMS.

    Simard blurs noise on every pixel; noise on a grid as coarse as the blur gives the same kind of field.
    """
    centres = np.arange(-radius, SIDE + radius, radius)
    line = np.exp(-0.5 * ((np.arange(SIDE) - centres[:, None]) / radius) ** 2)
    bumps = np.kron(line, line)
    return np.asarray(bumps / np.sqrt(np.mean(np.sum(bumps**2, axis=0))), np.float32)


def _change_strokes(sheet: Images, amounts: NDArray[np.float64]) -> Images:
    """Strokes thickened (amount > 0, up to 1 pixel all round) or thinned: a sheet of pictures (n, 32, 32).

    Blends each with its dilation (erosion): the largest (smallest) of a pixel and its four neighbours.
    """
    import cv2

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    flat = sheet.reshape(-1, PADDED)
    thick, thin = (np.reshape(change(flat, cross), sheet.shape) for change in (cv2.dilate, cv2.erode))
    amounts = amounts[:, None, None]
    extreme = np.where(amounts > 0, thick, thin)
    changed: Images = np.rint(sheet + np.abs(amounts) * (extreme - 1.0 * sheet)).astype(np.uint8)
    return changed
