"""Which pictures are trained on, in which order: a pure function of the seed, so that runs can be resumed."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.training.augment import Augmenter


class Purpose(IntEnum):
    """What random numbers are drawn for: each purpose has its own stream."""

    WEIGHTS = 0
    SPLIT = 1
    ORDER = 2
    AUGMENT = 3
    PEN = 4
    CALIBRATE = 5


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """Random numbers that depend on nothing but the seed, their purpose and a position in the training."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(purpose, *position))))


def stratified_split(
    labels: NDArray[np.uint8], held_out: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices to train on and indices held out, each digit in proportion; both in rising order.

    `held_out` images are chosen by spreading that many marks evenly over the images sorted by digit, in
    random order within a digit.
    """
    shuffled = generator(seed, Purpose.SPLIT).permutation(len(labels))
    by_digit = shuffled[np.argsort(labels[shuffled], kind="stable")]
    marks = (np.arange(held_out) * len(labels)) // max(held_out, 1)
    is_held_out = np.zeros(len(labels), bool)
    is_held_out[by_digit[marks]] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def epoch_order(indices: NDArray[np.intp], batch_size: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The batches of one epoch, (batches, batch_size): all indices shuffled, less a remainder."""
    shuffled = generator(seed, Purpose.ORDER, epoch).permutation(indices)
    batches = len(indices) // batch_size
    return shuffled[: batches * batch_size].reshape(batches, batch_size)


class Batches:
    """Delivers batches of pictures and their labels, distorted if asked for.

    Args:
        images: uint8 (n, 28, 28) or (n, 784).
        labels: uint8 (n,).
        augmenter: distorts pictures (batch, 784), given a generator and where to write; or None.
        seed: with the position in the training it decides the distortion.
    """

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8], augmenter: Augmenter | None, seed: int
    ) -> None:
        self._images, self._labels = images.reshape(len(images), -1), labels
        self._augmenter, self._seed = augmenter, seed
        self._gathered = np.empty((0, self._images.shape[1]), np.uint8)  # as they were before distortion

    def read(self, rows: NDArray[np.intp], out: NDArray[np.uint8], *position: int) -> NDArray[np.uint8]:
        """Write the pictures of some rows into `out`, uint8 (batch, 784), and give back their labels."""
        if self._augmenter is None:
            self._gather(rows, out)
        else:
            if len(self._gathered) != len(rows):
                self._gathered = np.empty_like(out)
            self._gather(rows, self._gathered)
            needs_rng = not self._augmenter.only_shifts
            rng = generator(self._seed, Purpose.AUGMENT, *position) if needs_rng else None
            self._augmenter(self._gathered, rng, out)
        labels: NDArray[np.uint8] = self._labels[rows]
        return labels

    def _gather(self, rows: NDArray[np.intp], out: NDArray[np.uint8]) -> None:
        np.take(self._images, rows, axis=0, out=out, mode="clip")  # the mode that needs no copy
