"""Whether ink is a digit, a sign between digits, or neither: a small network that learned it from made pages.

It looks at the ink as the digits' network is given it, and at measures of its place and its strokes. It knows
nothing of the digits' network, so it serves any. Made by scripts/tools/make_judge.py.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hellodl.reading.arrays import Pixels, Plane
from hellodl.reading.weights import loaded, logits, softmax
from hellodl.upright import SIDE

SHIPPED = Path(__file__).parent.parent / "models" / "judge.safetensors"

MARKS = "/-.,:"
LABELS = ("digit", *MARKS, "other", "part")
"""What ink can be. other: a letter, a line, a blot; part: half a digit, or more than one."""

DIGIT, OTHER, PART = 0, LABELS.index("other"), LABELS.index("part")

MEASURES = (
    "wide",  # logarithm of width to height, at least SLIM
    "tall",  # logarithm of its height to that of its line's digits
    "above",  # how far its top is below that of its line, in digits' heights
    "below",  # how far its foot is below that of its line
    "stroke",  # the strokes' mean width to the larger side, at least THREAD
    "bold",  # logarithm of the strokes' width to that of its line
    "cut left",  # ink that was cut on its left side, a share of its height
    "cut right",
    "cut inside",  # ink that could be cut within it: the least that separates two of its parts
    "gap",  # the widest bare gap between its parts, side by side, in digits' heights
    "space left",  # bare paper to the next ink, in digits' heights, at most 2
    "space right",
    "shared",  # share of its outline beyond which the picture is as dark as the ink
    "borders",  # how many of the picture's borders it touches, more than its line's digits do
)

WAYS = (
    "digit: judge",  # logarithm of what the judge gives a digit
    "digit: part",  # of what it gives a part of one
    "digit: familiar",  # how familiar the network is with it, as a multiple of the least usual
    "digit: network",  # logarithm of the network's probability
    "digit",  # a digit at all
    "mark: judge",
    "mark",
    "other: judge",
    "other: part",
    "other",
)
"""What speaks for an answer; the judge's `ways` has a weight for each, fitted on lines it has not seen."""

RIGHT = ("confidence", "belief", "familiar", "digit")
"""What speaks for a digit as it was read, the first two by their logarithms; `right` has their weights."""

LEAST = 1e-4  # smaller probabilities count as this one
SLIM, THREAD = -1.6, 0.06  # narrower and thinner than this says no more: a 1 may be a thin line
FAR = 2.0  # ink further away than this, in digits' heights, is none of its neighbours
MIDDLE = 127  # brighter pixels are ink


@dataclass(frozen=True)
class Judge:
    """A network with one hidden layer: 14 by 14 pixels and the measures → what ink is."""

    weights: dict[str, Plane]

    def __call__(self, images: Pixels, measures: Plane) -> Plane:
        """The probability of each label (n, 8): uint8 images (n, 28, 28), measures (n, 14)."""
        return softmax(logits(self.weights, self.inputs(images, measures)))[0]

    def inputs(self, images: Pixels, measures: Plane) -> Plane:
        """What the network sees, (n, 210): the pixels' means two by two, and the measures."""
        blocks = images.reshape(len(images), SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4), dtype=np.float32)
        return np.hstack([blocks.reshape(len(images), -1) / 255, measures / self.weights["scale"]])


def scores(probabilities: Plane, familiar: Plane, judged: Plane, ways: Plane) -> Plane:
    """The logarithm of how likely each answer is, (n, 16): ten digits, the marks, something else.

    probabilities: the network's (n, 10). familiar (n,), ways: see WAYS. judged: the judge's (n, 8).
    """
    logs = np.log(np.maximum(judged, LEAST))
    digit = ways[0] * logs[:, DIGIT] + ways[1] * logs[:, PART] + ways[2] * familiar + ways[4]
    digits = digit[:, None] + ways[3] * np.log(np.maximum(probabilities, LEAST))
    other = ways[7] * logs[:, OTHER] + ways[8] * logs[:, PART] + ways[9]
    return np.hstack([digits, ways[5] * logs[:, DIGIT + 1 : OTHER] + ways[6], other[:, None]])


def terms(confidence: Plane, belief: Plane, familiar: Plane) -> Plane:
    """What speaks for digits (n,) as they were read, (n, 4): see RIGHT."""
    logs = [np.log(np.maximum(share, LEAST)) for share in (confidence, belief)]
    return np.stack([*logs, familiar, np.ones_like(familiar)], axis=1)


def right(terms: Plane, weights: Plane) -> Plane:
    """The probability (n,) that digits are what they were read as, by logistic regression."""
    return np.asarray(1 / (1 + np.exp(-(terms @ weights))))


@cache
def shipped() -> Judge:
    """The judge that ships with hellodl. Raises ModelError if its file is missing or damaged."""
    inputs = (SIDE // 2) ** 2 + len(MEASURES)
    return Judge(loaded(SHIPPED, inputs, len(LABELS), scale=len(MEASURES), ways=len(WAYS), right=len(RIGHT)))


def alone(images: Pixels) -> Plane:
    """The measures (n, 14) of digits that fill bare pictures, uint8 (n, 28, 28)."""
    ink = images > MIDDLE
    height, width = (np.maximum(ink.any(axis=axis).sum(axis=1), 1) for axis in (2, 1))
    inside = ink[:, 1:-1, 1:-1] & ink[:, :-2, 1:-1] & ink[:, 2:, 1:-1] & ink[:, 1:-1, :-2] & ink[:, 1:-1, 2:]
    area = ink.sum(axis=(1, 2))
    stroke = 2 * area / np.maximum(area - inside.sum(axis=(1, 2)), 1)  # of a bar: its area to half its edge
    measures = np.zeros((len(images), len(MEASURES)), np.float32)
    measures[:, MEASURES.index("wide")] = np.log(width / height).clip(SLIM)
    measures[:, MEASURES.index("stroke")] = (stroke / np.maximum(height, width)).clip(THREAD)
    measures[:, [MEASURES.index("space left"), MEASURES.index("space right")]] = FAR
    return measures
