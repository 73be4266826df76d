"""Pictures are turned upright as the moments of their ink say, and nothing else about them changes."""

import cv2
import numpy as np
import pytest

from hellodl import datasets
from hellodl.about import describe
from hellodl.checkpoint import Checkpoint, load_model, save, weights_of
from hellodl.nn import DigitNet
from hellodl.reading.doubt import fit_doubt
from hellodl.upright import STEEPEST, USUAL, upright

DIGITS = datasets.load("mnist", "test").images[:200]
ROWS, COLUMNS = np.mgrid[:28, :28] * 1.0


def moments(image):
    """Slant, and the deviation sideways once upright, by their definitions."""
    ink = image / image.sum(dtype=float)
    y, x = ROWS - (ink * ROWS).sum(), COLUMNS - (ink * COLUMNS).sum()
    slant = (ink * x * y).sum() / (ink * y * y).sum()
    return slant, np.sqrt((ink * (x - slant * y) ** 2).sum())


def slanted(image, slant, wider=1.0):
    """A picture sheared and stretched by OpenCV, about the middle."""
    back = np.array([[1 / wider, slant, 13.5 - 13.5 / wider - slant * 13.5], [0, 1, 0]])
    return cv2.warpAffine(image, back, (28, 28), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def test_what_comes_out_stands_upright():
    before, after = (np.abs([moments(i)[0] for i in images]) for images in (DIGITS, upright(DIGITS)))
    assert before.mean() > 0.15
    assert after.mean() < 0.01


def test_widths_come_half_the_way_to_the_usual_one():
    """As their logarithms tell: from half of it to 0.7 of it."""
    before, after = (
        np.array([moments(image)[1] for image in images]) for images in (DIGITS, upright(DIGITS))
    )
    some = before > 2  # strokes of a 1 are wider, blurred
    expected = 0.5 * np.log(before / USUAL)[some]
    assert np.abs(np.log(after / USUAL)[some] - expected).max() < 0.06


@pytest.mark.parametrize(("slant", "wider"), [(0.3, 1.0), (-0.3, 1.0), (0.2, 0.8)])
def test_hands_that_differ_in_slant_look_alike(slant, wider):
    others = np.stack([slanted(image, slant, wider) for image in DIGITS])
    apart, still = (
        np.abs(a.astype(float) - b).mean() for a, b in ((DIGITS, others), (upright(DIGITS), upright(others)))
    )
    assert still < 0.45 * apart


def test_ink_stands_in_the_middle_and_keeps_its_rows():
    """Wherever the digit was, its centre of mass is in column 14, as MNIST's are about."""
    for images in (DIGITS, np.roll(DIGITS, -1, axis=2)):
        after = upright(images).astype(float)
        ink = after / after.sum(axis=(1, 2), keepdims=True)
        off = np.abs((ink * COLUMNS).sum(axis=(1, 2)) - 14)
        assert np.percentile(off, 90) < 0.1  # a few lose ink at the border
        assert (after.any(axis=2) == images.any(axis=2)).mean() > 0.995


def test_each_picture_is_turned_for_itself_whatever_its_shape():
    whole = upright(DIGITS)
    assert np.array_equal(upright(DIGITS.reshape(-1, 784)).reshape(-1, 28, 28), whole)
    assert np.array_equal(np.concatenate([upright(image[None]) for image in DIGITS]), whole)
    assert upright(DIGITS[:0]).shape == (0, 28, 28)


SHAPES = {
    "bare": np.s_[:0],
    "full": np.s_[:],
    "dot": np.s_[14, 14],
    "line down": np.s_[4:25, 14],
    "line across": np.s_[14, 4:25],
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_has_no_slant_keeps_its_rows(shape):
    image = np.zeros((28, 28), np.uint8)
    image[shape] = 255
    seen = upright(image[None])[0]
    assert np.array_equal(seen.any(axis=1), image.any(axis=1))
    assert seen.max() == image.max()


@pytest.mark.parametrize("corner", [(0, 0), (0, 27), (27, 0), (27, 27)])
def test_what_lies_in_a_corner_comes_to_the_middle_of_its_row(corner):
    image = np.zeros((28, 28), np.uint8)
    image[corner] = 255
    assert np.argwhere(upright(image[None])[0] == 255).tolist() == [[corner[0], 14]]


def test_a_dash_that_climbs_does_not_become_a_bar():
    dash = np.zeros((28, 28), np.uint8)
    cv2.line(dash, (5, 16), (22, 12), (255,), 2)
    across = np.flatnonzero(upright(dash[None])[0].any(axis=0))
    assert np.ptp(across) > 17 - 5 * STEEPEST - 1


def test_a_network_says_of_pictures_what_it_says_of_them_upright(tmp_path):
    net = DigitNet((8,), np.random.default_rng(0), upright=True)
    save(tmp_path / "a.safetensors", Checkpoint(weights_of(net), describe(net)))
    loaded, plain = load_model(tmp_path / "a.safetensors"), DigitNet((8,), np.random.default_rng(0))
    expected = plain.predict(upright(DIGITS))
    assert not np.allclose(plain.predict(DIGITS), expected, atol=0.01)
    for model in (net, loaded):
        assert np.array_equal(model.predict(DIGITS), expected)
        assert np.array_equal(model.logits(model.turned(DIGITS), ready=True), model.logits(DIGITS))


def test_a_network_in_training_is_calibrated_as_it_will_be_asked(tmp_path):
    net = DigitNet((8,), np.random.default_rng(0), upright=True)
    save(tmp_path / "a.safetensors", Checkpoint(weights_of(net), describe(net)))
    labels = net.predict(DIGITS).argmax(axis=1)
    loaded = load_model(tmp_path / "a.safetensors")
    assert fit_doubt(net, DIGITS, labels) == fit_doubt(loaded, DIGITS, labels)
