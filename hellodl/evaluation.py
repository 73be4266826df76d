"""How good a model is, as numbers: records only, nothing is printed here."""

import time
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Tensor
from hellodl.datasets import Dataset
from hellodl.nn import DigitNet

Probabilities = NDArray[np.float32]
Confidence = NDArray[np.floating]
Labels = NDArray[np.integer]

CLASSES = 10
BINS = 15  # of confidence, as in Guo et al. 2017
LOSS_SAYS = "cross-entropy in nats: 0 is perfect, 2.30 (ln 10) a guess"
CALIBRATION_SAYS = "how far confidence is from accuracy, on average"
Z_95 = 1.959963984540054  # 95 % of a normal distribution lies within so many deviations of its mean


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


@dataclass(frozen=True)
class DigitScore:
    """How well one digit is told from the others; all but the last are shares, and 0 where they would be 0/0.

    `precision`: of what was read as this digit, how much is it. `recall`: of the `images` that show it, how
    many were read as it. `f1`: the harmonic mean of both.
    """

    digit: int
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Mistake:
    """An image read wrongly: where it is in its data set, what it shows, what was read, and how surely."""

    index: int
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """How a model does on a data set. `mistakes` has every image read wrongly, the surest first.

    `accuracy_interval` is the 95 % interval of Wilson; `loss` is the mean cross-entropy in nats; `confusion`
    counts images, a row for each true digit and a column for what it was read as; `seconds` is the time it
    took to read the images and count.
    """

    dataset: str
    images: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    loss: float
    per_digit: tuple[DigitScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float
    mistakes: tuple[Mistake, ...]
    seconds: float


def score(model: DigitNet, images: NDArray[np.uint8], labels: Labels) -> Score:
    """The score of a model on images (n, 28, 28) with their labels (n,); n at least 1."""
    return score_probabilities(model.predict(images), labels)


def score_probabilities(probabilities: Probabilities, labels: Labels) -> Score:
    """The score of given probabilities (n, 10)."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    tiniest = np.finfo(np.float32).tiny  # a probability that was rounded to 0 costs much, not infinitely much
    return Score(len(labels), correct, float(-np.log(np.maximum(of_truth, tiniest)).mean(dtype=np.float64)))


def evaluate(model: DigitNet, dataset: Dataset) -> Evaluation:
    """Everything `hellodl evaluate` says about a model; raises as `model.predict` does."""
    started = time.perf_counter()
    probabilities = model.predict(dataset.images)
    labels, predicted = dataset.labels, probabilities.argmax(axis=1)
    total = score_probabilities(probabilities, labels)
    table = confusion(labels, predicted)
    return Evaluation(
        dataset=dataset.name,
        images=total.images,
        correct=total.correct,
        accuracy=total.accuracy,
        accuracy_interval=wilson_interval(total.correct, total.images),
        loss=total.loss,
        per_digit=per_digit(table),
        confusion=tuple(tuple(row) for row in table.tolist()),
        calibration_error=calibration_error(probabilities, labels),
        mistakes=find_mistakes(probabilities, labels),
        seconds=time.perf_counter() - started,
    )


def wilson_interval(correct: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a share, from Wilson's score test (E. B. Wilson, JASA 22, 1927); within [0, 1].

    Unlike share ± 1.96 deviations it is honest close to 100 %: 10 of 10 gives 72 % to 100 %.
    """
    share, z2 = correct / images, Z_95**2
    centre = share + z2 / (2 * images)
    half = Z_95 * sqrt(share * (1 - share) / images + z2 / (4 * images**2))
    whole = 1 + z2 / images
    low, high = (centre - half) / whole, (centre + half) / whole
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # exact at 0 and 1, in spite of rounding


def confusion(labels: Labels, predicted: Labels) -> NDArray[np.intp]:
    """Counts (10, 10): how often the digit of a row was read as the digit of a column."""
    pairs = labels.astype(np.intp) * CLASSES + predicted
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def per_digit(table: NDArray[np.intp]) -> tuple[DigitScore, ...]:
    """Precision, recall and F1 of each digit, from a confusion table (10, 10)."""
    right, shown, read = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    precision, recall = right / np.maximum(read, 1), right / np.maximum(shown, 1)  # 0 where they would be 0/0
    f1 = 2 * right / np.maximum(shown + read, 1)
    rows = zip(*(column.tolist() for column in (precision, recall, f1, shown)), strict=True)
    return tuple(DigitScore(digit, *row) for digit, row in enumerate(rows))


def bins_of(confidence: Confidence, count: int = BINS) -> NDArray[np.intp]:
    """Which of the bins (0, 1/count], (1/count, 2/count] … each confidence lies in, from 0."""
    return np.clip(np.ceil(confidence.astype(np.float64) * count).astype(np.intp) - 1, 0, count - 1)


def calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """How far confidence is from accuracy: the expected calibration error, from 0 (honest) to 1.

    Images are sorted by confidence into 15 bins (0, 1/15], (1/15, 2/15] …; in each, mean confidence and
    accuracy are compared, and the differences averaged, weighted by images (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599).
    """
    right = probabilities.argmax(axis=1) == labels
    return calibration_of(np.column_stack([probabilities.max(axis=1), right]))


def calibration_of(answers: NDArray[np.floating], bins: int = BINS) -> float:
    """The same of answers (n, 2) given as confidence and whether it was right, 1 or 0; n at least 1."""
    confidence, right = answers.astype(np.float64).T
    surplus = np.bincount(bins_of(confidence, bins), confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(confidence))


def silent_units(model: DigitNet, images: NDArray[np.uint8]) -> list[list[int]]:
    """The units of each hidden layer that fire for none of the images: their ReLU gives 0 for every one."""
    values, silent = Tensor(np.empty((len(images), 784), np.float32)), []
    model.scale_pixels(model.turned(images).reshape(len(images), 784), values.value)
    for layer in model.layers[:-1]:
        values = layer(values).relu()
        silent.append(np.flatnonzero(values.value.max(axis=0) == 0).tolist())
    return silent


def find_mistakes(probabilities: Probabilities, labels: Labels) -> tuple[Mistake, ...]:
    """All images read wrongly, the most confident wrong answer first."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst_first = wrong[np.argsort(-confidence[wrong], kind="stable")]
    columns = (worst_first, labels[worst_first], predicted[worst_first], confidence[worst_first])
    return tuple(Mistake(*row) for row in zip(*(column.tolist() for column in columns), strict=True))
