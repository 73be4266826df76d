"""Sheets, drawn for `-o FILE.png`: how a picture was read, and which pixels spoke for the answers."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hellodl.cli.predict_view import COLOURS, SCORE_SAYS, as_trained, caption, growth, like, read_as
from hellodl.cli.terminal import Grey, red_and_blue
from hellodl.cli.words import confidence
from hellodl.explaining import Explanation
from hellodl.reading.readings import Digit, Reading

Colour: TypeAlias = tuple[int, int, int]

_PAPER, _WHITE, _TEXT, _FADED = (246, 246, 243), (255, 255, 255), (32, 36, 40), (124, 130, 136)
_LINE, _TRACK = (222, 222, 217), (236, 236, 232)
RED, BLUE = (206, 44, 32), (36, 104, 178)
_TONES = {"green": (28, 128, 68), "yellow": (196, 124, 0), "red": (196, 48, 40)}
_COLOURS = {verdict: _TONES[colour] for verdict, colour in COLOURS.items()}
_SCALE = 2  # everything is drawn this large, so that it is sharp on fine screens
_THIN, _THICK = 2, 3  # lines, in pixels
_MARGIN, _GAP = 28, 16
_MOST = 40  # digits drawn


class Canvas:
    """A sheet to draw on; all lengths are in units of _SCALE pixels."""

    def __init__(self, width: float, height: float) -> None:
        self.image = Image.new("RGB", (round(width * _SCALE), round(height * _SCALE)), _PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, words: str, size: float = 14, colour: Colour = _TEXT, anchor: str = "la"
    ) -> None:
        """Words on one line; `anchor` as Pillow has it: "la" starts at (x, y), "ra" ends there."""
        self._draw.text((x * _SCALE, y * _SCALE), words, colour, _font(size), anchor)

    def box(self, x: float, y: float, wide: float, tall: float, radius: float = 0, **how: Any) -> None:
        """A rectangle, its corners rounded; nothing if it has no size; `how` in Pillow's words."""
        right, bottom = (x + wide) * _SCALE - 1, (y + tall) * _SCALE - 1
        if right >= x * _SCALE and bottom >= y * _SCALE:
            edges = (x * _SCALE, y * _SCALE, right, bottom)
            self._draw.rounded_rectangle(edges, radius * _SCALE, **{"width": _THIN, **how})

    def picture(self, x: float, y: float, pixels: Grey, width: float, height: float) -> None:
        """A picture (h, w) or (h, w, 3): smooth where it shrinks, its pixels as squares where it grows."""
        image = Image.fromarray(pixels).convert("RGB")
        size = max(1, round(width * _SCALE)), max(1, round(height * _SCALE))
        grows = size[0] >= 2 * image.width
        smooth = Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS
        self.image.paste(image.resize(size, smooth), (round(x * _SCALE), round(y * _SCALE)))


def _fitted(text: str, width: float, size: float = 14) -> str:
    """Text that fits into a width: cut where it is longer."""
    while len(text) > 4 and _font(size).getlength(text) > width * _SCALE:
        text = f"{text[:-2]}…"
    return text


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _SCALE)


def _draw_head(canvas: Canvas, file: str, reading: Reading, names: Sequence[str], note: str) -> None:
    """What was read, in large type; at the right the file's name and what there is to note."""
    right, colour = canvas.image.width / _SCALE - _MARGIN, _COLOURS[reading.verdict]
    text = _fitted(read_as(reading, names, "   "), right - _MARGIN - 260, 52)
    canvas.text(_MARGIN, _MARGIN - 6, text, 52, colour)
    canvas.text(right, _MARGIN, _fitted(Path(file).name, 250), anchor="ra")
    hidden = f", {_MOST} of {len(reading.digits):,} digits drawn" * (len(reading.digits) > _MOST)
    canvas.text(right, _MARGIN + 20, note + hidden, 14, colour, "ra")


# How a picture was read -------------------------------------------------------------------------------

_PANEL, _INSET = 472, 12  # the picture and its ink each have a panel
_TALLEST = 420  # of a picture
_WIDTH = 2 * _MARGIN + 2 * _PANEL + _GAP
_CARD = 202  # height of a digit's card
_SEEN = 140  # side of a digit as the network saw it
_FLAG = 18  # height of the flag with a digit's number
_MOST_TOLD = 6  # warnings


def steps_picture(file: str, reading: Reading, names: Sequence[str]) -> Image.Image:
    """The sheet: the reading, the picture with numbered boxes, its ink, and a card for each digit."""
    digits, warnings = reading.digits[:_MOST], reading.warnings[:_MOST_TOLD]
    head = _MARGIN + 92 + 20 * len(warnings)
    factor = min((_PANEL - 2 * _INSET) / reading.picture.width, _TALLEST / reading.picture.height)
    cards = head + reading.picture.height * factor + _INSET + 30 + _GAP
    across = 2 if len(digits) in {1, 2, 4} else 3
    rows = -(-len(digits) // across)
    canvas = Canvas(_WIDTH, cards + rows * (_CARD + _GAP) - _GAP * bool(rows) + _MARGIN)
    sure = [confidence(min(digit.confidence for digit in reading.digits))] if reading.digits else []
    _draw_head(canvas, file, reading, names, ", ".join([reading.verdict, *sure]))
    for i, warning in enumerate(warnings):
        canvas.text(_MARGIN, _MARGIN + 72 + 20 * i, _fitted(warning, _WIDTH - 2 * _MARGIN))
    _draw_panels(canvas, reading, head, factor)
    pitch = (_WIDTH - 2 * _MARGIN + _GAP) / across  # from a card to the one beside it
    for i, digit in enumerate(digits):
        x, y = _MARGIN + i % across * pitch, cards + i // across * (_CARD + _GAP)
        _draw_card(canvas, x, y, pitch - _GAP, i + 1, digit)
    return canvas.image


def _draw_panels(canvas: Canvas, reading: Reading, y: float, factor: float) -> None:
    pixels, ink = reading.picture.pixels, reading.ink
    wide, tall = reading.picture.width * factor, reading.picture.height * factor
    if ink is None:
        captions = as_trained(reading.digits[0])
        panels = pixels, reading.digits[0].turned
    else:
        kind = "light" if ink.light else "dark"
        captions = f"the picture, with what was found: {kind} ink", "its ink"
        panels = pixels, np.where(ink.mask, np.uint8(28), np.uint8(252))
    for i, (panel, words) in enumerate(zip(panels, captions, strict=True)):
        x = _MARGIN + i * (_PANEL + _GAP)
        canvas.box(x, y, _PANEL, tall + _INSET + 30, fill=_WHITE, outline=_LINE, radius=8)
        canvas.text(x + _INSET, y + _INSET + tall + 7, words, 13, _FADED)
        canvas.picture(x + (_PANEL - wide) / 2, y + _INSET, panel, wide, tall)
    if ink is not None:
        _draw_boxes(canvas, reading, _MARGIN + (_PANEL - wide) / 2, y + _INSET, factor)


def _draw_boxes(canvas: Canvas, reading: Reading, x: float, y: float, factor: float) -> None:
    """A box around each digit, with its number on a flag at the upper left."""
    on_original = factor / reading.picture.scale
    for number, digit in enumerate(reading.digits[:_MOST], 1):
        left, top, width, height = (edge * on_original for edge in digit.box)
        left, top, colour = x + left - 3, y + top - 3, _COLOURS[digit.verdict]
        canvas.box(left, top, width + 6, height + 6, outline=colour, width=_THICK, radius=3)
        if height + 6 >= 2 * _FLAG:  # or it would hide the digit
            wide = 9 + 8 * len(str(number))
            canvas.box(left, max(top - 9, y), wide, _FLAG, fill=colour, radius=4)
            canvas.text(left + wide / 2, max(top - 9, y) + 9, str(number), 13, _WHITE, "mm")


def _draw_card(canvas: Canvas, x: float, y: float, width: float, number: int, digit: Digit) -> None:
    """One digit: as the network saw it, the ten probabilities, and how to take them."""
    colour = _COLOURS[digit.verdict]
    canvas.box(x, y, width, _CARD, fill=_WHITE, outline=_LINE, radius=8)
    canvas.text(x + 14, y + 13, f"{number}", 14, _FADED)
    canvas.text(x + 14 + _SEEN, y + 13, f"{digit.verdict}, {confidence(digit.confidence)}", 14, colour, "ra")
    canvas.picture(x + 14, y + 44, digit.turned, _SEEN, _SEEN)
    left, most = x + _SEEN + 30, width - _SEEN - 108  # of the bars
    for i, probability in enumerate(digit.probabilities):
        row, best = y + 22 + 17.6 * i, i == digit.digit
        canvas.text(left, row, str(i), 13, colour if best else _FADED, "lm")
        canvas.box(left + 14, row - 5, most, 10, fill=_TRACK, radius=3)
        canvas.box(left + 14, row - 5, most * probability, 10, fill=colour if best else BLUE, radius=3)
        if probability >= 0.0005:
            words = confidence(probability)
            canvas.text(left + most + 64, row, words, 12, colour if best else _FADED, "rm")


# Why it was read so -----------------------------------------------------------------------------------

_LARGE, _SMALL = 196, 76  # sides of a digit, of a neighbour
_PITCH = 98, 106  # from a neighbour to the next, down and across
_WHY_CARD = 12 * 2 + _LARGE + 58
_WHY_WIDTH = 2 * _MARGIN + 2 * _LARGE + 4 * _PITCH[1] + 3 * _GAP + 8


def explain_picture(
    file: str, reading: Reading, whys: Sequence[Explanation], names: Sequence[str]
) -> Image.Image:
    """The sheet: a card for each digit."""
    head = _MARGIN + 76
    shown = whys[:_MOST]
    foot = head + len(shown) * (_WHY_CARD + _GAP)
    canvas = Canvas(_WHY_WIDTH, foot + 20 + _MARGIN)
    _draw_head(canvas, file, reading, names, reading.verdict)
    for i, both in enumerate(zip(reading.digits, shown, strict=False)):
        _draw_why(canvas, head + i * (_WHY_CARD + _GAP), *both, names)
    canvas.text(_MARGIN, foot, SCORE_SAYS, 13, _FADED)
    return canvas.image


def _draw_why(canvas: Canvas, y: float, digit: Digit, why: Explanation, names: Sequence[str]) -> None:
    """One digit: what was seen, what spoke for and against, and the nearest training digits."""
    canvas.box(_MARGIN, y, _WHY_WIDTH - 2 * _MARGIN, _WHY_CARD, fill=_WHITE, outline=_LINE, radius=8)
    x, top = _MARGIN + 14, y + 38
    words = f"{names[digit.digit]}: {digit.verdict}, {confidence(digit.confidence)}"
    canvas.text(x, y + 11, words, 14, _COLOURS[digit.verdict])
    canvas.text(_WHY_WIDTH - _MARGIN - 14, y + 12, "; ".join(growth(why)), 12, _FADED, "ra")
    canvas.picture(x, top, digit.turned, _LARGE, _LARGE)
    canvas.text(x, top + _LARGE + 6, "as the network saw it", 12, _FADED)
    x += _LARGE + _GAP
    canvas.picture(x, top, red_and_blue(why.evidence, 255, RED, BLUE), _LARGE, _LARGE)
    canvas.box(x, top, _LARGE, _LARGE, outline=_LINE)
    canvas.text(x, top + _LARGE + 6, "red spoke for it, blue against", 12, _FADED)
    x += _LARGE + _GAP + 8
    for i, neighbour in enumerate(why.neighbours):
        left, row = x + i % 4 * _PITCH[1], top + i // 4 * _PITCH[0]
        canvas.picture(left, row, neighbour.image, _SMALL, _SMALL)
        words = _fitted(caption(neighbour, names), _PITCH[1] - 4, 11)
        canvas.text(left, row + _SMALL + 3, words, 11, _FADED)
    if why.neighbours:
        canvas.text(x, top + _LARGE + 6, like(why.neighbours, names), 12, _FADED)
