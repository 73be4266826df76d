"""The network in whole numbers of eight bits: a quarter of the size, for machines with little memory.

Each row of weights has a scale of its own, so that its largest weight becomes 127; what goes into a layer is
scaled so that its largest value becomes 255, anew for each picture, so nothing has to be measured beforehand.
Sums of products are whole numbers of 32 bits and exact; the C program in c_header.py does just the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.datasets import Dataset
from hellodl.evaluation import score, score_probabilities
from hellodl.nn import DigitNet, Linear
from hellodl.reading.weights import softmax
from hellodl.upright import upright

WEIGHT_MAX = 127  # of int8, the same on either side of 0
INPUT_MAX = 255  # of uint8: no input is negative, since pixels and what ReLUs let through are not


@dataclass(frozen=True)
class Int8Layer:
    """Weights int8 (n_out, n_in), what 1 in each row of them counts (n_out,), and biases (n_out,)."""

    weight: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Int8Net:
    """A network of 8-bit layers. It takes raw pixels: their scaling is part of the first layer's numbers.

    upright: whether images are turned upright first, see hellodl.upright.
    """

    layers: tuple[Int8Layer, ...]
    upright: bool = False

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of each digit: uint8 images (n, 28, 28), ink bright → float32 (n, 10)."""
        seen = upright(images) if self.upright else images
        whole, unit = seen.reshape(len(images), -1), np.ones((len(images), 1), np.float32)
        for layer in self.layers[:-1]:
            values = np.maximum(_sums(layer, whole, unit), 0)
            top = values.max(axis=1, keepdims=True)
            factor = np.float32(INPUT_MAX) / np.where(top > 0, top, np.float32(1))
            whole = (values * factor + np.float32(0.5)).astype(np.uint8)
            unit = top / np.float32(INPUT_MAX)
        return softmax(_sums(self.layers[-1], whole, unit))[0]


def arrays_of(layer: Linear | Int8Layer) -> dict[str, NDArray[Any]]:
    """What a layer consists of, by name."""
    if isinstance(layer, Int8Layer):
        return vars(layer)
    return {"weight": layer.weight.value, "bias": layer.bias.value}


def quantised(model: DigitNet) -> Int8Net:
    """A network with its weights rounded to 8 bits."""
    mean, deviation = model.pixels
    layers = []
    for i, layer in enumerate(model.layers):
        weight, bias = layer.weight.value.astype(np.float64), layer.bias.value.astype(np.float64)
        if i == 0:  # weight · (pixel / (255 · deviation) - mean / deviation)
            bias = bias - weight.sum(axis=1) * (mean / deviation)
            weight = weight / (255 * deviation)
        scale = np.maximum(np.abs(weight).max(axis=1), np.finfo(np.float32).tiny) / WEIGHT_MAX
        rounded = np.rint(weight / scale[:, None]).astype(np.int8)
        layers.append(Int8Layer(rounded, scale.astype(np.float32), bias.astype(np.float32)))
    return Int8Net(tuple(layers), model.upright)


def accuracies(model: DigitNet, test: Dataset) -> dict[str, float]:
    """What rounding costs: the accuracy on a test set with it, and without, in float32."""
    rounded = score_probabilities(quantised(model).predict(test.images), test.labels)
    return {"accuracy": rounded.accuracy, "float32": score(model, test.images, test.labels).accuracy}


def _sums(layer: Int8Layer, whole: NDArray[np.uint8], unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted sums (n, n_out) of whole numbers (n, n_in), one of which counts `unit` (n, 1)."""
    # Products in float64 are exact here, and much quicker than in int32, for which there is no BLAS.
    exact = whole.astype(np.float64) @ layer.weight.T.astype(np.float64)
    return np.asarray(exact.astype(np.float32) * (layer.scale * unit) + layer.bias, np.float32)
