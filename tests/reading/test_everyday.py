"""What is around a number when people take a picture: a ring, a shadow, small print, a crayon's grain."""

import cv2
import numpy as np
import pytest
from paper import Sheet, drawn, number

from hellodl.checkpoint import load_model
from hellodl.reading.lines import find_lines
from hellodl.reading.reader import read

TEXTS = [("28", 0), ("306", 2), ("7", 4), ("4159", 1), ("62", 3)]


def note(text, skip):
    """A number in the middle of a page of 480 by 640 pixels, grey, and the box around its ink."""
    page = np.full((480, 640), 235, np.uint8)
    ink = drawn([number(text, skip)], Sheet(size=90, margin=8, paper=(235, 235, 235)))[..., 0]
    top, left = (480 - ink.shape[0]) // 2, (640 - ink.shape[1]) // 2
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return page, cv2.boundingRect((page < 128).astype(np.uint8))


def ringed(page, box, _rng):
    (_, _, width, height), middle = box, (320, 240)
    axes = int(0.66 * width + 50), int(0.95 * height)
    cv2.ellipse(page, middle, axes, 5, 0, 360, 60, 7, cv2.LINE_AA)
    return page


def in_the_shadow_of_a_phone(page, _box, rng):
    shadow = np.zeros(page.shape, np.float32)
    phone = cv2.boxPoints(((320, 330), (150, 400), float(rng.uniform(-20, 20)))).astype(np.int32)
    cv2.fillPoly(shadow, [phone], 1.0)
    cv2.ellipse(shadow, (420, 480), (80, 170), -20, 0, 360, 1.0, -1)  # the hand
    return (page * (1 - 0.4 * cv2.GaussianBlur(shadow, (0, 0), 4))).astype(np.uint8)


def below_small_print(page, _box, _rng):
    for i, words in enumerate(("Please write the number below", "and return it by Friday", "to Ms B. Hill")):
        cv2.putText(page, words, (60, 60 + 34 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 90, 1, cv2.LINE_AA)
    return page


def in_crayon(page, _box, rng):
    grain = cv2.GaussianBlur(rng.standard_normal(page.shape).astype(np.float32), (0, 0), 1.2)
    return np.where(grain > -0.4 * grain.std(), page, 235).astype(np.uint8)


def widely_ringed(page, box, _rng):
    (_, _, width, height), middle = box, (320, 240)
    axes = int(0.8 * width + 0.53 * height), int(1.47 * height)
    cv2.ellipse(page, middle, axes, 0, 0, 360, 20, 3, cv2.LINE_AA)
    return page


def after_its_name(page, box, _rng):
    left, height = box[0], box[3]
    font, place = cv2.FONT_HERSHEY_SIMPLEX, (left - 100, 235 + height // 2)
    cv2.putText(page, "Seats", place, font, 1.0, 30, 3, cv2.LINE_AA)
    return page


def below_a_shopping_list(page, _box, _rng):
    for i, words in enumerate(
        ("Milk Eggs Cheese Bags", "Apples Bananas", "Thanks for your visit", "see us soon")
    ):
        cv2.putText(page, words, (40, 36 + 24 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 90, 1, cv2.LINE_AA)
    return page


def underlined(page, box, _rng):
    left, top, width, height = box
    y = top + height + 14
    cv2.line(page, (left - 10, y + 3), (left + width + 10, y - 3), 20, 7, cv2.LINE_AA)
    return page


def highlighted(page, box, _rng):
    left, top, width, height = box
    marked = np.repeat(page[..., None], 3, axis=2)
    for y in np.linspace(top, top + height, 4).astype(int):
        bar = np.zeros(page.shape, np.uint8)
        cv2.line(bar, (left - 30, y), (left + width + 30, y + 4), 1, height // 3 - 6, cv2.LINE_AA)
        marked[bar > 0] = np.minimum(page[bar > 0][:, None], (125, 240, 120))
    return marked


@pytest.mark.parametrize(
    "around",
    [
        below_a_shopping_list,
        underlined,
        highlighted,
        ringed,
        widely_ringed,
        in_the_shadow_of_a_phone,
        below_small_print,
        after_its_name,
        in_crayon,
    ],
)
def test_a_number_is_read_for_sure_whatever_is_around_it(around):
    """At least four of five; of the same pictures none to two before these were thought of."""
    rng, model = np.random.default_rng(3), load_model("shipped")
    readings = [(text, read(around(*note(text, skip), rng), model)) for text, skip in TEXTS]
    assert sum(found.text == text and found.verdict == "digits" for text, found in readings) >= 4


def test_a_nought_that_ends_within_itself_is_no_ring():
    """What goes around something else is left out where it is taller than what is written."""
    page, _ = note("1001", 1)
    lines = find_lines((page < 128).astype(np.float32), page < 128)
    nought = max(lines[0], key=lambda piece: min(piece.box[2:]))
    x, y = map(int, nought.middle)
    page[y - 15 : y + 15, x - 1 : x + 2] = 40
    (line,) = find_lines((page < 128).astype(np.float32), page < 128)
    assert max(min(piece.box[2:]) for piece in line) == min(nought.box[2:])


@pytest.mark.parametrize(("text", "skip"), [text for text in TEXTS if len(text[0]) > 1])
def test_a_number_is_not_sure_without_a_digit_that_touches_its_box(text, skip):
    """Drawn with the digits' own pen, a box and a digit that runs into it are one piece of ink."""
    page, (left, top, width, height) = note(text, skip)
    corner = left - 16, top - 16
    cv2.rectangle(page, corner, (left + width + 16, top + height + 16), 40, 7)
    first = cv2.connectedComponentsWithStats((page[:, left : left + width] < 128).astype(np.uint8))[1]
    y = int(np.flatnonzero(first[:, :3].any(axis=1)).mean())
    cv2.line(page, (corner[0], y), (left + 8, y), 40, 7)
    found = read(page, load_model("shipped"))
    assert found.text == text or found.verdict != "digits"


@pytest.mark.parametrize("size", [60, 110, 160])
def test_a_face_is_no_nought_for_sure(size):
    page = np.full((480, 640), 235, np.uint8)
    cv2.circle(page, (320, 240), size, 40, 5, cv2.LINE_AA)
    for x in (-1, 1):
        cv2.circle(page, (320 + x * size // 3, 240 - size // 3), max(3, size // 14), 40, -1, cv2.LINE_AA)
    cv2.ellipse(page, (320, 240 + size // 6), (size // 2, size // 3), 0, 20, 160, 40, 5, cv2.LINE_AA)
    assert read(page, load_model("shipped")).verdict != "digits"


@pytest.mark.parametrize(
    "corners",
    [
        [(0.2, 0.15), (0.8, 0.15), (1, 1), (0, 1)],
        [(0, 0), (0.9, 0.28), (0.9, 0.72), (0, 1)],
        [(0.1, 0.2), (1, 0), (1, 1), (0.1, 0.8)],
    ],
)
def test_paper_on_a_desk_seen_aslant_loses_no_digit(corners):
    """The desk is no ink: it was, and 9, 4 and 459 were read, for sure."""
    page, _ = note("4159", 1)
    size = page.shape[::-1]
    whole = [(0, 0), (1, 0), (1, 1), (0, 1)]
    turn = cv2.getPerspectiveTransform(*(np.multiply(at, size).astype(np.float32) for at in (whole, corners)))
    seen = cv2.warpPerspective(page, turn, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(70,))
    grain = np.random.default_rng(3).normal(0, 3, seen.shape)
    found = read((seen + grain).clip(0, 255).astype(np.uint8), load_model("shipped"))
    assert (found.text, found.verdict) == ("4159", "digits")
