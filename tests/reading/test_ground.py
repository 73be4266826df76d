"""Ground: sheets, shadows and desks are ground wherever they are, strokes that reach the border are not."""

import numpy as np
import pytest
from paper import Sheet, drawn, number

from hellodl.reading.ground import ground_of, two_tones
from hellodl.reading.ink import find_ink, to_grey
from hellodl.reading.load import load_picture


def shaded(picture, share=0.45):
    """The part right of a slanted line in shadow."""
    rows, columns = np.indices(picture.shape[:2])
    right = columns + 0.4 * rows > 0.6 * picture.shape[1]
    return (picture * np.where(right, 1 - share, 1)[..., None]).astype(np.uint8)


SHEET = Sheet(paper=(230, 230, 225), desk=(90, 75, 60), noise=2)
PICTURES = {
    "desk": drawn([number("402")], SHEET),
    "desk in shadow": shaded(drawn([number("402")], SHEET)),
    "shadow": shaded(drawn([number("402")], Sheet(paper=(230, 230, 225), noise=2))),
    "desk darker than ink": drawn([number("402")], Sheet(ink=(90, 60, 120), desk=(30, 25, 20), noise=2)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_ink_is_on_the_sheet_alone(name):
    picture = PICTURES[name]
    inked = drawn([number("402")]).min(axis=2) < 140
    if "desk" in name:
        inked = np.pad(inked, ((70, 70), (90, 90)))
    mask = find_ink(*to_grey(load_picture(picture)), light=False)[0].mask
    assert (mask & inked).sum() > 0.9 * inked.sum()
    assert (mask & ~inked).sum() < 0.3 * inked.sum()


def test_the_ground_follows_the_edge_of_a_sheet():
    picture = np.full((200, 300), 60, np.uint8)
    picture[25:180, 30:260] = 220
    ground = ground_of(picture)
    assert np.abs(ground[:20] - 60).max() < 8
    assert np.abs(ground[50:150, 60:230] - 220).max() < 8


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 400), (400, 1)])
def test_the_smallest_pictures_have_a_ground(shape):
    assert np.array_equal(ground_of(np.full(shape, 99, np.uint8)), np.full(shape, 99, np.float32))


def test_two_shades_are_told_from_a_shadow_that_falls_off():
    """A bold digit cut out tightly shows no ground beside its strokes."""
    bold = np.full((60, 40), 230, np.uint8)
    bold[:12] = bold[:, 28:] = 40
    assert two_tones(bold) == (1.0, 230.0)
    shadow = np.broadcast_to(np.linspace(60, 240, 200), (150, 200)).astype(np.uint8)
    assert two_tones(shadow)[0] < 0.76
    assert two_tones(np.full((3, 3), 99, np.uint8)) == (0.0, 99.0)
