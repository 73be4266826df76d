"""A small data set on disk and models that read it, for the tests of the commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save as to_bytes

from hellodl import checkpoint
from hellodl.about import as_dict, describe
from hellodl.nn import DigitNet

REPOSITORY = Path(__file__).parents[2]


def write_dataset(folder, train=200, test=60):
    """Random pictures with an empty border, as MNIST's have one, under MNIST's names; returns `folder`."""
    folder.mkdir(exist_ok=True)
    for split, count, seed in (("train", train, 0), ("t10k", test, 1)):
        rng = np.random.default_rng(seed)
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 4:24, 4:24] = rng.integers(0, 256, (count, 20, 20))
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        save_idx(folder / f"{split}-images-idx3-ubyte", images)
        save_idx(folder / f"{split}-labels-idx1-ubyte", labels)
    return folder


def save_idx(path, array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def save_model(path, **about):
    """An untrained network; `about` adds to what the file says about itself."""
    model = DigitNet(rng=np.random.default_rng(3))
    weights = {name: np.ascontiguousarray(array) for name, array in checkpoint.weights_of(model).items()}
    path.write_bytes(to_bytes(weights, {checkpoint.KEY: json.dumps(as_dict(describe(model)) | about)}))
    return path


def hellodl(*arguments, cwd, **environment):
    """`python -m hellodl` in a process of its own, its output as bytes."""
    return run_python("-m", "hellodl", *arguments, cwd=cwd, **environment)


def run_python(*arguments, cwd, **environment):
    settings = {"PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1", **environment}
    variables = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "HELLODL_DATA")}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=variables | settings, capture_output=True, check=False)
