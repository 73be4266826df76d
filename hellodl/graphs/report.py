"""The numbers behind a report on a model: how it was made, how well it reads, what its layers do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
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

    `points` (n, 2) and `labels` (n,) are those of the first test images, in standard deviations along the
    first axis. `shares`: what each axis shows of the variance.
    """

    shares: tuple[float, float]
    points: NDArray[np.float32]
    labels: NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    `mistakes` (k, 28, 28): the pictures of the worst ones. `units` (n, 28, 28): the first layer's weights.
    """

    command: str
    made: Inspection
    read: Evaluation
    reliability: tuple[Bin, ...]
    map: Map
    train_seconds: float | None  # all steps together; None where the file does not say
    mistakes: NDArray[np.uint8] = field(repr=False)
    units: NDArray[np.float32] = field(repr=False)

    def for_json(self) -> dict[str, Any]:
        """The numbers as plain data; pictures and weights are in the data set and the model."""
        labels, points = self.map.labels.tolist(), self.map.points.tolist()
        return {
            "command": self.command,
            "model": asdict(self.made),
            "train_seconds": self.train_seconds,
            "evaluation": asdict(self.read),
            "reliability": [asdict(part) for part in self.reliability],
            "map": {"shares": self.map.shares, "labels": labels, "points": points},
        }


def report(path: Path, loaded: Checkpoint, data: Dataset, command: str) -> Report:
    """Gather all about a model loaded from `path` and its reading of a test set; raises as `evaluate` does.

    `command` is the one that repeats its training, "" where there is none.
    """
    model, made = loaded.model(), examine(path, loaded)
    read = evaluate(model, data)
    worst = [mistake.index for mistake in read.mistakes[:_WORST]]
    return Report(
        command=command,
        made=made,
        read=read,
        reliability=reliability(model.predict(data.images), data.labels),
        map=principal_axes(model.hidden(data.images), data.labels),
        train_seconds=loaded.about.position.train_seconds if loaded.about.position else None,
        mistakes=data.images[worst],
        units=loaded.weights["lc1.weight"].reshape(-1, 28, 28),
    )


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> tuple[Bin, ...]:
    """The bins behind the calibration error, lowest confidence first; empty ones are left out."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins, found = bins_of(confidence), []
    for mine in (bins == i for i in np.unique(bins)):
        images, correct = int(mine.sum()), int(right[mine].sum())
        sure, interval = float(confidence[mine].mean()), wilson_interval(correct, images)
        found.append(Bin(images, sure, correct / images, interval))
    return tuple(found)


def principal_axes(hidden: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> Map:
    """Activations (n, units) along the two directions in which they vary most (PCA, Pearson 1901)."""
    centred = hidden - hidden.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    first, second = axes[:, -1], axes[:, -2]
    points = centred[:_DOTS] @ np.stack([first, second], axis=1) / np.sqrt(max(variances[-1], 1e-30))
    shares = variances[::-1][:2] / max(variances.sum(), 1e-30)
    return Map((float(shares[0]), float(shares[1])), points.astype(np.float32), labels[:_DOTS])
