"""`predict -o FILE.png`: all steps from a picture to its digits on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hellodl.cli.canvas import BLUE, FADED, LINE, MARGIN, SCALE, TEXT, TRACK, WHITE, Canvas, fitted
from hellodl.cli.predict_view import read_as
from hellodl.cli.words import confidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from hellodl.cli.canvas import Colour
    from hellodl.reading.reader import Digit, Reading

COLOURS: dict[str, Colour] = {
    **dict.fromkeys(("digits", "digit"), (28, 128, 68)),
    "unsure": (196, 124, 0),
    **dict.fromkeys(("not digits", "not a digit"), (196, 48, 40)),
}
_PANEL, _INSET, _GAP = 472, 12, 16  # the picture and its ink each have a panel
_TALLEST, _TALLEST_AS_IT_IS = 420, 224
_WIDTH = 2 * MARGIN + 2 * _PANEL + _GAP
_CARD = 202  # height of a digit's card
_SEEN = 140  # side of a digit as the network saw it
_MOST, _MOST_TOLD = 60, 6  # digits drawn; warnings


def steps_picture(name: str, reading: Reading, classes: Sequence[str]) -> Image:
    """The sheet: the reading, the picture with numbered boxes, its ink, and a card for each digit."""
    digits = reading.digits[:_MOST]
    hidden = len(reading.digits) - len(digits)
    warnings = [*reading.warnings[:_MOST_TOLD], *([f"digits not drawn: {hidden:,}"] if hidden else [])]
    head = MARGIN + 92 + 20 * len(warnings)
    tallest = _TALLEST if reading.ink else _TALLEST_AS_IT_IS
    factor = min((_PANEL - 2 * _INSET) / reading.picture.width, tallest / reading.picture.height)
    cards = head + reading.picture.height * factor + _INSET + 30 + _GAP
    across = 2 if len(digits) in {1, 2, 4} else 3
    rows = -(-len(digits) // across)
    canvas = Canvas(_WIDTH, cards + rows * (_CARD + _GAP) - _GAP * bool(rows) + MARGIN)
    picture = reading.picture
    size = f"{round(picture.width * picture.scale)} by {round(picture.height * picture.scale)} pixels"
    sure = [confidence(min(digit.confidence for digit in reading.digits))] if reading.digits else []
    verdict = ", ".join([reading.verdict, *sure])
    draw_head(canvas, name, reading, classes, (size, FADED), (verdict, COLOURS[reading.verdict]))
    for i, warning in enumerate(warnings):
        canvas.text(MARGIN, MARGIN + 72 + 20 * i, fitted(warning, _WIDTH - 2 * MARGIN), 14, TEXT)
    _draw_panels(canvas, reading, head, factor)
    wide = (_WIDTH - 2 * MARGIN - (across - 1) * _GAP) / across
    for i, digit in enumerate(digits):
        x, y = MARGIN + i % across * (wide + _GAP), cards + i // across * (_CARD + _GAP)
        _draw_card(canvas, x, y, wide, i + 1, digit)
    return canvas.image


def draw_head(
    canvas: Canvas, name: str, reading: Reading, classes: Sequence[str], *lines: tuple[str, Colour]
) -> None:
    """What was read, in large type; at the right the file's name and some lines about it."""
    right = round(canvas.image.width / SCALE) - MARGIN
    text = fitted(read_as(reading, classes, "   "), right - MARGIN - 260, 52)
    canvas.text(MARGIN, MARGIN - 6, text, 52, COLOURS[reading.verdict])
    for i, (line, colour) in enumerate([(fitted(Path(name).name, 250), TEXT), *lines]):
        canvas.text(right, MARGIN + 20 * i, line, 14, colour, "ra")


def _draw_panels(canvas: Canvas, reading: Reading, y: float, factor: float) -> None:
    """The picture with its boxes, and its ink."""
    pixels, ink = reading.picture.pixels, reading.ink
    wide, tall = reading.picture.width * factor, reading.picture.height * factor
    if ink is None:
        captions = "the picture, as in training: nothing to find in it", "as the network saw it"
        panels = pixels, reading.digits[0].turned
    else:
        kind = "light on dark" if ink.light else "dark on light"
        captions = "the picture, with what was found", f"its ink, {kind}"
        panels = pixels, np.where(ink.mask, np.uint8(28), np.uint8(252))
    for i, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        x = MARGIN + i * (_PANEL + _GAP)
        canvas.box(x, y, _PANEL, tall + _INSET + 30, fill=WHITE, outline=LINE, radius=8)
        canvas.text(x + _INSET, y + _INSET + tall + 7, caption, 13, FADED)
        canvas.picture(x + (_PANEL - wide) / 2, y + _INSET, panel, wide, tall)
    if ink is not None:
        _draw_boxes(canvas, reading, MARGIN + (_PANEL - wide) / 2, y + _INSET, factor)


def _draw_boxes(canvas: Canvas, reading: Reading, x: float, y: float, factor: float) -> None:
    """A box around each digit, with its number on a flag at the upper left."""
    on_original = factor / reading.picture.scale
    for number, digit in enumerate(reading.digits[:_MOST], 1):
        left, top, width, height = (edge * on_original for edge in digit.box)
        left, top, width, height = x + left - 3, y + top - 3, width + 6, height + 6
        colour = COLOURS[digit.verdict]
        canvas.box(left, top, width, height, outline=colour, thickness=1.5, radius=3)
        wide = 9 + 8 * len(str(number))
        canvas.box(left, max(top - 9, y), wide, 18, fill=colour, radius=4)
        canvas.text(left + wide / 2, max(top - 9, y) + 9, str(number), 13, WHITE, "mm")


def _draw_card(canvas: Canvas, x: float, y: float, width: float, number: int, digit: Digit) -> None:
    """One digit: as the network saw it, what it answered, and how to take that."""
    colour = COLOURS[digit.verdict]
    canvas.box(x, y, width, _CARD, fill=WHITE, outline=LINE, radius=8)
    canvas.text(x + 14, y + 13, f"{number}", 14, FADED)
    canvas.text(x + 14 + _SEEN, y + 13, f"{digit.verdict}, {confidence(digit.confidence)}", 14, colour, "ra")
    canvas.picture(x + 14, y + 44, digit.turned, _SEEN, _SEEN)
    _draw_bars(canvas, x + 14 + _SEEN + 16, y + 14, width - _SEEN - 44, digit.probabilities, colour)


def _draw_bars(
    canvas: Canvas, x: float, y: float, width: float, probabilities: tuple[float, ...], colour: Colour
) -> None:
    """The ten probabilities, the greatest in `colour`."""
    best = max(probabilities)
    for i, probability in enumerate(probabilities):
        row = y + 17.6 * i
        strong = probability == best
        canvas.text(x, row + 8, str(i), 13, colour if strong else FADED, "lm")
        canvas.box(x + 14, row + 3, width - 64, 10, fill=TRACK, radius=3)
        canvas.box(x + 14, row + 3, (width - 64) * probability, 10, fill=colour if strong else BLUE, radius=3)
        if probability >= 0.0005:
            canvas.text(x + width, row + 8, confidence(probability), 12, colour if strong else FADED, "rm")
