"""How sure a reading is: calibrated probabilities, what the judge says, and what is wrong in words."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hellodl.about import DIGITS
from hellodl.checkpoint import SHIPPED, TrainedNet, load_model
from hellodl.nn import DigitNet
from hellodl.reading.arrays import Pixels, Plane
from hellodl.reading.judge import LABELS, OTHER, PART, right, scores, shipped, terms
from hellodl.reading.weights import softmax

SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))  # of images, down and right; answers are averaged

WORDS = {OTHER: "is unlike the digits known", PART: "looks like part of a digit, or like more than one"}
"""What is wrong with ink that the judge takes for something else than one digit."""

KNOWN = 3.0  # familiarity counts up to so many times that of the least familiar digits;
USUAL = 1.0  # that of a model without
UNEVEN = 0.35  # digits are shorter than their line by such a deviation: of 100 real ones, 1 by twice it
SUSPECT = 0.2  # what has at least this probability is worth a word

kept = cache(load_model)  # of files that do not change


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
    being right from which a digit is one, if it is likelier to be one than not. least: belief below which it
    is none.
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

    def verdict(self, confidence: float, belief: float, known: float) -> Verdict:
        """The verdict on one digit; known: see `Doubt.known`."""
        if belief < self.least:
            return Verdict.NO_DIGIT
        told = terms(*np.array([[confidence], [belief], [known]], np.float32))
        is_sure = belief > 0.5 and right(told, shipped().weights["right"])[0] >= self.sure
        return Verdict.DIGIT if is_sure else Verdict.UNSURE


@dataclass(frozen=True)
class Answers:
    """A model's answers for n images, and a second opinion on them.

    probabilities: (n, 10), calibrated. known: (n,), how familiar the images are, see `Doubt.known`. second:
    (n, 10), the probabilities of the model that was asked, too; else the same ones. turned: uint8 (n, 28,
    28), the images, upright if the model turns them.
    """

    probabilities: Plane
    known: Plane
    second: Plane
    turned: Pixels


def doubt_of(model: Model) -> Doubt:
    """What was fitted when the model was trained and lies in its checkpoint, else the defaults."""
    if not isinstance(model, TrainedNet):
        return Doubt()
    fitted = model.calibration
    return Doubt(fitted.temperature, -np.inf if fitted.familiar is None else fitted.familiar)


def ask(model: Model, images: Pixels, doubt: Doubt) -> Answers:
    """Ask a model about images, uint8 (n, 28, 28), and where it has seen fewer hands, the one that ships."""
    probabilities, known, turned = _asked(model, images, doubt)
    second, others = second_opinion(model), probabilities
    if second is not None:
        doubt = doubt_of(second)
        others, known, _ = _asked(second, images, doubt)
    return Answers(probabilities, doubt.known(known), others, turned)


def second_opinion(model: Model) -> TrainedNet | None:
    """The model that ships, for one that learned from public digits alone: it has also seen other hands.

    None for itself and others that learned from drawn digits, too; for models of other things, or of unknown
    origin; and for one that learned from pictures of your own, since the other does not know your hand.
    """
    if not (isinstance(model, TrainedNet) and model.classes == DIGITS and model.data):
        return None
    from hellodl.datasets import NAMES

    return kept(SHIPPED) if model.data in NAMES else None


def _asked(model: Model, images: Pixels, doubt: Doubt) -> tuple[Plane, Plane, Pixels]:
    """Calibrated probabilities (n, 10), familiarity (n,), and the images, turned.

    Familiarity is the log-sum-exp of the scores. The first two are means over small shifts of each image.
    """
    scores = getattr(model, "logits", None)
    if isinstance(model, DigitNet) and type(model).logits is DigitNet.logits:  # turned once, then shifted
        images, scores = model.turned(images), partial(model.logits, ready=True)
    moved = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in SHIFTS])
    if scores is None:
        raw, known = model.predict(moved), np.full(len(moved), np.inf, np.float32)
    else:
        raw, known = softmax(scores(moved))
    mean = raw.reshape(len(SHIFTS), len(images), 10).mean(axis=0) ** (1 / doubt.temperature)
    calibrated = mean / mean.sum(axis=1, keepdims=True)
    return calibrated, known.reshape(len(SHIFTS), len(images)).mean(axis=0), images


def likelihoods(answers: Answers, judged: Plane, tall: Plane) -> Plane:
    """How likely each answer is, (n, 16): the ten digits, the marks in their order, and something else.

    tall (n,): the logarithm of height to that of the line's digits.
    """
    logs = scores(answers.probabilities, answers.known, judged, shipped().weights["ways"])
    logs[:, :10] -= np.square(tall.clip(max=0) / UNEVEN)[:, None] / 2
    return np.exp(logs)


def fit_doubt(
    model: Model, images: Pixels, labels: NDArray[np.integer], distorted: Pixels | None = None
) -> Doubt:
    """Fit temperature and familiarity on validation images, uint8 (n, 28, 28), the model was not trained on.

    distorted: the same images with distortions as strong as real pictures have; the temperature is fitted on
    these too (the least negative log-likelihood). Familiar is what 97 of 100 rightly read images exceed.
    """
    plain, familiarity, _ = _asked(model, images, Doubt())
    seen, truth = plain, labels
    if distorted is not None:
        seen = np.concatenate([seen, _asked(model, distorted, Doubt())[0]])
        truth = np.concatenate([labels, labels])
    logs = np.log(np.maximum(seen.astype(np.float64), 1e-12))
    temperatures = np.geomspace(0.25, 4, 81)
    chosen = logs[np.arange(len(truth)), truth].mean()
    best = temperatures[np.argmin([softmax(logs / t)[1].mean() - chosen / t for t in temperatures])]
    right = plain.argmax(axis=1) == labels
    known = np.sort(familiarity[right & np.isfinite(familiarity)])
    return Doubt(float(best), float(known[3 * known.size // 100]) if known.size else -np.inf)


def why(answers: Answers, i: int, judged: Plane) -> list[str]:
    """Say what makes a digit, the i-th answer, doubtful."""
    probabilities, other = answers.probabilities[i], int(answers.second[i].argmax())
    first, second = np.argsort(probabilities)[:-3:-1]
    reasons = [words for label, words in WORDS.items() if judged[label] > SUSPECT]
    if answers.known[i] < 1 and WORDS[OTHER] not in reasons:
        reasons.append(WORDS[OTHER])
    reasons += [f"may be a {LABELS[mark]}" for mark in range(1, OTHER) if judged[mark] > SUSPECT]
    if probabilities[second] > SUSPECT or probabilities[first] < 0.5:
        reasons.append(f"looks like {first} or {second}")
    if other != first:
        reasons.append(f"is a {other} to the model that ships")
    return reasons or ["is not clear"]
