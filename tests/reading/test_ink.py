"""Ink: found on any ground, in either polarity, in any colour, and not where there is none."""

import numpy as np
import pytest
from paper import Sheet, drawn, number

from hellodl.reading.ink import contrast_axis, find_ink, to_grey, views
from hellodl.reading.load import load_picture

WHERE = drawn([number("38")]).min(axis=2) < 140  # ink on a plain sheet
SHEETS = {
    "plain": Sheet(),
    "shadow": Sheet(paper=(210, 205, 200), shadow=0.7, noise=4),
    "pencil": Sheet(paper=(235, 235, 230), ink=(180, 180, 185), noise=3),
    "blue on pink": Sheet(paper=(240, 200, 210), ink=(90, 80, 170), noise=4),
    "yellow on white": Sheet(ink=(240, 200, 40)),
    "red on as dark a green": Sheet(paper=(60, 140, 60), ink=(190, 76, 60)),
    "chalk": Sheet(paper=(40, 60, 45), ink=(220, 220, 215), noise=5),
    "shadow on a blackboard": Sheet(paper=(70, 80, 70), ink=(230, 230, 230), shadow=0.6, noise=2),
}


def ink_of(picture):
    grey, scale = to_grey(load_picture(picture))
    lights = [light for light, _ in views(grey, scale)]
    return find_ink(grey, scale, light=lights[0])[0], lights


@pytest.mark.parametrize("name", SHEETS)
def test_ink_is_where_it_was_drawn(name):
    ink, lights = ink_of(drawn([number("38")], SHEETS[name]))
    light = "chalk" in name or "black" in name or "red" in name  # red counts as the lighter
    assert lights[0] == light
    agree = (ink.mask & WHERE).sum() / (ink.mask | WHERE).sum()
    assert agree > 0.75


def test_a_bare_sheet_has_no_ink():
    bare = drawn([[np.zeros((28, 28), np.uint8)]], Sheet(paper=(200, 195, 190), shadow=0.5, noise=6))
    assert ink_of(bare)[0].mask.mean() < 0.02


def test_both_polarities_are_considered_where_a_sheet_lies_on_a_dark_desk():
    sheet = Sheet(paper=(225, 225, 225), desk=(60, 45, 40), noise=3)
    assert set(ink_of(drawn([number("402")], sheet))[1]) == {True, False}


def test_colours_of_the_same_brightness_are_told_apart():
    pixels = np.full((60, 60, 3), (60, 140, 60), np.uint8)
    pixels[20:40, 28:32] = (190, 76, 60)  # as bright, by ITU-R 601
    grey = contrast_axis(pixels)
    assert abs(float(grey[30, 30]) - float(grey[5, 5])) > 80


def test_grey_stays_as_it_is():
    pixels = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5)
    assert np.allclose(contrast_axis(np.dstack([pixels] * 3)), pixels, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1600), (1600, 1), (2, 3)])
def test_the_smallest_pictures_have_no_ink_and_do_no_harm(shape):
    assert not ink_of(np.full(shape, 128, np.uint8))[0].mask.any()


@pytest.mark.parametrize("noise", [0, 2])
def test_where_a_pencil_presses_less_its_stroke_goes_on(noise):
    """A ring that pales to a third; a smudge nearly as strong, which is none of it, stays out."""
    y, x = np.mgrid[:200, :200] - 100.0
    ring = np.abs(np.hypot(x, y) - 70) < 5
    pressure = 0.66 + 0.34 * np.cos(np.arctan2(y, x))
    smudge = (np.abs(x) < 12) & (np.abs(y) < 12)
    grey = 220 - 120 * np.where(ring, pressure, 0.28 * smudge)
    grey += np.random.default_rng(0).normal(0, noise, grey.shape) if noise else 0
    ink, _ = find_ink(grey.astype(np.float32), 1.0, light=False)
    assert (ink.mask & ring).sum() > 0.97 * ring.sum()
    assert np.median(ink.strength[ring & (x < -50)]) > 0.75
    assert not (ink.mask & smudge).any()
