"""Read the digits in a picture: the model's answer for each, what is doubtful about it, and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hellodl.about import Recipe
from hellodl.checkpoint import TrainedNet
from hellodl.reading.doubt import (
    FAINT,
    MOST_ONES,
    TINY,
    Answers,
    Doubt,
    Model,
    ask,
    doubt_of,
    ground_trouble,
    is_pattern,
    verdict,
    why,
)
from hellodl.reading.load import Picture, Source, load_picture
from hellodl.reading.trained import SIDE, as_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hellodl.reading.arrays import Pixels, Plane
    from hellodl.reading.ink import Ink
    from hellodl.reading.pieces import Box, Piece


STRANGE = 1.5
"""What it costs, in nats of confidence, to see a digit in a shape that is like none known."""


@dataclass(frozen=True)
class Digit:
    """One digit as read.

    verdict: "digit", "unsure" or "not a digit". box: left, top, width, height in the original's pixels.
    probabilities: ten, after calibration. seen: uint8 (28, 28), what the network saw. familiarity: how
    like the training set (log-sum-exp of the scores), infinite when the model cannot say. flaws: what is
    wrong with its ink, in words that follow "the digit".
    """

    digit: int
    confidence: float
    verdict: str
    box: Box
    probabilities: tuple[float, ...]
    seen: Pixels = field(repr=False, compare=False)
    familiarity: float = np.inf
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a picture says.

    text: the best reading, also when unsure; lines are joined by newlines. verdict: "digits", "unsure" or
    "not digits". warnings: in words, what made it unsure. picture and ink: the steps on the way; ink is None
    for pictures that went to the network as they are.
    """

    text: str
    verdict: str
    digits: tuple[Digit, ...]
    warnings: tuple[str, ...]
    picture: Picture = field(repr=False, compare=False)
    ink: Ink | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class _Candidate:
    """A group of neighbouring pieces that may be one digit, and what it costs to believe so."""

    first: int
    after: int
    piece: Piece
    seen: Pixels
    penalty: float


def read(
    source: Source | Picture,
    model: Model | None = None,
    *,
    invert: bool | None = None,
    doubt: Doubt | None = None,
) -> Reading:
    """Read the digits in a picture: a path, encoded bytes, a binary file, a Pillow image or an array.

    model: when None, ./hellodl.safetensors, else the one that ships. invert: True for light ink on a dark
    ground, False for dark ink on a light one, None to find out. Raises PictureError for what is no picture,
    ModelError for a bad model.
    """
    if model is None:
        from hellodl.checkpoint import load_model  # noqa: PLC0415 - callers may bring a model of their own

        model = load_model(None)
    return read_all([load_picture(source)], model, invert=invert, doubt=doubt)[0]


def read_all(
    pictures: Sequence[Picture], model: Model, *, invert: bool | None = None, doubt: Doubt | None = None
) -> list[Reading]:
    """Read several pictures; those that look like MNIST's go through the network together."""
    doubt = doubt or doubt_of(model)
    readings = _read_as_trained(pictures, model, invert, doubt)
    return [
        reading or _read_ink(picture, model, invert, doubt)
        for picture, reading in zip(pictures, readings, strict=True)
    ]


def _read_as_trained(
    pictures: Sequence[Picture],
    model: Model,
    invert: bool | None,  # noqa: FBT001 - internal
    doubt: Doubt,
) -> list[Reading | None]:
    """Readings of those pictures that are as MNIST's are: they take one call of the network."""
    readings: list[Reading | None] = [None] * len(pictures)
    small = [i for i, picture in enumerate(pictures) if picture.pixels.shape == (SIDE, SIDE)]
    if not small:
        return readings
    images, fit = as_trained(np.stack([pictures[i].pixels for i in small]), invert=invert)
    images, small = images[fit], [i for i, fits in zip(small, fit, strict=True) if fits]
    answers = ask(model, images, doubt)
    for row, i in enumerate(small):
        digit = _judged(answers, row, images[row], (0, 0, SIDE, SIDE), doubt)
        readings[i] = _reading([[digit]], pictures[i], doubt, None)
    return readings


def _recipe_of(model: Model) -> Recipe:
    """How pictures are prepared for a model: as its checkpoint says, else as for MNIST."""
    return model.recipe if isinstance(model, TrainedNet) else Recipe()


def _read_ink(picture: Picture, model: Model, invert: bool | None, doubt: Doubt) -> Reading:  # noqa: FBT001 - internal
    """Read dark ink, or light ink, of a sheet alone, or of all of the picture: whichever reads best."""
    from hellodl.reading.ink import find_ink, polarities, to_grey  # noqa: PLC0415 - OpenCV only where needed
    from hellodl.reading.sheet import alone_on_sheet  # noqa: PLC0415

    grey, scale = to_grey(picture)
    sheet = alone_on_sheet(grey)
    readings = [
        _read_lines(picture, find_ink(plane, scale, light=light), model, doubt)
        for plane in ([grey] if sheet is None else [sheet, grey])
        for light in (polarities(plane) if invert is None else (invert,))
    ]
    return max(readings, key=_preference)


def _preference(reading: Reading) -> tuple[int, float]:
    """How well a picture reads: as most digits, if sure of all; then the mean confidence.

    What is unsure or no digit counts half. A shadow's edge can look like a sheet's, and hide digits.
    """
    sure = len(reading.digits) if reading.verdict == "digits" else 0
    confidences = [d.confidence * (1.0 if d.verdict == "digit" else 0.5) for d in reading.digits]
    return sure, float(np.mean(confidences)) if confidences else -1.0


def _read_lines(picture: Picture, ink: Ink, model: Model, doubt: Doubt) -> Reading:
    """Find the digits in ink, and read them."""
    from hellodl.reading.forms import without_forms  # noqa: PLC0415 - see _read_ink
    from hellodl.reading.lines import find_lines  # noqa: PLC0415
    from hellodl.reading.pieces import cut_up  # noqa: PLC0415
    from hellodl.reading.rules import lifted, without_rules  # noqa: PLC0415

    recipe = _recipe_of(model)
    read = []
    cleaned = without_rules(ink.strength, without_forms(ink.strength, ink.mask))
    for line in find_lines(*lifted(ink.strength, ink.mask, cleaned)):
        pieces = [part for piece in line for part in cut_up(piece)]
        candidates = _candidates(pieces, recipe)
        answers = ask(model, np.stack([c.seen for c in candidates]), doubt)
        costs = [c.penalty for c in candidates] + _incredibility(answers, doubt)
        chosen = _best_path(candidates, costs, len(pieces))
        cuts = [candidates[i].piece.cut > 0 for i in chosen] + [False]
        read.append(
            [
                _digit(candidates[i], answers, i, ink, doubt, cut=cuts[k] or cuts[k + 1])
                for k, i in enumerate(chosen)
            ]
        )
    return _reading(read, picture, doubt, ink)


def _candidates(pieces: list[Piece], recipe: Recipe) -> list[_Candidate]:
    """Every piece alone, and neighbours joined where they might be one digit."""
    from hellodl.reading.normalise import normalise  # noqa: PLC0415 - see _read_ink
    from hellodl.reading.pieces import joined  # noqa: PLC0415

    tall = float(np.median([p.box[3] for p in pieces]))
    found = []
    for first in range(len(pieces)):
        for after in range(first + 1, min(first + 8, len(pieces) + 1)):
            group = pieces[first:after]
            piece = joined(group)
            penalty = _joining(group, tall)
            if penalty > 4 and after > first + 1:
                break
            penalty += 3 * group[0].cut + (0.7 if group[0].cut else 0.0)
            penalty += 2.0 if piece.box[3] < 0.5 * tall else 0.0
            if after > first + 1:  # wide ink that can be cut is rarely one digit
                penalty += 2 * max(0.0, piece.box[2] / piece.box[3] - 1.1)
            found.append(_Candidate(first, after, piece, normalise(piece.strength, recipe), penalty))
    return found


def _joining(group: list[Piece], tall: float) -> float:
    """What it costs to see several pieces as one digit: nothing for the parts of one that was cut."""
    cost = 0.0
    for i in range(1, len(group)):
        if not group[i].cut:
            gap = group[i].box[0] - max(p.right for p in group[:i])
            cost += 1.5 + 10 * max(0.0, gap / tall)
    return cost


def _incredibility(answers: Answers, doubt: Doubt) -> Plane:
    """What it costs to believe each answer: little confidence, and shapes unlike the digits known."""
    cost: Plane = -np.log(np.maximum(answers.probabilities.max(axis=1), 1e-6))
    if doubt.familiar > 0:  # half of all digits are some twice as familiar
        cost += STRANGE * np.clip(2 - answers.familiarity / doubt.familiar, 0, 2)
    return cost


def _best_path(candidates: list[_Candidate], costs: Plane, pieces: int) -> list[int]:
    """Candidates that cover every piece once, at the least cost (dynamic programming)."""
    cost = np.full(pieces + 1, np.inf)
    cost[0] = 0
    came: list[int] = [-1] * (pieces + 1)
    for i in sorted(range(len(candidates)), key=lambda i: candidates[i].first):
        candidate = candidates[i]
        total = cost[candidate.first] + float(costs[i])
        if total < cost[candidate.after]:
            cost[candidate.after], came[candidate.after] = total, i
    path, at = [], pieces
    while at > 0:
        path.append(came[at])
        at = candidates[came[at]].first
    return path[::-1]


def _digit(candidate: _Candidate, answers: Answers, i: int, ink: Ink, doubt: Doubt, *, cut: bool) -> Digit:
    """The most likely digit of the i-th candidate, and whether to believe it."""
    from hellodl.reading.quality import flaws, is_texture  # noqa: PLC0415 - see _read_ink

    piece = candidate.piece
    found = ["is cut from its neighbour"] * cut + flaws(piece, ink)
    if found:  # who sees a flaw must be surer
        doubt = replace(doubt, sure=(1 + doubt.sure) / 2)
    digit = _judged(answers, i, candidate.seen, _scaled(piece.box, ink.scale), doubt)
    if is_texture(piece.strength > 0.5):
        digit = replace(digit, verdict="not a digit")
    elif "is part of something larger" in found and digit.verdict == "digit":
        digit = replace(digit, verdict="unsure")
    return replace(digit, flaws=tuple(found))


def _judged(answers: Answers, i: int, seen: Pixels, box: Box, doubt: Doubt) -> Digit:
    """The i-th answer as a digit."""
    probabilities = answers.probabilities[i]
    digit = int(probabilities.argmax())
    confidence = float(probabilities[digit])
    familiarity = float(answers.familiarity[i])
    believed = verdict(confidence, familiarity, doubt)
    return Digit(digit, confidence, believed, box, tuple(probabilities.tolist()), seen, familiarity)


def _reading(lines: list[list[Digit]], picture: Picture, doubt: Doubt, ink: Ink | None) -> Reading:
    """Put digits together, and judge the whole."""
    digits = tuple(digit for line in lines for digit in line)
    text = "\n".join("".join(str(digit.digit) for digit in line) for line in lines)
    trouble = ground_trouble(ink) if ink and digits else []
    if any(is_pattern([d.seen for d in line], [d.box[3] for d in line]) for line in lines):
        trouble.append("the same shape again and again, like a pattern")
    if len(digits) > MOST_ONES and all(digit.digit == 1 for digit in digits):
        trouble.append("nothing but 1s, like bars")
    warnings = [*trouble, *_warnings(digits, ink, doubt)]
    verdicts = {digit.verdict for digit in digits}
    if not digits or verdicts == {"not a digit"}:
        believed = "not digits"
    else:
        believed = "digits" if verdicts == {"digit"} and not trouble else "unsure"
    return Reading(text, believed, digits, tuple(warnings), picture, ink)


def _warnings(digits: tuple[Digit, ...], ink: Ink | None, doubt: Doubt) -> list[str]:
    """What is doubtful, in words."""
    if not digits:
        return ["nothing found that could be a digit"]
    warnings = ["very faint"] if ink and ink.contrast < FAINT else []
    if any(digit.box[3] < TINY for digit in digits):
        warnings.append("very small")
    for i, digit in enumerate(digits, 1):
        place = f"digit {i}" if len(digits) > 1 else "the digit"
        if digit.verdict == "not a digit":
            warnings.append(f"{place} is none, by its shape")
        if digit.verdict != "digit":
            warnings += [f"{place} {flaw}" for flaw in digit.flaws]
        warnings += why(place, np.array(digit.probabilities, np.float32), digit.familiarity, doubt)
    return warnings


def _scaled(box: Box, scale: float) -> Box:
    """A box in the original's pixels."""
    left, top, width, height = (round(edge * scale) for edge in box)
    return left, top, max(1, width), max(1, height)
