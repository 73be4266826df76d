"""Normalising: MNIST's own rule, and strokes as wide as MNIST's."""

import numpy as np
import pytest
from paper import digits, enlarged

from hellodl.about import Recipe
from hellodl.reading.normalise import BOX, normalise, placed, stroke_width, widened
from hellodl.reading.trained import as_trained


def box_and_centre(seen):
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    centres = [(seen.sum(axis=axis) @ np.arange(28)) / seen.sum() for axis in (1, 0)]
    return max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1, centres


def test_enlarged_digits_come_back_as_they_were():
    """Oracle: MNIST's own pixels, made by NIST's rule from the same shapes."""
    likeness = []
    for image in digits()[0][:200]:
        seen = normalise(np.float32(enlarged(image, 10) / 255), Recipe(thinnest=0.5, thickest=10))
        shifted = [np.roll(seen, (i, j), (0, 1)).ravel() for i in (-1, 0, 1) for j in (-1, 0, 1)]
        likeness.append(max(np.corrcoef(other, image.ravel())[0, 1] for other in shifted))
    assert np.median(likeness) > 0.97
    assert np.quantile(likeness, 0.1) > 0.9


def test_digits_fill_the_box_and_their_mass_is_at_the_centre():
    for image in digits()[0][:100]:
        size, centres = box_and_centre(placed(enlarged(image) > 127))
        assert size == BOX
        assert np.abs(np.array(centres) - 14).max() < 1


@pytest.mark.parametrize("pen", [1, 3, 8, 20, 36])
def test_any_pen_is_brought_to_the_stroke_width_of_mnist(pen):
    rows, columns = np.mgrid[:240, :240]
    ring = np.abs(np.hypot(rows - 120, columns - 120) - 90)
    ink = (ring < pen / 2 + 0.3).astype(np.float32)
    recipe = Recipe(thinnest=1.95, thickest=3.55)
    width = stroke_width(enlarged(normalise(ink, recipe), 4) > 127) / 4
    assert recipe.thinnest - 0.4 < width < recipe.thickest + 0.4


def test_the_width_of_bars_is_measured():
    for width in (3, 8, 15):
        bar = np.zeros((200, 60), bool)
        bar[:, 20 : 20 + width] = True
        assert stroke_width(bar) == pytest.approx(width, rel=0.15, abs=0.6)


def test_widening_moves_every_edge():
    square = np.ones((10, 10), bool)
    assert widened(square, 2.0).any(axis=0).sum() == 14
    assert widened(square, -2.0).any(axis=0).sum() == 6
    assert widened(square, -20.0).any()  # never to nothing


def test_no_ink_gives_no_ink():
    assert not normalise(np.zeros((30, 20), np.float32), Recipe(2, 3)).any()


def test_mnist_goes_in_as_it_is_in_both_polarities():
    images = digits()[0]
    for shown in (images, 255 - images):
        white_on_black, fit = as_trained(shown)
        assert np.count_nonzero(fit) >= 499
        assert np.array_equal(white_on_black, images)


@pytest.mark.parametrize(
    "other",
    [
        np.roll(digits()[0][0], 4, axis=0),  # off the centre
        digits()[0][0] // 4,  # dim
        enlarged(digits()[0][0], 2)[14:42, 14:42],  # large
        np.pad(enlarged(digits()[0][0][::2, ::2], 1), 7),  # small
        np.zeros((28, 28), np.uint8),
        np.full((28, 28), 255, np.uint8),
    ],
)
def test_other_pictures_do_not_look_like_mnist(other):
    assert as_trained(other[None])[1].tolist() == [False]


def test_polarity_can_be_forced():
    images = digits()[0][:1]
    assert as_trained(images, invert=True)[1].all()
    assert not as_trained(images, invert=False)[1].any()
