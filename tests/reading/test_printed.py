"""Printed lines: rules, squares, boxes and cells go; digits stay, and so do their own straight strokes."""

import pickle

import cv2
import numpy as np
import pytest
from paper import Sheet, drawn, enlarged, number
from PIL import Image, ImageDraw

from hellodl.checkpoint import load_model
from hellodl.reading.ink import find_ink, to_grey
from hellodl.reading.load import load_picture
from hellodl.reading.printed import printed as printed_of
from hellodl.reading.reader import read


def printed(ink):
    """Which ink is print, all as strong."""
    return printed_of(ink.astype(np.float32), ink, ink)[1]


SHEET = Sheet(gap=20)
LEFT, TOP, STEP, SIZE = SHEET.margin, SHEET.margin, SHEET.size + SHEET.gap, SHEET.size


def form(text, draw, width=3):
    """Ink of a number, and of lines drawn with `draw(pen, left, right, width)` around each digit."""
    ink = 1 - drawn([number(text)], SHEET)[..., 0] / 255.0
    lines = Image.new("L", ink.shape[::-1])
    pen = ImageDraw.Draw(lines)
    for i in range(len(text)):
        left = LEFT + i * STEP - SHEET.gap // 2
        draw(pen, left, left + STEP, width)
    return ink > 0.5, np.asarray(lines) > 0


def boxes(pen, left, right, width):
    pen.rectangle([left, TOP - 5, right, TOP + SIZE + 5], outline=255, width=width)


def apart(pen, left, right, width):
    boxes(pen, left + 4, right - 4, width)


def cells(pen, left, right, width):
    """Cut out of a table: walls from border to border, thicker than strokes."""
    pen.line([left, 0, left, TOP * 2 + SIZE], 255, 5 * width)
    pen.line([right, 0, right, TOP * 2 + SIZE], 255, 5 * width)


def comb(pen, left, right, width):
    """The feet of boxes apart."""
    foot, tooth = TOP + SIZE + 12, SIZE // 4
    points = (left + 2, foot - tooth), (left + 2, foot), (right - 3, foot), (right - 3, foot - tooth)
    pen.line(points, 255, width)


def underline(pen, left, right, width):
    pen.line([left, TOP + SIZE, right, TOP + SIZE], 255, 3 * width)


@pytest.mark.parametrize("draw", [boxes, apart, cells, comb, underline])
@pytest.mark.parametrize("text", ["40625", "1117"])
def test_lines_of_forms_are_print_and_digits_are_not(draw, text):
    digits, lines = form(text, draw)
    found = printed(digits | lines)
    assert (found & lines & ~digits).sum() > 0.85 * (lines & ~digits).sum()
    assert (found & digits & ~lines).sum() < 0.05 * digits.sum()


@pytest.mark.parametrize(
    "sheet",
    [
        Sheet(rules=60),
        Sheet(rules=60, tilt=3, paper=(230, 225, 220), noise=3),
        Sheet(rules=40, squared=True),
        Sheet(rules=40, squared=True, tilt=2, margin=160),  # more than twenty each way
    ],
    ids=["ruled", "tilted", "squared", "many squares"],
)
def test_rules_go_and_strokes_that_cross_them_stay(sheet):
    plain = Sheet(**{**vars(sheet), "rules": 0, "squared": False})
    ruled, bare = (
        find_ink(*to_grey(load_picture(drawn([number("3780")], s))), light=False)[0].mask
        for s in (sheet, plain)
    )
    assert (bare & ~ruled).sum() < 0.08 * bare.sum()
    assert (ruled & ~bare).sum() < 0.25 * bare.sum()


def test_curved_rules_are_followed():
    ink = np.zeros((300, 600), bool)
    columns = np.arange(600)
    for top in range(20, 280, 40):
        rows = np.round(top + 6 * np.sin(columns / 600 * np.pi)).astype(int)
        for thickness in range(3):
            ink[rows + thickness, columns] = True
    ink[100:120, 300:312] = True  # a stroke
    assert printed(ink).sum() > 0.9 * ink.sum() - 240


def four():
    """A tight crop of a 4: its stem runs from border to border."""
    picture = np.zeros((120, 100), bool)
    picture[:, 60:72] = True
    picture[60:70, 5:95] = True
    for y in range(64):
        picture[y, 60 - y * 55 // 64 : 70 - y * 55 // 64] = True
    return picture


def ones():
    """Nearly as tall as the picture, but neither from border to border nor as even as walls are."""
    picture = Image.new("L", (400, 100))
    for left, lean in ((30, 9), (75, 6), (150, 12), (190, 8), (265, 7), (330, 10)):
        ImageDraw.Draw(picture).line([left + lean, 14, left, 84], 255, 8)
    return np.asarray(picture) > 0


def lone_bar():
    picture = np.zeros((200, 120), bool)
    picture[:, 57:62] = True
    return picture


@pytest.mark.parametrize("make", [four, ones, lone_bar])
def test_straight_strokes_of_digits_are_no_print(make):
    assert not printed(make()).any()


@pytest.mark.parametrize("text", ["77777", "11111", "2", "404"])
def test_rows_of_digits_are_no_lines(text):
    ink = drawn([number(text)], Sheet(gap=-20))[..., 0] < 128
    assert not printed(ink).any()


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (300, 11), (20, 20)])
def test_the_smallest_pictures_do_no_harm(shape):
    assert not printed(np.zeros(shape, bool)).any()


def test_strokes_stronger_than_a_rule_are_whole_on_it():
    """The rule is as strong as most pens; this pen is twice as strong, and one bar lies on the rule."""
    picture = np.full((120, 200), 220.0)
    picture[60:64] = 140
    picture[20:100, 96:106] = picture[58:66, 40:160] = 40
    ink, _ = find_ink(picture.astype(np.float32), 1.0, light=False)
    cross = picture == 40
    assert (ink.mask & cross).sum() > 0.95 * cross.sum()
    assert (ink.mask & ~cross).sum() < 0.1 * cross.sum()


def test_readings_of_forms_go_from_process_to_process():
    """As people share out their pictures with multiprocessing; what was left out is none of a reading."""
    digits, lines = form("40625", boxes)
    reading = read(np.where(digits | lines, 0, 255).astype(np.uint8), load_model("shipped"))
    assert not reading.ink.mask[lines & ~digits].all()
    assert pickle.loads(pickle.dumps(reading)).text == reading.text == "40625"


@pytest.mark.parametrize(("text", "skip"), [("4159", 1), ("306", 2), ("62", 3), ("2077", 4)])
@pytest.mark.parametrize("pencil", [170, 190])
def test_blurred_edges_of_black_boxes_are_no_pencil(text, skip, pencil):
    """They are as dark: 1s were read beside the digits, or instead of these, and once for sure."""
    side, paper = 90, 235
    page = np.full((side + 80, side * len(text) + 60), paper, np.float32)
    for i, image in enumerate(number(text, skip)):
        left = 30 + i * side
        page[43:127, left + 3 : left + 87] -= (paper - pencil) * (enlarged(image, 3) / 255)
        cv2.rectangle(page, (left, 40), (left + side, 40 + side), 30, 5)
    seen = cv2.GaussianBlur(page, (0, 0), 2) + np.random.default_rng(1).normal(0, 3, page.shape)
    assert read(seen.clip(0, 255).astype(np.uint8), load_model("shipped")).text == text
