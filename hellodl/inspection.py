"""What a checkpoint holds and how it was made, as one record."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hellodl.about import About
from hellodl.limits import is_whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

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


@dataclass(frozen=True)
class ResumePoint:
    """Where a resumed training goes on."""

    step: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Inspection(About):
    """What a checkpoint holds: all that it says about itself, and what was found in it.

    `bytes` is the file's size; `resume` is None where the training cannot go on from this file.
    """

    model: str
    bytes: int
    weights: int
    biases: int
    tensors: tuple[TensorSummary, ...]
    resume: ResumePoint | None


def examine(path: Path, loaded: Checkpoint) -> Inspection:
    """Everything `hellodl inspect` says about a checkpoint that was loaded from `path`."""
    about = loaded.about
    position = about.position if loaded.training and is_whole(about.settings.get("epochs")) else None
    return Inspection(
        **vars(about),
        model=str(path),
        bytes=path.stat().st_size,
        weights=sum(n_in * n_out for n_in, n_out in pairwise(about.network)),
        biases=sum(about.network[1:]),
        tensors=tuple(_summary(name, array) for name, array in loaded.arrays().items()),
        resume=ResumePoint(position.step, len(about.history)) if position else None,
    )


def _summary(name: str, array: NDArray[np.float32]) -> TensorSummary:
    wide = array.astype(np.float64)
    return TensorSummary(name, array.shape, *map(float, (wide.mean(), wide.std(), wide.min(), wide.max())))
