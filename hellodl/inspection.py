"""What a checkpoint holds and how it was made, as one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.checkpoint import TRAINING
from hellodl.limits import is_whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hellodl.about import Calibration, DataIdentity, Epoch, Machine, Recipe, Results
    from hellodl.checkpoint import Checkpoint


@dataclass(frozen=True)
class TensorSummary:
    """A tensor's name and shape, and its numbers in short."""

    name: str
    shape: tuple[int, ...]
    mean: float
    deviation: float
    min: float
    max: float

    @property
    def is_for_resuming(self) -> bool:
        """Whether only a resumed training needs it."""
        return self.name.startswith(TRAINING)


@dataclass(frozen=True)
class ResumePoint:
    """Where a resumed training goes on."""

    step: int
    epochs: int


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint holds. What the file does not say is empty or None.

    `bytes` is the file's size; `network` the layers' widths; `pixels` the mean and deviation that pixels are
    scaled by; `resume` is None where the training cannot go on from this file.
    """

    model: str
    bytes: int
    network: tuple[int, ...]
    weights: int
    biases: int
    pixels: tuple[float, float]
    tensors: tuple[TensorSummary, ...]
    dataset: DataIdentity | None
    settings: dict[str, Any]
    history: tuple[Epoch, ...]
    results: Results | None
    versions: dict[str, str]
    threads: int | None
    resume: ResumePoint | None
    machine: Machine | None
    recipe: Recipe
    calibration: Calibration


def examine(path: Path, loaded: Checkpoint) -> Inspection:
    """Everything `hellodl inspect` says about a checkpoint that was loaded from `path`."""
    about = loaded.about
    sizes = {name: array.size for name, array in loaded.weights.items()}
    return Inspection(
        model=str(path),
        bytes=path.stat().st_size,
        network=about.network,
        weights=sum(size for name, size in sizes.items() if name.endswith(".weight")),
        biases=sum(size for name, size in sizes.items() if name.endswith(".bias")),
        pixels=about.pixels,
        tensors=tuple(_summary(name, array) for name, array in loaded.arrays().items()),
        dataset=about.dataset,
        settings=about.settings,
        history=about.history,
        results=about.results,
        versions=about.versions,
        threads=about.threads,
        resume=_resume_point(loaded),
        machine=about.machine,
        recipe=about.recipe,
        calibration=about.calibration,
    )


def _summary(name: str, array: NDArray[np.float32]) -> TensorSummary:
    wide = array.astype(np.float64)
    numbers = (wide.mean(), wide.std(), wide.min(), wide.max())
    return TensorSummary(name, array.shape, *(float(number) for number in numbers))


def _resume_point(loaded: Checkpoint) -> ResumePoint | None:
    about = loaded.about
    if not (loaded.training and about.position and is_whole(about.settings.get("epochs"))):
        return None
    return ResumePoint(about.position.step, len(about.history))
