"""Readings drawn in the terminal: step by step (`predict --show-steps`), and why (`explain`)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.console import Console, RenderableType
from rich.text import Text

from hellodl.cli.predict_view import COLOURS, SCORE_SAYS, as_trained, bars, caption, growth, like
from hellodl.cli.terminal import Grey, beside, has_colour, in_colours, picture, red_and_blue
from hellodl.cli.words import confidence
from hellodl.explaining import Explanation
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
    room = out.width - SIDE - 3 - 10 - max(map(len, names))  # for bars beside a digit
    for number, digit in enumerate(reading.digits, 1):
        yield _heading(digit, names, number if len(reading.digits) > 1 else 0)
        rows = bars(names, digit.probabilities, max(8, min(40, room)))
        right = [Text(row, no_wrap=True) for row in rows]
        right[digit.digit].stylize(f"bold {COLOURS[digit.verdict]}")
        for left, bar in zip(picture(digit.turned, out), [Text()] * 2 + right + [Text()] * 2, strict=True):
            yield left + Text("   ") + bar
        yield Text()


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
    share = _resized(ink.mask.astype(np.uint8) * np.uint8(255), size) / 255
    strength = np.minimum(share / (share[share > 0].mean() if share.any() else 1), 1)  # thin lines, too
    on_original = size[0] / (width * reading.picture.scale)
    boxes = [[round(edge * on_original) for edge in digit.box] for digit in reading.digits]
    small = _with_ink(reading.picture.pixels, strength, light=ink.light)
    seen = _picture(small, reading.digits, boxes, out, light=ink.light)
    its_ink = picture((strength * 255).astype(np.uint8), out)
    kind = "light" if ink.light else "dark"
    yield beside([(seen, f"the picture: {kind} ink"), (its_ink, "its ink")])
    yield Text()


def _with_ink(original: Grey, strength: NDArray[np.float32], *, light: bool) -> Grey:
    """A picture in grey made small (h, w), each pixel as much of the ink's tone as `strength` (h, w) says.

    Thin lines are a small share of such pixels: without this they would be lost on the paper.
    """
    small, tone = _resized(original, strength.shape[::-1]), original.max() if light else original.min()
    return np.rint(small + strength * (np.float32(tone) - small)).astype(np.uint8)


def _resized(pixels: Grey, size: tuple[int, int]) -> NDArray[np.float32]:
    """A picture in grey of another (width, height): the mean of the pixels that become one."""
    smaller = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX)
    return np.asarray(smaller, np.float32)


def _picture(
    small: Grey, digits: Sequence[Digit], boxes: list[list[int]], out: Console, *, light: bool
) -> list[Text]:
    """A picture (h, w) with its boxes, numbered, just outside of digits; ink is bright without colours."""
    if not has_colour(out):
        lines = picture(small if light else 255 - small, out)
    else:
        image = Image.fromarray(small).convert("RGB")
        last = [image.width - 1, image.height - 1] * 2
        for digit, (left, top, width, height) in zip(digits, boxes, strict=True):
            edges = np.clip([left - 1, top - 1, left + width, top + height], 0, last)
            ImageDraw.Draw(image).rectangle(edges.tolist(), outline=_BOXES[digit.verdict])
        lines = in_colours(np.asarray(image))
    for number, (left, top, *_) in enumerate(boxes, 1):
        start, row, end = max(left - 1, 0), max(top - 1, 0) // 2, max(left - 1, 0) + len(str(number))
        if row < len(lines) and end <= len(line := lines[row]):
            line.plain = f"{line.plain[:start]}{number}{line.plain[end:]}"
            line.stylize("bold #000000 on #ffffff", start, end)
    return lines


def _heading(digit: Digit, names: Sequence[str], number: int) -> Text:
    """What a digit was read as, and how surely; `number` is that of its box, 0 for a single digit."""
    words = Text(f"box {number}: " if number else "", "dim").append("read as ", "not dim")
    words.append(names[digit.digit], f"not dim bold {COLOURS[digit.verdict]}")
    verdict = "" if digit.verdict == "digit" else f": {digit.verdict}"
    return words.append(f", confidence {confidence(digit.confidence)}{verdict}", "not dim")


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
        yield beside([(picture(digit.turned, out), "seen"), *_evidence(why, out)])
        if why.neighbours:
            yield Text(f"\n{like(why.neighbours, names)}; the nearest:\n")
            near = why.neighbours[: max(1, min((out.width + 1) // (SIDE + 1), _MOST_ALIKE))]
            yield beside([(picture(n.image, out), caption(n, names)) for n in near])
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
