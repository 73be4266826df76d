"""How sure a reading is: calibrated probabilities, unfamiliar shapes, and what is wrong in words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hellodl.checkpoint import TrainedNet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Pixels, Plane
    from hellodl.reading.ink import Ink

SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
"""Rows and columns by which an image is moved; the answers are averaged."""

FAINT = 0.12
"""Ink that differs from its ground by less than this share of full range is called very faint."""

RESTLESS = 0.4
"""Ground where one pixel in twenty is as strong as this share of ink: a scene, a fabric, no sheet."""

TWINS = 0.97
"""Correlation of two shapes from which they are the same."""

MOST_TWINS = 4
"""Neighbours that may be the same by chance; with more, a row is a pattern: keys, windows, bars."""

MOST_ONES = 5
"""Digits of a picture that may all be 1; more are bars, bricks, a fence."""

TINY = 10
"""Digits less tall than this in the original, in pixels, are called very small."""


class Model(Protocol):
    """What reading needs of a model.

    A model that also has `logits(images) -> (n, 10)` lets unfamiliar shapes be told from digits.
    """

    def predict(self, images: Pixels, /) -> Plane:
        """Probabilities (n, 10) for uint8 images (n, 28, 28)."""
        ...


@dataclass(frozen=True)
class Doubt:
    """When a reading counts as sure; `fit_doubt` finds the first two.

    temperature: divides the logarithms of the probabilities. familiar: log-sum-exp of the scores below
    which a shape is less familiar than nearly all digits. sure: confidence from which a digit is one. least:
    confidence below which it is none.
    """

    temperature: float = 1.0
    familiar: float = -np.inf
    sure: float = 0.7
    least: float = 0.35


def doubt_of(model: Model) -> Doubt:
    """What was fitted when the model was trained and lies in its checkpoint, else the defaults."""
    if not isinstance(model, TrainedNet):
        return Doubt()
    fitted = model.calibration
    return Doubt(fitted.temperature, -np.inf if fitted.familiar is None else fitted.familiar)


@dataclass(frozen=True)
class Answers:
    """The model's answers for n images: probabilities (n, 10), calibrated; familiarity (n,)."""

    probabilities: Plane
    familiarity: Plane


def ask(model: Model, images: Pixels, doubt: Doubt) -> Answers:
    """Average the model's answers over small shifts of each image, uint8 (n, 28, 28)."""
    moved = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in SHIFTS])
    scores = getattr(model, "logits", None)
    if scores is None:
        raw, known = model.predict(moved), np.full(len(moved), np.inf, np.float32)
    else:
        logits = scores(moved)
        top = logits.max(axis=1, keepdims=True)
        powers = np.exp(logits - top)
        total = powers.sum(axis=1, keepdims=True)
        raw, known = powers / total, (top + np.log(total))[:, 0]
    mean = raw.reshape(len(SHIFTS), len(images), 10).mean(axis=0) ** (1 / doubt.temperature)
    calibrated = mean / mean.sum(axis=1, keepdims=True)
    return Answers(calibrated, known.reshape(len(SHIFTS), len(images)).mean(axis=0))


def fit_doubt(
    model: Model,
    images: Pixels,
    labels: NDArray[np.integer],
    distorted: Pixels | None = None,
) -> Doubt:
    """Fit temperature and familiarity on validation images, uint8 (n, 28, 28), the model was not trained on.

    distorted: the same images with distortions as strong as real pictures have; the temperature is fitted on
    these too (the least negative log-likelihood). Familiar is what 97 of 100 rightly read images exceed.
    """
    plain = ask(model, images, Doubt())
    seen = plain.probabilities
    truth = labels
    if distorted is not None:
        seen = np.concatenate([seen, ask(model, distorted, Doubt()).probabilities])
        truth = np.concatenate([labels, labels])
    logs = np.log(np.maximum(seen.astype(np.float64), 1e-12))
    temperatures = np.geomspace(0.25, 4, 81)
    best = temperatures[int(np.argmin([_loss(logs / t, truth) for t in temperatures]))]
    right = plain.probabilities.argmax(axis=1) == labels
    known = np.sort(plain.familiarity[right & np.isfinite(plain.familiarity)])
    return Doubt(float(best), float(known[3 * known.size // 100]) if known.size else -np.inf)


def _loss(scores: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Mean negative log-likelihood of scores (n, 10)."""
    chosen = scores[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scores).sum(axis=1)) - chosen).mean())


def verdict(confidence: float, familiarity: float, doubt: Doubt) -> str:
    """Return "digit", "unsure" or "not a digit"."""
    if confidence < doubt.least:
        return "not a digit"
    return "digit" if confidence >= doubt.sure and familiarity >= doubt.familiar else "unsure"


def why(place: str, probabilities: NDArray[np.float32], familiarity: float, doubt: Doubt) -> list[str]:
    """Say what makes one digit doubtful, nothing when it is not."""
    reasons = []
    if familiarity < doubt.familiar:
        reasons.append(f"{place} is unlike the digits known")
    if probabilities.max() < doubt.sure:
        first, second = np.argsort(probabilities)[:-3:-1]
        reasons.append(f"{place} looks like {first} or {second}")
    return reasons


def is_pattern(shapes: list[Pixels], heights: list[int]) -> bool:
    """Whether most shapes of a row, uint8 (28, 28), are like the one before and as tall: no hand does so."""
    twins = [
        abs(a - b) <= 1 + 0.03 * a and _likeness(left, right) > TWINS
        for (a, b), (left, right) in zip(pairwise(heights), pairwise(shapes), strict=True)
    ]
    return bool(sum(twins) >= max(MOST_TWINS + 1, 0.6 * len(twins)))


def _likeness(one: Pixels, other: Pixels) -> float:
    """The correlation of two images' pixels; 0 where one of them has nothing to see."""
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def ground_trouble(ink: Ink) -> list[str]:
    """Say what is wrong with the ground of a whole picture; any of it forbids the verdict "digits"."""
    import cv2  # noqa: PLC0415 - OpenCV is only loaded where it is needed

    near = cv2.dilate(ink.mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    bare = ink.strength[~near]
    if bare.size and np.percentile(bare, 95) > RESTLESS:
        return ["the ground is nearly as strong as the ink"]
    return []
