"""`explain -o FILE.png`: a digit, its pixels in red and blue, and the training digits like it, on a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hellodl.cli.canvas import BLUE, FADED, LINE, MARGIN, WHITE, Canvas, fitted
from hellodl.cli.explain_view import caption, growth, like
from hellodl.cli.predict_view import called
from hellodl.cli.steps_picture import COLOURS, draw_head
from hellodl.cli.terminal import red_and_blue
from hellodl.cli.words import confidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from hellodl.explaining import Explanation
    from hellodl.reading.reader import Digit, Reading

_LARGE, _SMALL, _GAP = 196, 76, 16
_PITCH = 98, 106  # from a neighbour to the next, down and across
_CARD = 12 * 2 + _LARGE + 58
_WIDTH = 2 * MARGIN + 2 * _LARGE + 4 * _PITCH[1] + 3 * _GAP + 8
RED = (206, 44, 32)
_MOST = 40  # digits drawn


def explain_picture(
    name: str, reading: Reading, whys: Sequence[Explanation], classes: Sequence[str]
) -> Image:
    """The sheet: a card for each digit."""
    head = MARGIN + 76
    shown = whys[:_MOST]
    canvas = Canvas(_WIDTH, head + len(shown) * (_CARD + _GAP) - _GAP * bool(shown) + MARGIN)
    more = f", {len(shown)} of {len(whys)} digits drawn" if len(shown) < len(whys) else ""
    draw_head(canvas, name, reading, classes, (reading.verdict + more, COLOURS[reading.verdict]))
    for i, both in enumerate(zip(reading.digits, shown, strict=False)):
        _draw_card(canvas, head + i * (_CARD + _GAP), *both, classes)
    return canvas.image


def _draw_card(canvas: Canvas, y: float, digit: Digit, why: Explanation, classes: Sequence[str]) -> None:
    """One digit: what was seen, what spoke for and against, and the nearest training digits."""
    canvas.box(MARGIN, y, _WIDTH - 2 * MARGIN, _CARD, fill=WHITE, outline=LINE, radius=8)
    x, colour = MARGIN + 14, COLOURS[digit.verdict]
    words = f"{called(digit.digit, classes)}: {digit.verdict}, {confidence(digit.confidence)}"
    canvas.text(x, y + 11, words, 14, colour)
    canvas.text(_WIDTH - MARGIN - 14, y + 12, "; ".join(growth(why)), 12, FADED, "ra")
    top = y + 38
    canvas.picture(x, top, digit.turned, _LARGE, _LARGE)
    canvas.text(x, top + _LARGE + 6, "as the network saw it", 12, FADED)
    x += _LARGE + _GAP
    canvas.picture(x, top, red_and_blue(why.evidence, 255, RED, BLUE), _LARGE, _LARGE)
    canvas.box(x, top, _LARGE, _LARGE, outline=LINE)
    canvas.text(x, top + _LARGE + 6, "red spoke for it, blue against", 12, FADED)
    x += _LARGE + _GAP + 8
    for i, neighbour in enumerate(why.neighbours):
        left, row = x + i % 4 * _PITCH[1], top + i // 4 * _PITCH[0]
        canvas.picture(left, row, neighbour.image, _SMALL, _SMALL)
        canvas.text(left, row + _SMALL + 3, fitted(caption(neighbour, classes), _PITCH[1] - 4, 11), 11, FADED)
    if why.neighbours:
        canvas.text(x, top + _LARGE + 6, like(why.neighbours, classes), 12, FADED)
