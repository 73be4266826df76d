#!/usr/bin/env python3
"""Trains 200 epochs and reads 100,000 pictures: memory and open files must stay flat.

    python scripts/bench/soak.py [EPOCHS [PREDICTIONS]]

Linux only (it reads /proc). Exits with 1 if the second half holds 2 MB more than the first, or more files.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hellodl import datasets, load
from hellodl.training import run as training
from hellodl.training.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 2.0  # MB


def memory() -> float:
    """What this process and the second one of a training hold for themselves alone, in MB."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii") for pid in ("self", *children)]
    pages = [
        line.split()[1]
        for rollup in rollups
        for line in rollup.splitlines()
        if line.startswith("Private_Dirty:")
    ]
    return sum(map(int, pages)) * 1024 / 1e6


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def watch(name: str, rounds: Iterable[object], every: int = 1) -> bool:
    """Compare the most memory and files of the second half with the first half's; whether both are flat."""
    seen = np.array([(memory(), open_files()) for count, _ in enumerate(rounds) if count % every == 0])
    half = len(seen) // 2
    (before, files_before), (after, files_after) = seen[:half].max(axis=0), seen[half:].max(axis=0)
    growth, opened = after - before, files_after - files_before
    print(f"{name}: {len(seen) * every} rounds; {growth:+.2f} MB on {before:.1f} MB, {opened:+.0f} files")
    return bool(growth <= LIMIT and opened <= 0)


def main(epochs: int = 200, predictions: int = 100_000) -> int:
    """Both soaks; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        # All but 5,000 images are held out: epochs are short, and validation gets its share of the soak.
        settings = Settings(epochs=epochs, validation=55_000, momentum=0.9, augment="elastic")
        run = training.Run(model, checkpoint_every=0.5)
        records = (r for r in training.train(settings, run) if not isinstance(r, training.DoneRecord))
        flat = watch("training", records)
        net, images = load(model), datasets.load("mnist", "test").images
        one_by_one = (net.predict(images[i % 10_000][None]) for i in range(predictions))
        return 0 if watch("predicting", one_by_one, every=100) and flat else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
