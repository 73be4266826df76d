"""Lines: digits in reading order; specks, fragments, edges and frames left out; touching digits cut."""

from itertools import pairwise

import numpy as np
import pytest
from paper import Sheet, drawn, number
from PIL import Image, ImageDraw

from hellodl.reading.ink import find_ink, to_grey
from hellodl.reading.lines import find_lines
from hellodl.reading.load import load_picture
from hellodl.reading.pieces import Piece, cut_up, joined


def lines_of(picture, *, light=False):
    ink, _ = find_ink(*to_grey(load_picture(picture)), light=light)
    return find_lines(ink.strength, ink.mask)


def shape_of(lines):
    return [len(line) for line in lines]


def test_digits_come_in_lines_from_left_to_right():
    lines = lines_of(drawn([number("3780"), number("641", 1), number("29", 2)]))
    assert shape_of(lines) == [4, 3, 2]
    for line in lines:
        lefts = [piece.box[0] for piece in line]
        assert lefts == sorted(lefts)


def test_a_tilted_row_is_one_line():
    assert shape_of(lines_of(drawn([number("378016")], Sheet(tilt=8)))) == [6]


def test_specks_and_fragments_at_the_border_are_no_pieces():
    picture = drawn([number("38")]).copy()
    picture[10:14, 10:14] = picture[200:205, 150:154] = 0  # specks
    picture[:25, 100:110] = 0  # something cut off above
    assert shape_of(lines_of(picture)) == [2]


def test_dots_beside_a_digit_do_not_join_it():
    """They stay pieces of their own: whether they are signs or dirt is asked later."""
    picture = drawn([number("0")]).copy()
    plain = lines_of(picture)[0][0].box
    picture[plain[1] - 14 : plain[1] - 8, 106:112] = 0
    assert plain in [piece.box for piece in lines_of(picture)[0]]


def blocks(*corners, more=()):
    """Lines found among blocks of 10 by 60 pixels with these corners, and `more` boxes."""
    mask = np.zeros((300, 300), bool)
    for x, y, width, height in [*((x, y, 10, 60) for x, y in corners), *more]:
        mask[y : y + height, x : x + width] = True
    return find_lines(mask.astype(np.float32), mask)


UPPER, LOWER = [(40, 40), (100, 40), (160, 40)], [(40, 200), (100, 200), (160, 200)]


@pytest.mark.parametrize(
    ("y", "shape"), [(20, [4, 3]), (110, [4, 3]), (180, [3, 4]), (270, [3, 4]), (150, [3, 3])]
)
def test_a_sign_belongs_to_the_line_it_is_beside(y, shape):
    assert shape_of(blocks(*UPPER, *LOWER, more=[(120, y, 8, 8)])) == shape


@pytest.mark.parametrize(("y", "is_beside"), [(40, False), (66, True), (186, True), (216, False)])
def test_what_counts_is_the_height_of_the_nearest_digit(y, is_beside):
    """A row may be tilted: far away its digits stand at other heights."""
    row = [(40, 160), (100, 140), (160, 120), (220, 100)]
    assert shape_of(blocks(*row, more=[(236, y, 8, 8)])) == [4 + is_beside]


@pytest.mark.parametrize("rise", [0.25, 0.6, -0.25, -0.6])
def test_lines_that_all_climb_or_fall_steeply_are_followed(rise):
    mask = np.zeros((900, 500), bool)
    for row, digits in enumerate((4, 3, 4)):
        for column in range(digits):
            x, y = 60 + 100 * column, 250 + 180 * row - round(rise * 100 * column) - 100 * (rise < 0)
            mask[y : y + 50, x : x + 12] = True
    lines = find_lines(mask.astype(np.float32), mask)
    assert shape_of(lines) == [4, 3, 4]
    assert all(piece.box[0] < after.box[0] for line in lines for piece, after in pairwise(line))


def test_cells_that_lie_aslant_of_each_other_stay_lines_of_their_own():
    assert shape_of(blocks((40, 20), (120, 110), (200, 200))) == [1, 1, 1]
    assert shape_of(blocks((40, 20), (200, 20), (120, 110), (40, 200), (200, 200))) == [2, 1, 2]


def test_the_edge_of_a_sheet_is_left_out():
    assert shape_of(blocks(*UPPER, more=[(0, 0, 25, 300)])) == [3]
    assert shape_of(blocks(*UPPER, more=[(250, 0, 50, 300)])) == [3]


def test_dashes_make_one_digit():
    picture = np.full((220, 160), 255, np.uint8)
    for y in range(40, 180, 30):
        picture[y : y + 18, 75:85] = 0
    assert shape_of(lines_of(picture)) == [1]


def test_a_frame_and_the_edge_of_a_desk_are_left_out():
    picture = drawn([number("38")]).copy()
    picture[30:34, 30:-30] = picture[-34:-30, 30:-30] = picture[30:-30, 30:34] = picture[30:-30, -34:-30] = 0
    assert shape_of(lines_of(picture)) == [2]
    picture = drawn([number("38")]).copy()
    picture[:, :16] = 30
    assert shape_of(lines_of(picture)) == [2]


def test_nothing_gives_no_lines():
    assert lines_of(np.full((50, 50), 255, np.uint8)) == []


def test_touching_digits_are_cut_between_and_join_again():
    (piece,) = lines_of(drawn([number("00")], Sheet(gap=-48)))[0]
    parts = cut_up(piece)
    assert len(parts) > 1
    middle = piece.box[0] + piece.box[2] / 2
    assert min(abs(part.box[0] - middle) for part in parts[1:]) < 0.1 * piece.box[2]
    assert joined(parts).strength.sum() == pytest.approx(piece.strength.sum(), rel=0.01)


def test_a_narrow_piece_is_not_cut():
    piece = Piece((0, 0, 20, 60), np.ones((60, 20), np.float32))
    assert cut_up(piece) == [piece]


def test_small_digits_beside_large_ones_stay():
    picture = drawn([number("38")], Sheet(gap=70)).copy()
    small = drawn([number("0")], Sheet(size=66, margin=0))
    picture[90:156, 165:231] = np.minimum(picture[90:156, 165:231], small)
    assert shape_of(lines_of(picture)) == [3]


def test_the_two_circles_of_an_8_are_one_digit():
    image = Image.new("RGB", (200, 260), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    pen.ellipse([70, 40, 130, 110], outline=(0, 0, 0), width=3)
    pen.ellipse([60, 114, 140, 210], outline=(0, 0, 0), width=3)
    assert shape_of(lines_of(np.asarray(image))) == [1]
