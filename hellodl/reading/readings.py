"""What a picture says: a reading, its digits, and the signs between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hellodl.reading.arrays import Box, Pixels
    from hellodl.reading.doubt import Verdict
    from hellodl.reading.ink import Ink
    from hellodl.reading.load import Picture


@dataclass(frozen=True)
class Digit:
    """One digit as read.

    verdict: DIGIT, UNSURE or NO_DIGIT. box: left, top, width, height in the original's pixels.
    probabilities: ten, after calibration. seen: uint8 (28, 28), what the network was given, as MNIST has
    digits. turned: the same upright, if the network turns what it is given. belief: the probability that this
    ink is this one digit. doubts: what speaks against it, in words.
    """

    digit: int
    confidence: float
    verdict: Verdict
    box: Box
    probabilities: tuple[float, ...] = field(repr=False)
    seen: Pixels = field(repr=False, compare=False)
    turned: Pixels = field(repr=False, compare=False)
    belief: float = field(default=1.0, compare=False)
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A sign between digits: one of / - . , : and its box in the original's pixels."""

    mark: str
    box: Box


@dataclass(frozen=True)
class Reading:
    """What a picture says.

    text: the best reading of its digits, also when unsure; lines are joined by newlines. verdict: DIGITS,
    UNSURE or NONE. marks: signs between the digits, which the text leaves out. warnings: in words, what made
    it unsure, and the marks. picture and ink: the steps on the way; ink is None for pictures that went to the
    network as they are.
    """

    text: str
    verdict: Verdict
    digits: tuple[Digit, ...]
    warnings: tuple[str, ...]
    picture: Picture = field(repr=False, compare=False)
    ink: Ink | None = field(default=None, repr=False, compare=False)
    marks: tuple[Mark, ...] = ()

    def for_json(self) -> dict[str, Any]:
        """What it says as plain data, with the keys of `hellodl predict --json`."""
        keys = "digit", "confidence", "verdict", "box", "probabilities"
        return {
            "text": self.text,
            "verdict": self.verdict,
            "digits": [{key: getattr(digit, key) for key in keys} for digit in self.digits],
            "warnings": list(self.warnings),
            "marks": [asdict(mark) for mark in self.marks],
        }
