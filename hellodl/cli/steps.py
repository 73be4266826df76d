"""Readings drawn in the terminal: step by step (`predict --show-steps`), and why (`explain`)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, RenderableType
from rich.text import Text

from hellodl.cli.predict_view import COLOURS, SCORE_SAYS, as_trained, bars, caption, growth, like
from hellodl.cli.terminal import Grey, beside, has_colour, in_colours, picture, red_and_blue, resized
from hellodl.cli.words import confidence
from hellodl.explaining import Explanation
from hellodl.reading.arrays import Box
from hellodl.reading.readings import Digit, Reading
from hellodl.upright import SIDE

_WIDEST = 100  # columns, also of wider terminals
_TALLEST = 44  # pixels of the picture as drawn, two to a line
_WIDE = 3  # pictures that are as many times wider than high have their ink below them
_MOST_ALIKE = 3  # training digits drawn
_BOXES = {"digit": (64, 192, 96), "unsure": (240, 176, 32), "not a digit": (240, 80, 64)}


def steps_report(reading: Reading, names: Sequence[str], out: Console) -> Iterator[RenderableType]:
    """Every step from the picture to its digits, part by part; `names` are the network's answers."""
    yield from _preparation(reading, out)
    yield from _digits(reading, names, out)


def _preparation(reading: Reading, out: Console) -> Iterator[RenderableType]:
    """The picture with a numbered box around each digit, and its ink."""
    yield Text()
    ink = reading.ink
    if ink is None:
        before, after = as_trained(reading.digits[0])
        yield from (*picture(reading.picture.pixels, out), Text(before, "dim"), Text())
        yield Text(after, "dim")
        return
    height, width = reading.picture.height, reading.picture.width
    across = 1 if width > _WIDE * height else 2
    factor = min(((min(out.width, _WIDEST) - 1) // across) / width, _TALLEST / height, 1)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    share = resized(ink.mask.astype(np.uint8) * np.uint8(255), size) / np.float32(255)
    strength = np.minimum(share / (share[share > 0].mean() if share.any() else 1), 1)  # thin lines, too
    on_original = size[0] / (width * reading.picture.scale)
    boxes = [_scaled(digit.box, on_original) for digit in reading.digits]
    small = _with_ink(reading.picture.pixels, strength, light=ink.light)
    seen = _picture(small, reading.digits, boxes, out, light=ink.light)
    its_ink = picture((strength * 255).astype(np.uint8), out)
    kind = "light" if ink.light else "dark"
    yield beside([(seen, f"the picture: {kind} ink"), (its_ink, "its ink")], out.width)
    yield Text()


def _with_ink(original: Grey, strength: NDArray[np.float32], *, light: bool) -> Grey:
    """A picture in grey made small (h, w), each pixel as much of the ink's tone as `strength` (h, w) says.

    Thin lines are a small share of such pixels: without this they would be lost on the paper.
    """
    small = resized(original, strength.shape[::-1])
    small = small if small.ndim == 2 else small.mean(axis=2)
    tone = original.max() if light else original.min()
    mixed: Grey = np.rint(small + strength * (np.float32(tone) - small)).astype(np.uint8)
    return mixed


def _picture(
    small: Grey, digits: Sequence[Digit], boxes: list[Box], out: Console, *, light: bool
) -> list[Text]:
    """A picture (h, w) with its boxes; ink is bright where there are no colours."""
    if has_colour(out):
        colours = np.repeat(small[:, :, None], 3, axis=2)
        for digit, box in zip(digits, boxes, strict=True):
            _outline(colours, box, _BOXES[digit.verdict])
        lines = in_colours(colours)
    else:
        lines = picture(small if light else 255 - small, out)
    for number, box in enumerate(boxes, 1):
        lines = _labelled(lines, str(number), box)
    return lines


def _outline(colours: Grey, box: Box, colour: tuple[int, int, int]) -> None:
    """Draw a box into a picture (h, w, 3), just outside of what it holds."""
    left, top, width, height = box
    bottom, right = min(top + height, len(colours) - 1), min(left + width, colours.shape[1] - 1)
    left, top = max(left - 1, 0), max(top - 1, 0)
    colours[[top, bottom], left : right + 1] = colour
    colours[top : bottom + 1, [left, right]] = colour


def _labelled(lines: list[Text], label: str, box: Box) -> list[Text]:
    """The lines of a picture with a label at a box's upper left corner."""
    x, y = max(box[0] - 1, 0), max(box[1] - 1, 0) // 2
    if y >= len(lines) or x + len(label) > lines[y].cell_len:
        return lines
    line = Text(no_wrap=True).join([lines[y][:x], Text(label, "bold reverse"), lines[y][x + len(label) :]])
    return [*lines[:y], line, *lines[y + 1 :]]


def _digits(reading: Reading, names: Sequence[str], out: Console) -> Iterator[Text]:
    """Each digit as the network saw it, with its bars, in the room that a 28-pixel picture leaves."""
    room = out.width - SIDE - 3 - 10 - max(map(len, names))
    for number, digit in enumerate(reading.digits, 1):
        yield _heading(digit, names, number if len(reading.digits) > 1 else 0)
        rows = bars(names, digit.probabilities, max(8, min(40, room)))
        right = [Text(row, no_wrap=True) for row in rows]
        right[digit.digit].stylize(f"bold {COLOURS[digit.verdict]}")
        for left, bar in zip(picture(digit.turned, out), [Text()] * 2 + right + [Text()] * 2, strict=True):
            yield left + Text("   ") + bar
        yield Text()


def _heading(digit: Digit, names: Sequence[str], number: int) -> Text:
    """What a digit was read as, and how surely; `number` is that of its box, 0 for a single digit."""
    words = Text(f"box {number}: " if number else "", "dim").append("read as ", "not dim")
    words.append(names[digit.digit], f"not dim bold {COLOURS[digit.verdict]}")
    verdict = "" if digit.verdict == "digit" else f": {digit.verdict}"
    return words.append(f", confidence {confidence(digit.confidence)}{verdict}", "not dim")


def _scaled(box: Box, factor: float) -> Box:
    left, top, width, height = (round(edge * factor) for edge in box)
    return left, top, max(1, width), max(1, height)


# Why --------------------------------------------------------------------------------------------------


def explain_report(
    reading: Reading, whys: Sequence[Explanation], names: Sequence[str], out: Console
) -> Iterator[RenderableType]:
    """Each digit as it was seen, its pixels in red and blue, and the training digits like it."""
    for number, (digit, why) in enumerate(zip(reading.digits, whys, strict=True), 1):
        yield Text()
        yield _heading(digit, names, number if len(whys) > 1 else 0)
        yield from (Text(f"   {line}") for line in growth(why))
        yield Text()
        yield beside([(picture(digit.turned, out), "seen"), *_evidence(why, out)], out.width)
        if why.neighbours:
            yield Text(f"\n{like(why.neighbours, names)}; the nearest:\n")
            near = why.neighbours[: max(1, min((out.width + 1) // (SIDE + 1), _MOST_ALIKE))]
            yield beside([(picture(n.image, out), caption(n, names)) for n in near], out.width)
        yield Text()
    if whys:
        yield Text(SCORE_SAYS, "dim")


def _evidence(why: Explanation, out: Console) -> list[tuple[list[Text], str]]:
    """One picture in red and blue; without colours two, for and against."""
    if has_colour(out):
        return [(in_colours(red_and_blue(why.evidence)), "red for, blue against")]
    strength = why.evidence / max(float(np.abs(why.evidence).max()), 1e-30) * 255
    halves = (np.clip(sign * strength, 0, 255).astype(np.uint8) for sign in (1, -1))
    return [(picture(half, out), name) for half, name in zip(halves, ("for", "against"), strict=True)]
