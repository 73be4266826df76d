"""Small networks that ship with hellodl beside the one for digits: their files, and what they answer."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd.memory import product
from hellodl.errors import ModelError
from hellodl.reading.arrays import Plane

Weights = dict[str, Plane]


def loaded(path: Path, inputs: int, outputs: int, **others: int) -> Weights:
    """The weights in a file: layers lc1, lc2 … from `inputs` to `outputs`, and vectors of the lengths given.

    Raises ModelError if it is missing or damaged, another version's, or holds what is no number.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(path)
        layers = range(1, _layers(weights) + 1)
        widths = [inputs, *(np.size(weights.get(f"lc{i}.bias", ())) for i in layers)]
        shapes: dict[str, tuple[int, ...]] = {name: (length,) for name, length in others.items()}
        for i in layers:
            shapes |= {f"lc{i}.bias": (widths[i],), f"lc{i}.weight": (widths[i], widths[i - 1])}
        for name, shape in shapes.items():
            found = weights.get(name, np.empty(0))
            if found.shape != shape or found.dtype != np.float32 or not np.isfinite(found).all():
                raise ValueError(f"{name} is not {shape} finite numbers")
        if widths[-1] != outputs:
            raise ValueError(f"its last layer has {widths[-1]} outputs, expected {outputs}")
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: {error}; it comes with hellodl: install that anew") from None
    return weights


def logits(weights: Weights, inputs: Plane) -> Plane:
    """What the layers make of rows of inputs: a score for each label."""
    for i in range(1, _layers(weights) + 1):
        inputs = inputs if i == 1 else np.maximum(inputs, 0)
        weight, bias = weights[f"lc{i}.weight"], weights[f"lc{i}.bias"]
        sums = np.empty((len(inputs), len(bias)), np.float32)
        product(inputs, weight.T, sums)
        inputs = sums + bias
    return inputs


def softmax(scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The probabilities (n, k) that scores stand for, and the logarithms (n,) of what these add up to."""
    top = scores.max(axis=1, keepdims=True)
    powers = np.exp(scores - top)
    total = powers.sum(axis=1, keepdims=True)
    return powers / total, (top + np.log(total))[:, 0]


def _layers(weights: Weights) -> int:
    return sum(name.endswith(".weight") for name in weights)
