"""Whether ink is a digit, a sign between digits, or neither: a small network that learned it from made pages.

It looks at the ink as the digits' network sees it, and at measures of its place and its strokes. It knows
nothing of the digits' network, so it serves any. So far only the drawing page asks it; the script that made
it follows with the reader that will.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hellodl.errors import ModelError
from hellodl.nn import SIDE

if TYPE_CHECKING:
    from hellodl.reading.arrays import Pixels, Plane

SHIPPED = Path(__file__).parent.parent / "models" / "judge.safetensors"

MARKS = "/-.,:"
LABELS = ("digit", *MARKS, "other", "part")
"""What ink can be. other: a letter, a line, a blot; part: half a digit, or more than one."""

DIGIT, OTHER = 0, LABELS.index("other")

MEASURES = (
    "wide",  # logarithm of width to height
    "tall",  # logarithm of its height to that of its line's digits
    "above",  # how far its top is below that of its line, in digits' heights
    "below",  # how far its foot is below that of its line
    "stroke",  # the strokes' mean width to the larger side
    "bold",  # logarithm of the strokes' width to that of its line
    "cut left",  # ink that was cut on its left side, a share of its height
    "cut right",
    "cut inside",  # ink that could be cut within it: the least that separates two of its parts
    "gap",  # the widest bare gap between its parts, side by side, in digits' heights
    "space left",  # bare paper to the next ink, in digits' heights, at most 2
    "space right",
    "shared",  # share of its outline beyond which the picture is as dark as the ink
    "top",  # 1 where it touches this border of the picture
    "bottom",
    "sides",
)


FAR = 2.0
"""Ink further away than this, in digits' heights, is none of its neighbours."""

MIDDLE = 127
"""Brighter pixels are ink."""


@dataclass(frozen=True)
class Judge:
    """A network with one hidden layer: 784 pixels and the measures → what ink is."""

    weights: dict[str, Plane]

    def __call__(self, images: Pixels, measures: Plane) -> Plane:
        """The probability of each label (n, 8): uint8 images (n, 28, 28), measures (n, 16)."""
        hidden = self.inputs(images, measures) @ self.weights["lc1.weight"].T + self.weights["lc1.bias"]
        scores = np.maximum(hidden, 0) @ self.weights["lc2.weight"].T + self.weights["lc2.bias"]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

    def inputs(self, images: Pixels, measures: Plane) -> Plane:
        """What the network sees, (n, 800)."""
        return np.hstack(
            [images.reshape(len(images), SIDE * SIDE) / np.float32(255), measures / self.weights["scale"]]
        )


@cache
def shipped() -> Judge:
    """The judge that ships with hellodl. Raises ModelError if its file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return Judge(load_file(SHIPPED))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{SHIPPED}: {error}; it comes with hellodl: install that anew") from None


def alone(images: Pixels) -> Plane:
    """The measures (n, 16) of digits that fill bare pictures, uint8 (n, 28, 28)."""
    ink = images > MIDDLE
    height, width = (np.maximum(ink.any(axis=axis).sum(axis=1), 1) for axis in (2, 1))
    inside = ink[:, 1:-1, 1:-1] & ink[:, :-2, 1:-1] & ink[:, 2:, 1:-1] & ink[:, 1:-1, :-2] & ink[:, 1:-1, 2:]
    area = ink.sum(axis=(1, 2))
    stroke = 2 * area / np.maximum(area - inside.sum(axis=(1, 2)), 1)  # of a bar: its area to half its edge
    measures = np.zeros((len(images), len(MEASURES)), np.float32)
    measures[:, MEASURES.index("wide")] = np.log(width / height)
    measures[:, MEASURES.index("stroke")] = stroke / np.maximum(height, width)
    measures[:, [MEASURES.index("space left"), MEASURES.index("space right")]] = FAR
    return measures
