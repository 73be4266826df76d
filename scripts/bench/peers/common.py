"""What the peers share: MNIST as plain arrays, read the cheapest way, the recipe, and the line they print."""

from __future__ import annotations

import gzip
import os
import sys
import time
from pathlib import Path

import numpy as np

SIZES = (784, 128, 64, 10)
BATCH, EPOCHS = 128, 5
RATE, MOMENTUM = 0.05, 0.9  # the rate falls linearly to 0; the momentum is Nesterov's
WARMUP = 200  # steps in which the rate rises
MEAN, DEVIATION = 0.1307, 0.3081


def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images (60000, 784) and labels, test images (10000, 784) and labels, from $MNIST_DIR."""
    return (
        _idx("train-images-idx3-ubyte").reshape(-1, 784),
        _idx("train-labels-idx1-ubyte"),
        _idx("t10k-images-idx3-ubyte").reshape(-1, 784),
        _idx("t10k-labels-idx1-ubyte"),
    )


def _idx(name: str) -> np.ndarray:
    """The bytes of an IDX file after its header."""
    raw = gzip.decompress(Path(os.environ["MNIST_DIR"], f"{name}.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16 if "images" in name else 8)


def seed() -> int:
    """The seed named on the command line, else 0."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else 0


def decay(step: int, steps: int) -> float:
    """What share of the learning rate a step uses."""
    return (1 - step / steps) * min(1, (step + 1) / WARMUP)


def report(name: str, accuracy: float, started: float, training: float, epoch: float) -> None:
    """Print the one line; seconds, `started` by the clock of `time.perf_counter`."""
    total = time.perf_counter() - started
    print(f"{name} acc {accuracy:.4f} total {total:.2f}s train {training:.2f}s epoch {epoch:.3f}s")
