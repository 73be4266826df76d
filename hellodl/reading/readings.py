"""What a picture says: digits, the signs between them, lines of both, and a reading put together of these."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.reading.doubt import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hellodl.reading.arrays import Box, Pixels
    from hellodl.reading.ink import Ink
    from hellodl.reading.load import Picture

FAINT = 0.12  # ink that differs from its ground by less than this share of full range may be its grain
TINY = 10  # digits less tall than this in the original, in pixels, are called very small
SMALL_PRINT = 0.5  # lines less tall than this share of digits that are sure have to be sure themselves
AS_TALL = 0.75  # of the digits' height: what is that tall on another line, and is none, is no small print
MISSED = 0.3  # belief in a digit, where none was read, that makes a reading unsure


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
class Line:
    """A line as read: its digits and marks, and how many other things lie among them that matter."""

    digits: list[Digit]
    marks: list[Mark]
    tall: float  # the height of its digits, their median; of the tallest other thing where there is none
    others: int = 0  # of a digit's size, or within one
    missed: float = 0.0  # the greatest belief in a digit where none was read

    @property
    def is_sure(self) -> bool:
        """Whether each of its digits is one, and nothing as tall is none: in words, an s may be a 5."""
        return bool(self.digits) and not self.others and all(d.verdict is Verdict.DIGIT for d in self.digits)


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


def of_one_size(lines: list[Line]) -> list[Line]:
    """Lines without those that are in doubt and much less tall than digits that are sure: small print."""
    tall = max((line.tall for line in lines if line.is_sure), default=0.0)
    return [line for line in lines if line.is_sure or line.tall > SMALL_PRINT * tall]


def height_of(digits: Sequence[Digit]) -> float:
    """The median of their heights, 0 without any."""
    return float(np.median([digit.box[3] for digit in digits])) if digits else 0.0


def reading_of(lines: list[Line], picture: Picture, ink: Ink | None) -> Reading:
    """Put digits together, and judge the whole; of other lines what is of their size counts."""
    digits = tuple(digit for line in lines for digit in line.digits)
    lines = [line for line in lines if line.digits or line.tall > AS_TALL * height_of(digits) > 0]
    marks = tuple(mark for line in lines for mark in line.marks)
    text = "\n".join("".join(str(digit.digit) for digit in line.digits) for line in lines if line.digits)
    warnings = _warnings(digits, marks)
    if picture.has_more:
        warnings.append("the first page or frame alone was read; there are more")
    trouble = ["very faint"] if digits and ink and ink.contrast < FAINT else []
    if any(line.missed > MISSED for line in lines):
        trouble.append("something beside the digits may be one, too")
    if any(line.others for line in lines):
        trouble.append("something as tall as the digits, or within one, is none")
    verdicts = {digit.verdict for digit in digits}
    if verdicts <= {Verdict.NO_DIGIT}:
        verdict = Verdict.NONE
    else:
        verdict = Verdict.DIGITS if verdicts == {Verdict.DIGIT} and not trouble else Verdict.UNSURE
    return Reading(text, verdict, digits, (*trouble, *warnings), picture, ink, marks)


def _warnings(digits: tuple[Digit, ...], marks: tuple[Mark, ...]) -> list[str]:
    """What is doubtful, in words, and which signs the text leaves out."""
    if not digits:
        return ["nothing found that could be a digit"]
    warnings = ["very small"] if any(digit.box[3] < TINY for digit in digits) else []
    if marks:
        warnings.append(f"beside the digits: {' '.join(mark.mark for mark in marks)}")
    for i, digit in enumerate(digits, 1):
        place = f"digit {i}" if len(digits) > 1 else "the digit"
        if digit.verdict is Verdict.NO_DIGIT:
            warnings.append(f"{place} is none, by its shape")
        warnings += [f"{place} {words}" for words in digit.doubts]
    return warnings
