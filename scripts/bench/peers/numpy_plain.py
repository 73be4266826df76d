#!/usr/bin/env python3
"""Hand-written NumPy backprop, no autograd at all: what an autograd's overhead is measured against."""

import time

STARTED = time.perf_counter()

from itertools import pairwise  # noqa: E402 - the clock counts the imports

import numpy as np  # noqa: E402
from common import (  # noqa: E402
    BATCH,
    DEVIATION,
    EPOCHS,
    MEAN,
    MOMENTUM,
    RATE,
    SIZES,
    decay,
    mnist,
    report,
    seed,
)

Arrays = list[np.ndarray]


def main() -> None:
    """Train and print the line."""
    images, labels, test_images, test_labels = mnist()
    images, test_images = scaled(images), scaled(test_images)
    rng = np.random.default_rng(seed())
    layers = list(pairwise(SIZES))
    weights = [(rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32) for shape in layers]
    biases = [np.zeros(width, np.float32) for width in SIZES[1:]]
    seconds = train(weights, biases, images, labels, rng)
    accuracy = (forward(weights, biases, test_images)[-1].argmax(1) == test_labels).mean()
    report("numpy_plain", accuracy, STARTED, seconds, seconds / EPOCHS)


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Pixels as the network wants them."""
    ink = pixels.astype(np.float32) * np.float32(1 / 255)
    return (ink - np.float32(MEAN)) * np.float32(1 / DEVIATION)


def train(
    weights: Arrays, biases: Arrays, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> float:
    """All epochs; the seconds they took."""
    parameters, targets = weights + biases, np.eye(10, dtype=np.float32)
    velocities = [np.zeros_like(parameter) for parameter in parameters]
    batches, step = len(images) // BATCH, 0
    started = time.perf_counter()
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for start in range(0, batches * BATCH, BATCH):
            rate = np.float32(RATE * decay(step, EPOCHS * batches))
            step += 1
            rows = order[start : start + BATCH]
            found = gradients(weights, biases, images[rows], targets[labels[rows]])
            for parameter, velocity, gradient in zip(parameters, velocities, found, strict=True):
                update(parameter, velocity, gradient, rate)
    return time.perf_counter() - started


def update(parameter: np.ndarray, velocity: np.ndarray, gradient: np.ndarray, rate: np.float32) -> None:
    """One step down the hill, with Nesterov's momentum."""
    momentum = np.float32(MOMENTUM)
    velocity *= momentum
    velocity += gradient
    parameter -= rate * (gradient + momentum * velocity)


def forward(weights: Arrays, biases: Arrays, x: np.ndarray) -> Arrays:
    """The activations of the two hidden layers, and the scores."""
    hidden1 = x @ weights[0]
    hidden1 += biases[0]
    np.maximum(hidden1, 0, out=hidden1)
    hidden2 = hidden1 @ weights[1]
    hidden2 += biases[1]
    np.maximum(hidden2, 0, out=hidden2)
    scores = hidden2 @ weights[2]
    scores += biases[2]
    return [hidden1, hidden2, scores]


def gradients(weights: Arrays, biases: Arrays, x: np.ndarray, targets: np.ndarray) -> Arrays:
    """The gradients of the mean cross-entropy: of the weights, then of the biases."""
    hidden1, hidden2, d3 = forward(weights, biases, x)
    d3 -= d3.max(1, keepdims=True)
    np.exp(d3, out=d3)
    d3 /= d3.sum(1, keepdims=True)
    d3 -= targets
    d3 *= np.float32(1 / BATCH)
    d2 = d3 @ weights[2].T
    d2 *= hidden2 > 0
    d1 = d2 @ weights[1].T
    d1 *= hidden1 > 0
    return [x.T @ d1, hidden1.T @ d2, hidden2.T @ d3, d1.sum(0), d2.sum(0), d3.sum(0)]


if __name__ == "__main__":
    main()
