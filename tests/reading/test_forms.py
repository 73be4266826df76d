"""Forms: boxes, combs and underlines go, digits stay; rows of 7s are no line, ruled paper is no form."""

import numpy as np
import pytest
from paper import Sheet, drawn, number
from PIL import Image, ImageDraw

from hellodl.reading.forms import without_forms

SHEET = Sheet(gap=20)
LEFT, TOP, STEP, SIZE = SHEET.margin, SHEET.margin, SHEET.size + SHEET.gap, SHEET.size


def form(text, draw, width=3):
    """Ink of a number and of lines drawn with `draw(pen, left, right)` around each digit."""
    ink = 1 - drawn([number(text)], SHEET)[..., 0] / 255.0
    printed = Image.new("L", ink.shape[::-1])
    pen = ImageDraw.Draw(printed)
    for i in range(len(text)):
        left = LEFT + i * STEP - SHEET.gap // 2
        draw(pen, left, left + STEP, width)
    lines = np.asarray(printed) / 255.0
    return ink > 0.5, np.maximum(ink, 0.7 * lines).astype(np.float32)


def boxes(pen, left, right, width):
    pen.rectangle([left, TOP - 5, right, TOP + SIZE + 5], outline=255, width=width)


def apart(pen, left, right, width):
    boxes(pen, left + 4, right - 4, width)


def comb(pen, left, right, width):
    bottom = TOP + SIZE + 5
    pen.line([left, bottom, right, bottom], 255, width)
    pen.line([left, bottom, left, bottom - 40], 255, width)
    pen.line([right, bottom, right, bottom - 40], 255, width)


def underline(pen, left, right, width):
    pen.line([left, TOP + SIZE, right, TOP + SIZE], 255, 3 * width)


@pytest.mark.parametrize("draw", [boxes, apart, comb, underline])
@pytest.mark.parametrize("text", ["40625", "1117"])
def test_lines_of_forms_go_and_digits_stay(draw, text):
    digits, strength = form(text, draw)
    cleaned = without_forms(strength, strength > 0.5)
    lines = (strength > 0.5) & ~digits
    assert (cleaned & lines).sum() < 0.1 * lines.sum()
    assert (cleaned & digits).sum() > 0.95 * digits.sum()


def test_the_strokes_of_digits_are_no_lines():
    for text in ("77777", "11111", "2", "404"):
        ink = (1 - drawn([number(text)], Sheet(gap=-20))[..., 0] / 255.0).astype(np.float32)
        assert np.array_equal(without_forms(ink, ink > 0.5), ink > 0.5)


def test_ruled_paper_is_left_to_the_rules():
    ink = (1 - drawn([number("1714")], Sheet(rules=40))[..., 0] / 255.0).astype(np.float32)
    assert np.array_equal(without_forms(ink, ink > 0.3), ink > 0.3)


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (300, 11), (20, 20)])
def test_the_smallest_pictures_do_no_harm(shape):
    bare = np.zeros(shape, np.float32)
    assert not without_forms(bare, bare > 0.5).any()
