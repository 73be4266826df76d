"""The network's own training as a graph."""

import numpy as np

from hellodl import datasets
from hellodl.autograd import Tensor
from hellodl.nn import DigitNet, cross_entropy

_BATCH = 64  # digits, as in the chapter's training


def training_graph() -> tuple[Tensor, dict[Tensor, str], dict[Tensor, str]]:
    """The loss of an untrained network on MNIST's first test digits; the names of weights and inputs."""
    digits = datasets.load("mnist", "test")
    model = DigitNet(rng=np.random.default_rng(0))
    pixels = np.empty((_BATCH, 784), np.float32)
    model.scale_pixels(digits.images[:_BATCH].reshape(_BATCH, 784), pixels)
    images, targets = Tensor(pixels), Tensor(np.eye(10)[digits.labels[:_BATCH]])
    weights = {parameter: name for name, parameter in model.named_parameters().items()}
    return cross_entropy(model(images), targets), weights, {images: "images", targets: "targets"}
