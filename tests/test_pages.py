"""The made-up pages by which reading is measured, and from which the judge of shapes learns."""

import sys
from pathlib import Path

import numpy as np
import pytest

from hellodl.checkpoint import load_model
from hellodl.datasets.labelled import labelled_pictures
from hellodl.reading.reader import read

TOOLS = Path(__file__).parent.parent / "scripts" / "tools"


@pytest.fixture(scope="module")
def pages():
    sys.path.insert(0, str(TOOLS))
    module = pytest.importorskip("pages", reason="the sources are not here")
    yield module
    sys.path.remove(str(TOOLS))


def test_a_number_makes_the_same_page_anywhere(pages):
    for kind in pages.KINDS:
        (pixels, page), (again, _), (other, _) = (pages.made(kind, n, "look") for n in (3, 3, 4))
        assert pixels.dtype == np.uint8
        assert pixels.shape == (*page.shape, 3)
        assert np.array_equal(pixels, again)
        assert pixels.shape != other.shape or not np.array_equal(pixels, other)


def test_what_is_written_is_known_by_the_pixel(pages):
    """Each digit of the text has pixels of its own; nothing belongs to an item that is not there."""
    for kind in pages.KINDS:
        for number in range(4):
            _, page = pages.made(kind, number, "tune")
            digits = [i for i, item in enumerate(page.items, 1) if item.kind.isdigit()]
            assert page.text.replace("\n", "") == "".join(page.items[i - 1].kind for i in digits) or "none"
            assert page.owner.max() <= len(page.items)
            assert set(digits) <= set(np.unique(page.owner))


def test_nothing_is_called_none_but_pages_without_digits(pages):
    assert all(pages.made("none", number, "tune")[1].text == "none" for number in range(12))
    assert pages.made("row", 0, "tune")[1].text.isdigit()


@pytest.mark.parametrize(
    ("kind", "number"), [("table", 4), ("table", 34), ("table", 26), ("none", 23), ("none", 30)]
)
def test_nothing_is_sure_beside_lines_as_tall_that_are_not_read(pages, kind, number):
    """Digits that what is left of print has joined; signs below each other, of which one is like a digit.

    The first two were read as 11 and 950, for sure, without a 2 and two 7s; the third as 4, 8 and 04.
    """
    pixels, page = pages.made(kind, number, "look")
    found = read(pixels, load_model("shipped"))
    assert found.text == page.text or found.verdict != "digits"


def test_the_command_writes_a_folder_to_evaluate(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pages.py", "-o", str(tmp_path), "--count", "1"])
    pages.main()
    found = labelled_pictures(tmp_path)
    assert [picture.set for picture in found] == sorted(f"made_{kind}" for kind in pages.KINDS)
    assert all(picture.file.stat().st_size for picture in found)
