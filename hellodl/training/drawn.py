"""A training set with pictures from a random pen: digits as MNIST has few of, and signs that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hellodl.training.batches import Purpose, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_DIGIT = 10  # the label of a sign that is no digit: its target is one tenth for each digit
DIGITS, OTHERS = 30_000, 15_000  # drawn once; every epoch takes some, distorted again


def with_drawn(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images (n, 28, 28) and labels (n,) with 30,000 drawn digits and 15,000 other signs behind them."""
    from hellodl.training.pen import drawn_digits, drawn_others  # noqa: PLC0415 - needs OpenCV, slow to import

    rng = generator(seed, Purpose.PEN)
    digits, their_labels = drawn_digits(rng, DIGITS)
    others = drawn_others(rng, OTHERS)
    none = np.full(OTHERS, NO_DIGIT, np.uint8)
    return np.concatenate([images, digits, others]), np.concatenate([labels, their_labels, none])
