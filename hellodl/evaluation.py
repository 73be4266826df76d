"""How good a model is, as numbers: records only, nothing is printed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.nn import DigitNet


@dataclass(frozen=True)
class Score:
    """How many images are read rightly, and the mean cross-entropy (in nats)."""

    images: int
    correct: int
    loss: float

    @property
    def accuracy(self) -> float:
        """The share read rightly."""
        return self.correct / self.images


def score(model: DigitNet, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Score:
    """The score of a model on images (n, 28, 28) with their labels (n,); n at least 1."""
    return score_probabilities(model.predict(images), labels)


def score_probabilities(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> Score:
    """The score of given probabilities (n, 10)."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    tiniest = np.finfo(np.float32).tiny  # a probability that was rounded to 0 costs much, not infinitely much
    return Score(len(labels), correct, float(-np.log(np.maximum(of_truth, tiniest)).mean(dtype=np.float64)))
