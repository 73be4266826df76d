"""The numbers behind a report on a model: how it was made, how well it reads, what its layers do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.evaluation import bins_of, evaluate, wilson_interval
from hellodl.inspection import examine

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hellodl.checkpoint import Checkpoint
    from hellodl.datasets import Dataset
    from hellodl.evaluation import Evaluation
    from hellodl.inspection import Inspection

_WORST = 24  # mistakes that are shown
_DOTS = 2000  # images in the map of the last hidden layer


@dataclass(frozen=True)
class Bin:
    """Images whose confidence is alike: how many, their mean confidence, the share of them read rightly."""

    images: int
    confidence: float
    accuracy: float
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True)
class Map:
    """The last hidden layer seen from its two principal axes.

    `shares`: what each axis shows of the variance. `labels` and `points` are those of the first test images,
    in standard deviations along the first axis.
    """

    shares: list[float]
    labels: list[int]
    points: list[list[float]]


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    `mistakes` (k, 28, 28): the pictures of the worst ones. `units` (n, 28, 28): the first layer's weights.
    """

    command: str
    model: Inspection
    train_seconds: float | None  # all steps together; None where the file does not say
    evaluation: Evaluation
    reliability: list[Bin]
    map: Map
    mistakes: NDArray[np.uint8]
    units: NDArray[np.float32]

    def for_json(self) -> dict[str, Any]:
        """The numbers as plain data; pictures and weights are in the data set and the model."""
        return {key: value for key, value in asdict(self).items() if key not in {"mistakes", "units"}}


def report(path: Path, loaded: Checkpoint, data: Dataset, command: str) -> Report:
    """Gather all about a model loaded from `path` and its reading of a test set; raises as `evaluate` does.

    `command` is the one that repeats its training, "" where there is none.
    """
    model = loaded.model()
    evaluation = evaluate(model, data)
    return Report(
        command=command,
        model=examine(path, loaded),
        train_seconds=loaded.about.position.train_seconds if loaded.about.position else None,
        evaluation=evaluation,
        reliability=reliability(model.predict(data.images), data.labels),
        map=principal_axes(model.hidden(data.images), data.labels),
        mistakes=data.images[[mistake.index for mistake in evaluation.mistakes[:_WORST]]],
        units=loaded.weights["lc1.weight"].reshape(-1, 28, 28),
    )


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> list[Bin]:
    """The bins behind the calibration error, lowest confidence first; empty ones are left out."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins, found = bins_of(confidence), []
    for i in np.unique(bins):
        mine = bins == i
        images, correct = int(mine.sum()), int(right[mine].sum())
        mean = float(confidence[mine].mean())
        found.append(Bin(images, mean, correct / images, wilson_interval(correct, images)))
    return found


def principal_axes(hidden: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> Map:
    """Activations (n, units) along the two directions in which they vary most (PCA, Pearson 1901)."""
    centred = hidden - hidden.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    points = centred[:_DOTS] @ axes[:, [-1, -2]] / np.sqrt(max(variances[-1], 1e-30))
    shares = variances[::-1][:2] / max(variances.sum(), 1e-30)
    return Map(shares.tolist(), labels[:_DOTS].tolist(), points.astype(np.float32).tolist())
