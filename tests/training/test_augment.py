"""Augmentation: exact against independent references, bounded, a pure function of the generator's state."""

import gzip
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from hellodl.training import augment
from hellodl.training.augment import KINDS, Augmenter, Strengths

MNIST = Path(__file__).parents[2] / "data/mnist/t10k-images-idx3-ubyte.gz"


@pytest.fixture(scope="module")
def digits():
    return np.frombuffer(gzip.decompress(MNIST.read_bytes()), np.uint8, 300 * 784, 16).reshape(-1, 28, 28)


def generator(*key):
    return np.random.default_rng(key)


def read(sources, images):
    """Reads `images` at `sources` (n, 2, 784) as the augmenter does."""
    distort, out = Augmenter(Strengths(rotation=1)), images.reshape(-1, 784).copy()
    distort._sources = lambda _rng, count: np.resize(sources, (count, 2, 784)).astype(np.float32)
    distort.distort(out, lambda: distort.maps(generator(0)))
    return out


def test_none_copies(digits):
    result = Augmenter(KINDS["none"])(digits, generator(0))
    np.testing.assert_array_equal(result, digits)
    assert not np.shares_memory(result, digits)


@pytest.mark.parametrize("kind", ["shift", "affine", "elastic"])
def test_a_batch_depends_on_its_key_alone(kind, digits):
    distort = Augmenter(KINDS[kind])
    first = distort(digits, generator(1, 2, 3))
    other = distort(digits, generator(1, 2, 4))
    np.testing.assert_array_equal(Augmenter(KINDS[kind])(digits, generator(1, 2, 3)), first)
    np.testing.assert_array_equal(distort(digits, generator(1, 2, 3)), first)
    if kind != "shift":  # its chance is the order of the batch
        assert (first != other).any(axis=(1, 2)).mean() > 0.95


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 300])
def test_any_number_of_pictures_flat_or_square(n, digits):
    distort = Augmenter(KINDS["elastic"])
    square = distort(digits[:n], generator(5))
    flat = distort(digits[:n].reshape(n, 784), generator(5))
    assert (square.shape, flat.shape) == ((n, 28, 28), (n, 784))
    np.testing.assert_array_equal(flat.reshape(n, 28, 28), square)
    assert square.dtype == np.uint8


def test_shifts_alone_are_of_whole_pixels_every_way_for_one_picture_in_nine():
    """What is left empty is black, to the last grey."""
    white, expected = np.full((9, 28, 28), 255, np.uint8), np.zeros((9, 28, 28), np.uint8)
    for picture, (down, right) in zip(expected, product((-1, 0, 1), repeat=2), strict=True):
        picture[max(down, 0) : 28 + min(down, 0), max(right, 0) : 28 + min(right, 0)] = 255
    np.testing.assert_array_equal(Augmenter(KINDS["shift"])(white, generator(0)), expected)


def test_each_picture_has_a_distortion_of_its_own(digits):
    same = Augmenter(KINDS["elastic"])(np.repeat(digits[:1], 40, axis=0), generator(0))
    assert len(np.unique(same, axis=0)) == 40


def test_reading_in_place_changes_nothing(digits):
    still = np.indices((28, 28), np.float32).reshape(1, 2, 784)
    np.testing.assert_array_equal(read(still, digits[:16]).reshape(16, 28, 28), digits[:16])


def test_reading_is_bilinear_with_background_outside(digits):
    """The same as torch's grid_sample to half a grey level, at points inside and far outside."""
    steps = generator(0).integers(-5 * 32, 33 * 32, (16, 2, 784))
    sources = (steps / 32).astype(np.float32)  # the grid on which OpenCV rounds positions
    ours = read(sources, digits[:16])
    points = torch.from_numpy((2 * sources + 1) / 28 - 1).permute(0, 2, 1).flip(-1)[:, None]
    pixels = torch.from_numpy(digits[:16].astype(np.float32))[:, None]
    theirs = torch.nn.functional.grid_sample(pixels, points, padding_mode="zeros", align_corners=False)
    assert np.abs(ours - theirs.numpy().reshape(16, 784)).max() <= 0.51


@pytest.mark.parametrize("amount", [-1.0, -0.25, 0.0, 0.5, 1.0])
def test_strokes_grow_and_shrink_by_morphology(amount, digits):
    """Blends with torch's maximum over a pixel and its four neighbours (minimum: that of the negative)."""
    sheet = np.pad(digits[:8], [(0, 0), (2, 2), (2, 2)])
    changed = augment._change_strokes(sheet, np.full(8, amount))
    pixels = torch.from_numpy(sheet.astype(np.float32))
    sign = 1 if amount > 0 else -1
    rows, columns = (
        torch.nn.functional.max_pool2d(sign * pixels, k, 1, (k[0] // 2, k[1] // 2)) for k in ((3, 1), (1, 3))
    )
    extreme = sign * torch.maximum(rows, columns)
    expected = pixels + abs(amount) * (extreme - pixels)
    assert np.abs(changed - expected.numpy()).max() <= 0.51


@pytest.mark.parametrize("shear", [0, 1e-9])  # the second: by maps
def test_what_leaves_on_one_side_does_not_return_on_the_other(shear):
    """White pictures moved by up to 3 pixels: never touched inside, each darker along two edges that meet."""
    white = np.full((512, 28, 28), 255, np.uint8)
    moved = Augmenter(Strengths(shift=3, shear=shear))(white, generator(0)).astype(int)
    assert (moved[:, 3:-3, 3:-3] == 255).all()
    top, bottom, left, right = moved[:, 0, 14], moved[:, -1, 14], moved[:, 14, 0], moved[:, 14, -1]
    assert (np.maximum(top, bottom) == 255).all()
    assert (np.maximum(left, right) == 255).all()
    assert min(edge.min() for edge in (top, bottom, left, right)) == 0
    assert (np.minimum(top, bottom) < 255).mean() > 0.8  # one move in seven stands still


@pytest.mark.parametrize(
    ("strengths", "low", "high"),
    [
        (Strengths(rotation=20), np.cos(np.radians(20)), 1),
        (Strengths(scale=0.25), 1 / 1.25, 1.25),
        (Strengths(shear=0.3), 1, 1),
    ],
)
def test_affine_maps_stay_within_their_limits(strengths, low, high):
    maps = augment._affine(generator(0), 4000, strengths)
    assert maps[:, 0, 0].min() == pytest.approx(low, rel=2e-3)
    assert maps[:, 0, 0].max() == pytest.approx(high, rel=2e-3)
    areas = np.linalg.det(maps.astype(float))
    expected = 1.25**2 if strengths.scale else 1
    assert areas.max() == pytest.approx(expected, rel=2e-2)
    assert areas.min() == pytest.approx(1 / expected, rel=2e-2)
    assert np.abs(maps[:, 1, 0]).max() == pytest.approx(
        strengths.shear or np.sin(np.radians(strengths.rotation)), abs=1e-3
    )


def test_elastic_drift_has_the_size_and_smoothness_asked_for():
    strengths = Strengths(elastic=1.5, smoothness=4)
    still = Augmenter(Strengths())._sources(generator(0), 1)
    drift = (Augmenter(strengths)._sources(generator(0), 3000) - still).reshape(-1, 28, 28)
    assert np.sqrt(np.mean(drift**2)) == pytest.approx(1.5, rel=0.03)
    # Blurred noise of deviation s has the correlation exp(-d²/4s²) between points d apart.
    apart = np.mean(drift[:, :, :-4] * drift[:, :, 4:]) / np.mean(drift**2)
    assert apart == pytest.approx(np.exp(-(4**2) / (4 * 4**2)), abs=0.03)


def test_pictures_stay_recognisable(digits):
    """Every kind keeps most of the ink where it was: correlation with the original, on average, above 0.5."""
    for kind in KINDS:
        distorted = Augmenter(KINDS[kind])(digits, generator(0))
        scores = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(digits, distorted, strict=True)]
        assert np.mean(scores) > 0.5, kind
        assert 0.8 < distorted.mean() / digits.mean() < 1.25, kind
