"""Other hands: digits and letters of fonts, placed as MNIST's digits are."""

import numpy as np
import pytest

from hellodl import checkpoint, datasets
from hellodl.training import batches
from hellodl.training.batches import NO_DIGIT, load_hands, with_hands
from hellodl.training.run import Run, train
from hellodl.training.settings import PRESETS, Settings


def test_every_glyph_is_as_large_as_mnists():
    for image in np.concatenate([glyphs.reshape(-1, 28, 28) for glyphs in load_hands()]):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert 19 <= max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 <= 20


def test_they_join_with_their_labels():
    """Oracle: of MNIST's mean digits, most are nearest to the one that they are labelled as."""
    mnist = datasets.load("mnist", "test")
    images, labels = with_hands(mnist.images, mnist.labels)
    count = len(mnist.labels)
    assert np.array_equal(images[:count], mnist.images)
    images, labels = images[count:].reshape(-1, 784).astype(float), labels[count:]
    means = np.stack([mnist.images[mnist.labels == d].reshape(-1, 784).mean(axis=0) for d in range(10)])
    nearest = ((images[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    digits = labels != NO_DIGIT
    assert (nearest == labels)[digits].mean() > 0.5
    assert digits.sum() == 10 * len(load_hands()[0])
    assert set(labels[digits].tolist()) == set(range(10))


@pytest.mark.slow
def test_a_network_that_met_some_hands_reads_others_better(tmp_path, monkeypatch):
    """It learns from every second of them and is asked about the rest; two epochs each, and the same seed."""
    digits, signs = load_hands()
    monkeypatch.setattr(batches, "load_hands", lambda: (digits[::2], signs[::2]))
    others = digits[1::2].reshape(-1, 28, 28)
    labels = np.tile(np.arange(10), len(others) // 10)
    right = []
    for drawn in (0, 3000):
        settings = Settings(**PRESETS["fast"], drawn=drawn)
        *_, done = train(settings, Run(tmp_path / f"{drawn}.safetensors"))
        model = checkpoint.load_model(done.model)
        right.append(np.mean(model.predict(others).argmax(axis=1) == labels))
        assert done.test_accuracy > 0.98
    assert right[0] + 0.015 < right[1]
