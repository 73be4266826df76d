"""The example of a convolutional network: it learns, and a step of it is PyTorch's."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from hellodl.datasets import load

LENET = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "bench" / "lenet.py"))


def scaled(images: np.ndarray) -> np.ndarray:
    return (images.reshape(len(images), 784).T / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)


def test_three_steps_are_those_of_pytorch() -> None:
    """Losses and all 61,706 parameters, from the same first weights."""
    net = LENET["LeNet"](np.random.default_rng(0))
    theirs, ours = LENET["Torch"](net), LENET["Trainer"](net, batch=20)
    assert sum(p.size for p in net.parameters()) == 61_706
    data = load("mnist", "train")
    for start in (0, 20, 40):
        pixels, labels = scaled(data.images[start : start + 20]), data.labels[start : start + 20]
        assert ours.learn(pixels, labels) == pytest.approx(theirs.learn(pixels, labels), rel=1e-4)
    for a, b in zip(net.parameters(), theirs.parameters, strict=True):
        expected = b.detach().numpy().reshape(a.shape)
        np.testing.assert_allclose(a.value, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_it_reads_most_digits_after_6000_pictures() -> None:
    """One pass over a tenth of MNIST, 60 steps."""
    trainer = LENET["Trainer"](LENET["LeNet"](np.random.default_rng(0)))
    data, test = load("mnist", "train"), load("mnist", "test")
    for start in range(0, 6000, 100):
        trainer.learn(scaled(data.images[start : start + 100]), data.labels[start : start + 100])
    assert np.mean(trainer.read(scaled(test.images[:100])) == test.labels[:100]) > 0.8
