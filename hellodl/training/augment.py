"""Distorts pictures at random, so that a small network sees a new training set in every epoch.

All distortions but the stroke's are one idea: for each pixel of the new picture, ask where in the old one its
ink comes from, and read there (bilinear interpolation). A shift moves those points, an affine map turns,
scales and slants them, an elastic field lets them drift smoothly, as in Simard, Steinkraus and Platt, "Best
practices for convolutional neural networks applied to visual document analysis" (2003).

It is quick because neighbours in the batch share one map: the pictures of a group lie side by side in memory,
so one index moves the same pixel of the whole group, and eight-bit weights keep the arithmetic in uint16.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hellodl.errors import UsageError

SIDE = 28
MARGIN = 2  # of background round each picture: reading outside gives background, also after thickening
PADDED = SIDE + 2 * MARGIN
STEPS = 16  # positions are rounded to 1/16 pixel, so that the four weights are whole numbers and sum to 256
BLOCK = 128  # pictures at a time: what they need stays in the processor's cache


@dataclass(frozen=True)
class Strengths:
    """How far each distortion may go, in both directions, all amounts equally likely; 0 switches it off."""

    shift: float = 0.0
    """Along each axis, in pixels; whole ones if nothing else is asked for, which costs next to nothing."""
    rotation: float = 0.0
    """In degrees."""
    scale: float = 0.0
    """Of each axis on its own, as a share of the size: 0.1 draws factors from 1/1.1 to 1.1."""
    shear: float = 0.0
    """Slant: pixels sideways for each pixel up."""
    elastic: float = 0.0
    """Root mean square drift of a pixel along each axis, in pixels (normally distributed)."""
    smoothness: float = 5.0
    """Radius over which neighbours drift together: the Gaussian's deviation, in pixels."""
    stroke: float = 0.0
    """How far the edges of strokes move, outwards or inwards, in pixels; at most 1."""


KINDS = {
    "none": Strengths(),
    "shift": Strengths(shift=1.0),
    "affine": Strengths(shift=1.5, rotation=12.0, scale=0.12, shear=0.2),
    "elastic": Strengths(shift=1.0, rotation=10.0, scale=0.12, shear=0.15, elastic=0.8),
}


def augmenter(kind: str, *, group: int = 16, **strengths: float) -> "Augmenter":
    """The augmentation called `kind` ("none", "shift", "affine", "elastic"), its strengths changed as given.

    Raises UsageError for an unknown kind; `group` and `strengths` are those of Augmenter and Strengths.
    """
    if kind not in KINDS:
        raise UsageError(f"augmentation: there is no kind {kind!r}, choose from {', '.join(KINDS)}")
    return Augmenter(replace(KINDS[kind], **strengths), group)


class Augmenter:
    """Makes distorted copies of pictures. Every `group` neighbours share one distortion.

    The result is a pure function of the pictures and the generator's state: a generator made from (seed,
    epoch, batch) gives the same batch again, whatever came before. Several threads may call it at once.
    """

    def __init__(self, strengths: Strengths, group: int = 16) -> None:
        self.strengths = strengths
        self.group = group
        axis = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
        self._grid = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
        self._bumps = _bumps(strengths.smoothness)
        self.only_shifts = replace(strengths, shift=0.0, smoothness=Strengths.smoothness) == Strengths()

    def __call__(
        self,
        images: NDArray[np.uint8],
        rng: np.random.Generator | None,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Distorted copies of `images`, uint8 (n, 28, 28) or (n, 784), in `out` if given; same shape.

        Shifts alone need no `rng`.
        """
        out = np.empty_like(images) if out is None else out
        if self.only_shifts or rng is None:
            self._shift(images, out)
            return out
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            out[block] = self._distort(images[block], rng).reshape(out[block].shape)
        return out

    def _shift(self, images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Moved by whole pixels, every possible way for an equal share of the batch.

        Who moves where is settled by the order of the batch, which is random already. A move is a copy of
        memory some places on, with the edges it leaves cleared.
        """
        reach = range(-int(self.strengths.shift), int(self.strengths.shift) + 1)
        moves = [(down, right) for down in reach for right in reach]
        ends = [len(images) * share // len(moves) for share in range(len(moves) + 1)]
        for (start, end), (down, right) in zip(pairwise(ends), moves, strict=True):
            old, new = images[start:end].reshape(-1), out[start:end].reshape(-1, SIDE, SIDE)
            places = down * SIDE + right
            count = max(0, old.size - abs(places))
            new.reshape(-1)[max(0, places) :][:count] = old[max(0, -places) :][:count]
            if down:
                new[:, _left_empty(down)] = 0
            if right:
                new[:, :, _left_empty(right)] = 0

    def _distort(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Distorted copies, (n, 784), of at most a block of pictures."""
        groups = math.ceil(len(images) / self.group)
        pixels = _side_by_side(images, groups, self.group)
        if self.strengths.stroke:
            pixels = _change_strokes(pixels, rng.uniform(-1, 1, groups) * self.strengths.stroke)
        distorted = _read(pixels, self._sources(rng, groups))
        return distorted.transpose(0, 2, 1).reshape(-1, SIDE * SIDE)[: len(images)]

    def _sources(self, rng: np.random.Generator, groups: int) -> NDArray[np.float32]:
        """For each pixel of the new pictures, the row and column it is read from: (groups, 2, 784)."""
        limits = self.strengths
        shift = rng.uniform(-limits.shift, limits.shift, (groups, 2, 1))
        sources: NDArray[np.float32] = _affine(rng, groups, limits) @ self._grid
        sources += shift + (SIDE - 1) / 2
        if limits.elastic:
            noise = rng.standard_normal((groups * 2, len(self._bumps)), dtype=np.float32)
            sources += (noise @ (self._bumps * limits.elastic)).reshape(sources.shape)
        return sources


def _left_empty(move: int) -> slice:
    """The rows (columns) that nothing moves into when all move by so many."""
    return slice(0, move) if move >= 0 else slice(move, None)


def _affine(rng: np.random.Generator, groups: int, limits: Strengths) -> NDArray[np.float32]:
    """Random matrices (groups, 2, 2) that turn, slant and scale points (row, column) about the centre."""
    turn = np.radians(limits.rotation) * rng.uniform(-1, 1, groups)
    slant = limits.shear * rng.uniform(-1, 1, groups)
    size = (1 + limits.scale) ** rng.uniform(-1, 1, (groups, 1, 2))
    cos, sin = np.cos(turn), np.sin(turn)
    rows = np.stack([cos, -sin, sin + slant * cos, cos - slant * sin], axis=-1)
    return (rows.reshape(groups, 2, 2) * size).astype(np.float32)


def _bumps(radius: float) -> NDArray[np.float32]:
    """Gaussian bumps (k, 784), a radius apart: weighted by normal noise, they sum to a drift of 1 pixel RMS.

    Simard blurs noise on every pixel; noise on a grid as coarse as the blur gives the same kind of field.
    """
    centres = np.arange(-radius, SIDE + radius, radius)
    line = np.exp(-0.5 * ((np.arange(SIDE) - centres[:, None]) / radius) ** 2)
    bumps = np.kron(line, line)
    return np.asarray(bumps / np.sqrt(np.mean(np.sum(bumps**2, axis=0))), np.float32)


def _side_by_side(images: NDArray[np.uint8], groups: int, group: int) -> NDArray[np.uint16]:
    """The pictures with a margin, (groups, 32, 32, group): one pixel of a whole group lies in one piece."""
    whole = np.zeros((groups * group, SIDE, SIDE), np.uint8)
    whole[: len(images)] = images.reshape(-1, SIDE, SIDE)
    pixels = np.zeros((groups, PADDED, PADDED, group), np.uint16)
    inside = slice(MARGIN, -MARGIN)
    pixels[:, inside, inside] = whole.reshape(groups, group, SIDE, SIDE).transpose(0, 2, 3, 1)
    return pixels


def _change_strokes(pixels: NDArray[np.uint16], amount: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Strokes thickened (amount > 0, up to 1 pixel all round) or thinned, each group by its own amount.

    Blends the picture with its dilation (erosion): the largest (smallest) of a pixel and its four neighbours.
    """
    flat = pixels.reshape(-1, pixels.shape[-1])
    thick, thin = flat.copy(), flat.copy()
    for step in (1, PADDED):
        for here, neighbour in ((np.s_[step:], np.s_[:-step]), (np.s_[:-step], np.s_[step:])):
            np.maximum(thick[here], flat[neighbour], out=thick[here])
            np.minimum(thin[here], flat[neighbour], out=thin[here])
    share = np.rint(256 * amount).astype(np.int16)[:, None, None, None]
    thicker, thinner = share.clip(min=0).astype(np.uint16), (-share).clip(min=0).astype(np.uint16)
    changed = pixels * (256 - thicker - thinner)
    changed += thick.reshape(pixels.shape) * thicker
    changed += thin.reshape(pixels.shape) * thinner
    changed += 128
    changed >>= 8
    return changed


def _read(pixels: NDArray[np.uint16], sources: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The pictures' values at the given points, from their four nearest pixels: (groups, 784, group)."""
    groups, _, _, group = pixels.shape
    last = (PADDED - 1) * STEPS - 1
    place = np.rint((sources.swapaxes(0, 1) + MARGIN) * STEPS).clip(0, last).astype(np.int32)
    row, column = place // STEPS
    down, right = (place & (STEPS - 1)).astype(np.uint16)
    corner = (np.arange(groups)[:, None] * PADDED + row) * PADDED + column
    flat = pixels.reshape(-1, group)
    total = np.full((groups, SIDE * SIDE, group), 128, np.uint16)  # a half, so that the shift below rounds
    for step, weight in (
        (0, (STEPS - down) * (STEPS - right)),
        (1, (STEPS - down) * right),
        (PADDED, down * (STEPS - right)),
        (PADDED + 1, down * right),
    ):
        ink = flat.take(corner + step, axis=0)
        ink *= weight[:, :, None]
        total += ink
    total >>= 8
    return total.astype(np.uint8)
