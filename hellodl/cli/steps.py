"""`--show-steps` in the terminal: the picture with boxes, its ink, each digit as the network saw it, bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from hellodl.cli.predict_view import COLOURS, bar
from hellodl.cli.terminal import beside, has_colour, has_unicode, in_colours, picture
from hellodl.cli.words import confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hellodl.cli.terminal import Grey
    from hellodl.reading.pieces import Box
    from hellodl.reading.reader import Digit, Reading

WIDEST = 100  # columns, also of wider terminals
HUELESS = 48  # of 255: colours with less between their channels are shown as grey
TALLEST = 44  # pixels of the picture as drawn, two to a line
BOXES = {"digit": (64, 192, 96), "unsure": (240, 176, 32), "not a digit": (240, 80, 64)}


def draw_steps(reading: Reading, out: Console) -> None:
    """Print every step from the picture to its digits."""
    for line in [*_preparation(reading, out), *_digits(reading, out)]:
        out.print(line, soft_wrap=True)
    out.print()


def _preparation(reading: Reading, out: Console) -> Iterator[Text]:
    """The picture and its ink beside each other."""
    yield Text()
    if reading.ink is None:
        yield Text("as in training: it goes to the network as it is", "dim")
        yield Text()
        return
    original = reading.picture.pixels
    height, width = original.shape[:2]
    factor = min(((min(out.width, WIDEST) - 1) // 2) / width, TALLEST / height, 1)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    on_original = size[0] / (width * reading.picture.scale)
    boxes = [_scaled(digit.box, on_original) for digit in reading.digits]
    seen = _picture(original, size, reading, boxes, out)
    mask = picture(_shrunk(reading.ink.mask.astype(np.uint8) * 255, size), out)
    kind = "light on dark" if reading.ink.light else "dark on light"
    yield from beside([(seen, "the picture"), (mask, f"its ink, {kind}")], out.width)
    yield Text()


def _picture(
    original: Grey, size: tuple[int, int], reading: Reading, boxes: list[Box], out: Console
) -> list[Text]:
    """The picture with a numbered box around each digit, ink bright where there are no colours."""
    small = _shrunk(original, size)
    if not has_colour(out):
        grey = small if small.ndim == 2 else small.mean(axis=2).astype(np.uint8)
        lines = picture(grey if reading.ink and reading.ink.light else 255 - grey, out)
    else:
        colours = _muted(small) if small.ndim == 3 else np.repeat(small[:, :, None], 3, axis=2)
        for digit, box in zip(reading.digits, boxes, strict=True):
            _outline(colours, box, BOXES[digit.verdict])
        lines = in_colours(colours, out)
    for number, box in enumerate(boxes, 1):
        lines = _labelled(lines, str(number), box)
    return lines


def _muted(colours: Grey) -> Grey:
    """Nearly grey pixels (h, w, 3) made grey: terminals of 256 colours show them as dark reds and blues."""
    spread = colours.max(axis=2, keepdims=True) - colours.min(axis=2, keepdims=True)
    muted: Grey = np.where(spread < HUELESS, colours.mean(axis=2, keepdims=True), colours).astype(np.uint8)
    return muted


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


def _digits(reading: Reading, out: Console) -> Iterator[Text]:
    """Each digit as the network saw it, with its bars."""
    for number, digit in enumerate(reading.digits, 1):
        place = f"{number}  " if len(reading.digits) > 1 else ""
        heading = Text(place, "dim").append(f"{digit.digit}", f"bold {COLOURS[digit.verdict]}")
        yield heading.append(f"  {confidence(digit.confidence)}").append(f"  {digit.verdict}", "dim")
        seen = picture(digit.seen, out)
        rows = [Text()] * 2 + _bars(digit, out) + [Text()] * 2
        for left, right in zip(seen, rows, strict=True):
            yield left + Text("   ") + right
        yield Text()


def _bars(digit: Digit, out: Console) -> list[Text]:
    """The ten probabilities as bars, in the room that a 28-pixel picture leaves."""
    width = max(8, min(40, out.width - 28 - 3 - 11))
    lines = []
    for i, probability in enumerate(digit.probabilities):
        line = f"{i} {bar(probability, width, blocks=has_unicode(out))} {confidence(probability):>7}"
        lines.append(Text(line, f"bold {COLOURS[digit.verdict]}" if i == digit.digit else "", no_wrap=True))
    return lines


def _shrunk(pixels: Grey, size: tuple[int, int]) -> Grey:
    """A picture of another (width, height)."""
    from PIL import Image

    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _scaled(box: Box, factor: float) -> Box:
    left, top, width, height = (round(edge * factor) for edge in box)
    return left, top, max(1, width), max(1, height)
