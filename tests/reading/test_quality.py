"""Quality: strokes of a pen are told from filled shapes, edges of things, and what is in pieces."""

import numpy as np
import pytest
from paper import Sheet, digits, drawn, enlarged, number

from hellodl.reading.ink import find_ink, to_grey
from hellodl.reading.lines import find_lines
from hellodl.reading.load import load_picture
from hellodl.reading.quality import SHARED, blobs, flaws, is_solid, is_texture, shared_outline


def pieces_of(picture):
    ink = find_ink(*to_grey(load_picture(picture)), light=False)
    return ink, [piece for line in find_lines(ink.strength, ink.mask) for piece in line]


def in_cast_shadow(picture):
    """The right half in a shadow with a sharp edge that goes through the middle."""
    light = np.where(np.arange(picture.shape[1]) < picture.shape[1] / 2, 1, 0.55)
    return (picture * light[None, :, None]).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        drawn([number("3805")]),
        drawn([number("294")], Sheet(paper=(210, 205, 200), shadow=0.7, noise=6)),
        in_cast_shadow(drawn([number("808")], Sheet(paper=(220, 220, 215), noise=3))),
        drawn([number("617")], Sheet(size=22, margin=10)),
    ],
    ids=["plain", "noisy", "cast shadow", "small"],
)
def test_what_a_pen_wrote_has_ground_on_all_sides(picture):
    ink, pieces = pieces_of(picture)
    assert pieces
    assert all(shared_outline(piece, ink) < SHARED / 2 for piece in pieces)


def test_the_edge_of_a_thing_is_part_of_something_larger():
    rows, columns = np.mgrid[:400, :600]
    disc = np.where(np.hypot(rows - 200, columns - 300) < 110, 20, 250).astype(np.uint8)
    ink, pieces = pieces_of(disc)
    assert pieces  # slices of the disc: its ground is sought in squares
    assert all("is part of something larger" in flaws(piece, ink) for piece in pieces)


def test_filled_shapes_are_no_strokes_and_digits_are():
    assert is_solid(np.ones((60, 30), bool))
    assert is_solid(np.ones((50, 50), bool))
    assert not is_solid(np.ones((60, 12), bool))  # a 1
    masks = [enlarged(image, 4)[np.ix_(*ink_box(image))] > 127 for image in digits()[0][:200]]
    assert sum(map(is_solid, masks)) <= 2


def ink_box(image):
    """Rows and columns of an image enlarged four times that hold its ink."""
    ink = enlarged(image, 4) > 127
    return np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))


def test_a_fence_is_texture():
    fence = np.zeros((100, 100), bool)
    fence[::20], fence[:, ::20] = True, True
    assert is_texture(fence)


def test_parts_that_lie_apart_are_counted_but_not_specks_and_gaps():
    mask = np.zeros((100, 60), bool)
    mask[:40, 10:20] = True
    assert blobs(mask) == 1
    mask[44:100, 10:20] = True  # a gap
    assert blobs(mask) == 1
    mask[40:65] = False
    assert blobs(mask) == 2


def test_ink_at_the_border_says_so():
    picture = drawn([number("7")])
    ink, (piece,) = pieces_of(picture)
    assert flaws(piece, ink) == []
    x, y, width, height = piece.box
    ink, (piece,) = pieces_of(picture[: y + height - 8, x - 30 : x + width + 30])
    assert flaws(piece, ink) == ["touches the border"]
