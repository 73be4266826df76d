"""The network's own training as a graph."""

import numpy as np

from hellodl.autograd import Tensor
from hellodl.nn import DigitNet, cross_entropy

_BATCH = 64  # pictures, as in the chapter's training


def training_graph() -> tuple[Tensor, dict[Tensor, str], dict[Tensor, str]]:
    """The loss of an untrained network on a batch of random pictures; the names of weights and inputs."""
    random = np.random.default_rng(0)
    model = DigitNet(rng=random)
    images = Tensor(random.standard_normal((_BATCH, 784)))
    targets = Tensor(np.eye(10)[random.integers(0, 10, _BATCH)])
    weights = {parameter: name for name, parameter in model.named_parameters().items()}
    return cross_entropy(model(images), targets), weights, {images: "images", targets: "targets"}
