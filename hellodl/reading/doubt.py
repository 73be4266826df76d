"""How sure a reading is: calibrated probabilities, what the judge says, and what is wrong in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hellodl.checkpoint import TrainedNet
from hellodl.reading.judge import LABELS, OTHER, PART, right, scores, shipped, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Pixels, Plane

SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
"""Rows and columns by which an image is moved; the answers are averaged."""

WORDS = {OTHER: "is unlike the digits known", PART: "looks like part of a digit, or like more than one"}
"""What is wrong with ink that the judge takes for something else than one digit."""

KNOWN, USUAL = 3.0, 1.0
"""Familiarity, in terms of that of the least familiar digits, counts up to this; that of a model without."""

SUSPECT = 0.2
"""What has at least this probability is worth a word."""


class Verdict(StrEnum):
    """Whether to believe a reading, and whether to believe one of its digits."""

    DIGITS = "digits"
    DIGIT = "digit"
    UNSURE = "unsure"
    NONE = "not digits"
    NO_DIGIT = "not a digit"


class Model(Protocol):
    """What reading needs of a model.

    A model that also has `logits(images) -> (n, 10)` lets unfamiliar shapes be told from digits.
    """

    def predict(self, images: Pixels, /) -> Plane:
        """Probabilities (n, 10) for uint8 images (n, 28, 28)."""
        ...


@dataclass(frozen=True)
class Doubt:
    """When a reading counts as sure.

    temperature: divides the logarithms of the probabilities. familiar: log-sum-exp of the scores below which
    a shape is less familiar than nearly all digits; `fit_doubt` finds these two. sure: the probability of
    being right from which a digit is one. least: belief below which it is none.
    """

    temperature: float = 1.0
    familiar: float = -np.inf
    sure: float = 0.75
    least: float = 0.15

    def known(self, familiarity: Plane) -> Plane:
        """How familiar the network is with something, in terms of the least familiar digits."""
        if self.familiar > 0:
            return np.asarray(np.clip(familiarity / self.familiar, 0, KNOWN), np.float32)
        return np.full(np.shape(familiarity), USUAL, np.float32)

    def verdict(self, confidence: float, belief: float, familiarity: float) -> Verdict:
        """The verdict on one digit."""
        if belief < self.least:
            return Verdict.NO_DIGIT
        one, two, three = np.array([[confidence], [belief], [familiarity]], np.float32)
        is_sure = belief > 0.5 and right(terms(one, two, self.known(three)), shipped().weights["right"])[0] >= self.sure
        return Verdict.DIGIT if is_sure else Verdict.UNSURE


@dataclass(frozen=True)
class Answers:
    """The model's answers for n images: probabilities (n, 10), calibrated; familiarity (n,)."""

    probabilities: Plane
    familiarity: Plane


def doubt_of(model: Model) -> Doubt:
    """What was fitted when the model was trained and lies in its checkpoint, else the defaults."""
    if not isinstance(model, TrainedNet):
        return Doubt()
    fitted = model.calibration
    return Doubt(fitted.temperature, -np.inf if fitted.familiar is None else fitted.familiar)


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


def likelihoods(answers: Answers, judged: Plane, doubt: Doubt) -> Plane:
    """How likely each answer is, (n, 16): the ten digits, the marks in their order, and something else."""
    ways = shipped().weights["ways"]
    return np.exp(scores(answers.probabilities, doubt.known(answers.familiarity), judged, ways))


def trusted(likely: Plane) -> Plane:
    """How sure it is that ink is one digit, whichever, (n,), from `likelihoods`."""
    return np.asarray(likely[:, :10].sum(axis=1) / likely.sum(axis=1))


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


def why(
    probabilities: NDArray[np.float32], familiarity: float, judged: NDArray[np.float32], doubt: Doubt
) -> list[str]:
    """Say what makes a digit doubtful."""
    first, second = np.argsort(probabilities)[:-3:-1]
    reasons = [words for label, words in WORDS.items() if judged[label] > SUSPECT]
    if familiarity < doubt.familiar and WORDS[OTHER] not in reasons:
        reasons.append(WORDS[OTHER])
    reasons += [f"may be a {LABELS[i]}" for i in range(1, OTHER) if judged[i] > SUSPECT]
    if probabilities[second] > SUSPECT or probabilities[first] < 0.5:
        reasons.append(f"looks like {first} or {second}")
    return reasons or ["is not clear"]
