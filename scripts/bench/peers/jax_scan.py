#!/usr/bin/env python3
"""JAX at its best on a CPU: a whole epoch is one jitted scan. The epoch printed is the fastest of five."""

import time

STARTED = time.perf_counter()

import jax  # noqa: E402 - the clock counts the imports
import numpy as np  # noqa: E402
from common import (  # noqa: E402
    BATCH,
    DEVIATION,
    EPOCHS,
    MEAN,
    MOMENTUM,
    RATE,
    SIZES,
    WARMUP,
    mnist,
    report,
    seed,
)
from jax import Array  # noqa: E402
from jax import numpy as jnp  # noqa: E402

Parameters = list[tuple[Array, Array]]
State = tuple[Parameters, Parameters, float]  # parameters, velocities, steps done

STEPS = EPOCHS * (60_000 // BATCH)


def main() -> None:
    """Train and print the line."""
    images, labels, test_images, test_labels = mnist()
    images, test_images = jnp.asarray(scaled(images)), jnp.asarray(scaled(test_images))
    labels = jnp.asarray(labels.astype(np.int32))
    key = jax.random.PRNGKey(seed())
    parameters = first_parameters(key)
    state = parameters, jax.tree.map(jnp.zeros_like, parameters), 0.0
    epochs = []
    started = time.perf_counter()
    for _ in range(EPOCHS):
        epoch_started = time.perf_counter()
        key, shuffling = jax.random.split(key)
        state = jax.block_until_ready(epoch(state, shuffling, images, labels))
        epochs.append(time.perf_counter() - epoch_started)
    seconds = time.perf_counter() - started
    accuracy = float((jnp.argmax(scores(state[0], test_images), 1) == jnp.asarray(test_labels)).mean())
    report("jax_scan", accuracy, STARTED, seconds, min(epochs))


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Pixels as the network wants them."""
    return (pixels.astype(np.float32) / 255 - MEAN) / DEVIATION


def first_parameters(key: Array) -> Parameters:
    """Weights and biases of each layer."""
    layers = zip(jax.random.split(key, 4), SIZES, SIZES[1:], strict=False)
    return [(jax.random.normal(k, (a, b)) * jnp.sqrt(2 / a), jnp.zeros(b)) for k, a, b in layers]


def scores(parameters: Parameters, x: Array) -> Array:
    """784 → 128 → 64 → 10 with ReLU between."""
    for weight, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters[-1]
    return x @ weight + bias


def mean_loss(parameters: Parameters, x: Array, y: Array) -> Array:
    """The mean cross-entropy."""
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(parameters, x)), y[:, None], 1).mean()


def step(state: State, batch: tuple[Array, Array]) -> tuple[State, float]:
    """One step down the hill."""
    parameters, velocities, done = state
    found = jax.grad(mean_loss)(parameters, *batch)
    rate = RATE * (1 - done / STEPS) * jnp.minimum(1, (done + 1) / WARMUP)
    velocities = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocities, found)
    parameters = jax.tree.map(lambda p, v, g: p - rate * (g + MOMENTUM * v), parameters, velocities, found)
    return (parameters, velocities, done + 1), 0.0


@jax.jit
def epoch(state: State, key: Array, images: Array, labels: Array) -> State:
    """All batches once, shuffled."""
    order = jax.random.permutation(key, len(images))[: len(images) // BATCH * BATCH]
    batches = images[order].reshape(-1, BATCH, 784), labels[order].reshape(-1, BATCH)
    return jax.lax.scan(step, state, batches)[0]


if __name__ == "__main__":
    main()
