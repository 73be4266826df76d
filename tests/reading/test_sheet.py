"""Sheets: found on desks of all kinds, turned or cut off; nothing else is taken for one."""

import numpy as np
import pytest
from paper import Sheet, drawn, enlarged, number
from PIL import Image

from hellodl.checkpoint import load_model
from hellodl.reading.ground import alone_on_sheet, find_sheet
from hellodl.reading.reader import read


def on_desk(sheet, degrees=0, *, wood=0, size=(300, 400), place=(90, 80)):
    """A grey sheet, turned, on a desk of a darker grey, with stripes of some depth."""
    desk = 110 + wood * np.sin(np.arange(size[0]) / 4)[:, None] * np.ones(size[1])
    canvas = Image.fromarray(desk.astype(np.uint8))
    turned = Image.fromarray(sheet).rotate(degrees, expand=True)
    inside = Image.fromarray(np.full_like(sheet, 255)).rotate(degrees, expand=True)
    canvas.paste(turned, place[::-1], inside)
    return np.asarray(canvas, np.float32)


NOTE = drawn([number("28")], Sheet(size=60, margin=20, paper=(225, 225, 225)))[..., 0]


@pytest.mark.parametrize("degrees", [0, 7, -20])
@pytest.mark.parametrize("wood", [0, 25])
def test_only_the_sheet_is_left(degrees, wood):
    picture = on_desk(NOTE, degrees, wood=wood)
    alone = alone_on_sheet(picture)
    assert (alone < 90).sum() == pytest.approx((NOTE < 90).sum(), rel=0.1)  # the ink
    assert (alone[:60] > 180).all()  # the desk
    assert (alone[:, :60] > 180).all()


def test_a_sheet_may_be_cut_off():
    assert find_sheet(on_desk(NOTE, place=(-20, -30)).astype(np.uint8)) is not None


@pytest.mark.parametrize("degrees", [0, 7, -20])
def test_what_is_written_on_a_note_is_read_on_a_desk_with_a_grain(degrees):
    """Two thirds are without looking for the sheet: the grain is strokes, too."""
    model = load_model("shipped")
    for text in ("28", "306"):
        note = drawn([number(text)], Sheet(size=60, margin=20, paper=(225, 225, 225)))[..., 0]
        size = note.shape[0] + 220, note.shape[1] + 260
        for wood in (0, 25, 40):
            assert read(on_desk(note, degrees, wood=wood, size=size).astype(np.uint8), model).text == text


@pytest.mark.parametrize(
    "picture",
    [
        np.full((200, 300), 230, np.uint8),
        np.full((1, 1), 230, np.uint8),
        np.tile(np.linspace(90, 240, 300).astype(np.uint8), (200, 1)),
        np.where(np.arange(300) < 150, 240, 120).astype(np.uint8)[None].repeat(200, axis=0),
        np.where(np.hypot(*(np.indices((200, 300)) - 120)) < 70, 230, 90).astype(np.uint8),
        drawn([number("1")])[..., 0],
        255 - enlarged(number("0")[0], 10),
        drawn([number("378")], Sheet(gap=-20))[..., 0],
    ],
    ids=["bare", "one pixel", "gradient", "shadow", "disc", "1", "0", "row"],
)
def test_there_is_no_sheet_in_other_pictures(picture):
    assert find_sheet(picture) is None
