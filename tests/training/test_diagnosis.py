"""Training that learns nothing says so, and why; training that learns says nothing."""

import numpy as np
import pytest

from hellodl.datasets import Dataset
from hellodl.training.diagnosis import diagnosis
from hellodl.training.loop import Trainer
from hellodl.training.settings import Settings


def remark_on(images, labels, **changes):
    settings = Settings(**{"epochs": 1, "batch_size": 20, "validation": 0, **changes})
    trainer = Trainer(settings, Dataset("made", "train", images, labels, ""))
    with np.errstate(all="ignore"):
        record = trainer.run_epoch(lambda _trainer, batches: batches, lambda: None)
    return diagnosis(trainer, record)


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (600, 28, 28), np.uint8), rng.integers(0, 10, 600, np.uint8)


@pytest.fixture
def easy(noise):
    """Each class is a bright row of its own."""
    images, labels = np.zeros_like(noise[0]), noise[1]
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 3] = 255
    return images, labels


def test_what_learns_gets_no_remark(easy):
    assert remark_on(*easy) == ""


def test_a_rate_too_small_is_named(easy):
    remark = remark_on(*easy, lr=1e-7)
    assert remark.startswith("epoch 1 taught next to nothing: the loss is ")
    assert "guessing has 2.30 (ln 10)" in remark
    assert "the learning rate 1e-07 is small for sgd: try --lr 0.05" in remark


def test_dead_units_are_counted(easy):
    assert "units of the last hidden layer are dead" in remark_on(*easy, lr=0.3, optimizer="adam")


def test_pixels_that_were_scaled_and_pictures_all_alike_are_seen(noise):
    images, labels = noise
    assert "the brightest pixel is 1, expected 255" in remark_on((images > 128).astype(np.uint8), labels)
    assert "the pictures are all the same" in remark_on(np.broadcast_to(images[0], images.shape), labels)


def test_labels_that_are_all_equal_are_seen(noise):
    images, _ = noise
    assert remark_on(images, np.full(600, 7, np.uint8)).startswith("all 600 labels are 7: ")
