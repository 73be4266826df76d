#!/usr/bin/env python3
"""What bench.py measures, or writes, in a process of its own; a measurement is printed as one JSON object.

Apart, so that bench.py itself stays small: a child's peak memory is never told as less than its parent's.
"""

from __future__ import annotations

# ruff: noqa: E402 - the kernel is chosen before NumPy is imported, as `hellodl` does
from hellodl.system import kernels

kernels.choose_kernel()

import argparse
import json
import time
import tracemalloc
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

import hellodl
from hellodl import datasets
from hellodl.system.lockstep import PROCESSES
from hellodl.system.processors import available_cpus, one_blas_thread
from hellodl.training.loop import Trainer
from hellodl.training.settings import PRESETS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hellodl.training.batches import Batch

WEIGHTS = 109_184  # of the network 784 → 128 → 64 → 10: each takes a product and a sum an image
SIDE = 2048  # of the square matrices whose product shows what the machine can do
PRODUCT_FLOPS = 2 * SIDE**3
PASSES = 5  # over the test set in one measurement: the product before it has emptied the caches


def main() -> None:
    """Run the probe that is named."""
    probes = {probe.__name__: probe for probe in (machine, rate, allocation, evaluation, subset, digit)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probe", choices=probes)
    parser.add_argument("argument", help="a batch size or `fast`, a model, a number of images, or a file")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(probes[options.probe](options.argument, options.rounds)))


# Probes -------------------------------------------------------------------------------------------------


def machine(_: str, _rounds: int) -> dict[str, str]:
    """The processor, and the kernel that multiplies matrices on it for `hellodl`."""
    return {"of": kernels.processor_name(), "kernel": kernels.kernel_in_use()}


def rate(batch: str, rounds: int) -> dict[str, float]:
    """Floating-point operations a second of training steps and of a matrix product, in turns.

    Of a training step only the products it needs are counted: three a layer, less the gradient of the pixels.
    """
    trainer = plain_training(batch, min(available_cpus(), PROCESSES))
    size = trainer.plan.batch_size
    flops = trainer.plan.steps_per_epoch * (6 * size * WEIGHTS - 2 * size * 784 * 128)
    with trainer.shared_out():
        ours = partial(trainer.run_epoch, as_they_come, nothing)
        training, product = in_turns(rounds, ours, MatrixProduct())
    return {
        "batch": size,
        "threads": trainer.processes,
        "ours": flops / training,
        "theirs": PRODUCT_FLOPS / product,
    }


def allocation(batch: str, rounds: int) -> dict[str, float]:
    """The most bytes that a training step allocates, however briefly: gather, scale, run, update."""
    trainer = plain_training(batch, processes=1)
    batches = list(islice(trainer.plan.rest(0), 100))
    tracemalloc.start()
    peaks = []
    for step in range(10 * rounds):
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        trainer.learn(batches[step % 100])
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    return {"batch": trainer.plan.batch_size, "ours": max(peaks[10:])}


def evaluation(model: str, rounds: int) -> dict[str, float]:
    """Test images read a second, and how many a matrix product's rate would allow, in turns."""
    network, images = hellodl.load(Path(model)), datasets.load("mnist", "test").images
    one_blas_thread()  # as `hellodl evaluate` does

    def read() -> None:
        for _ in range(PASSES):
            network.predict(images)

    reading, product = in_turns(rounds, read, MatrixProduct())
    return {"ours": PASSES * len(images) / reading, "theirs": PRODUCT_FLOPS / product / (2 * WEIGHTS)}


def subset(images: str, _rounds: int) -> str:
    """Write the first so many training images, and all test images, into a folder of that name."""
    folder, kept = Path(images), {"train": int(images), "test": None}
    folder.mkdir(exist_ok=True)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        data = datasets.load("mnist", split)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", data.images[: kept[split]])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", data.labels[: kept[split]])
    return str(folder)


def digit(file: str, _rounds: int) -> str:
    """Write the first test image as a picture."""
    from PIL import Image

    Image.fromarray(datasets.load("mnist", "test").images[0]).save(file)
    return file


# Tools --------------------------------------------------------------------------------------------------


def plain_training(batch: str, processes: int) -> Trainer:
    """Training on 60,000 images without distortion, in batches of a given size or the fast preset's."""
    size = PRESETS["fast"]["batch_size"] if batch == "fast" else int(batch)
    plain = {"batch_size": size, "augment": "none", "validation": 0, "epochs": 1000}
    return Trainer(Settings(**{**PRESETS["fast"], **plain}), datasets.load("mnist", "train"), processes)


def as_they_come(_trainer: Trainer, batches: Iterable[Batch]) -> Iterable[Batch]:
    """Batches without a progress bar."""
    return batches


def nothing() -> None:
    """What is done between two steps."""


class MatrixProduct:
    """A product of square float32 matrices, with all threads that the machine gives us."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
        self._out = np.empty_like(self._a)
        self._blas = ThreadpoolController()

    def __call__(self) -> None:
        """Multiply once."""
        with self._blas.limit(limits=available_cpus()):
            np.matmul(self._a, self._b, out=self._out)


def in_turns(rounds: int, *functions: Callable[[], object]) -> list[float]:
    """Median seconds of each function; a first round warms up and is not counted."""
    seconds = [[timed(function) for function in functions] for _ in range(rounds + 1)]
    return [median(column) for column in zip(*seconds[1:], strict=True)]


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes, after a pause in which OpenBLAS's threads stop looking for work."""
    time.sleep(0.1)
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write bytes as IDX: two zeros, the type, the number of dimensions, their sizes, the bytes."""
    sizes = np.array(array.shape, ">i4").tobytes()
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


if __name__ == "__main__":
    main()
