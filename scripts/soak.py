#!/usr/bin/env python3
"""Trains 200 epochs and reads 100,000 pictures: memory and open files must stay flat.

    python scripts/soak.py [EPOCHS [PREDICTIONS]]

Linux only (it reads /proc). Exits with 1 if memory grows by more than 2 MB, or files stay open.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hellodl import datasets, load, training
from hellodl.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 2.0  # MB


def memory() -> float:
    """What this process holds in memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def watch(name: str, rounds: Iterable[object]) -> bool:
    """Compare memory and open files after ten rounds with their highest since; whether both are flat."""
    before = highest = (0.0, 0)
    for count, _ in enumerate(rounds, 1):
        now = memory(), open_files()
        if count == 10:
            before = highest = now
        highest = max(highest[0], now[0]), max(highest[1], now[1])
    growth, opened = highest[0] - before[0], highest[1] - before[1]
    print(f"{name}: {count} rounds; at most {growth:+.2f} MB on {before[0]:.1f} MB, {opened:+d} files")
    return growth <= LIMIT and opened <= 0


def main(epochs: int = 200, predictions: int = 100_000) -> int:
    """Both soaks; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        # All but 5,000 images are held out: epochs are short, and validation gets its share of the soak.
        settings = Settings(epochs=epochs, validation=55_000, momentum=0.9, average=0.99, augment="elastic")
        run = training.Run(model, checkpoint_every=0.5)
        records = (r for r in training.train(settings, run) if not isinstance(r, training.DoneRecord))
        flat = watch("training", records)
        net, images = load(model), datasets.load("mnist", "test").images
        one_by_one = (net.predict(images[i % 10_000][None]) for i in range(predictions))
        return 0 if watch("predicting", one_by_one) and flat else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
