#!/usr/bin/env python3
"""A long life in short: memory, files, threads and processes must stay flat.

    python scripts/bench/soak.py [RESUMES [RUNS [PREDICTIONS]]]

Resumes one run a thousand times, makes two hundred runs, and reads a picture a million times, all in this
process; a run learns from 256 images. Linux only (it reads /proc). Exits with 1 if the second half of any of
them holds 2 MB more than the first, or more of the others.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hellodl import datasets, load
from hellodl.training import run as training
from hellodl.training.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMIT = 2.0  # MB
IMAGES = 256  # to learn from, 56 of them held out, and as many to be scored on
LOOKS = 100  # at what is held, evenly over a soak: each takes some milliseconds


def held() -> tuple[float, int, int, int]:
    """What this process holds: MB of its own, with its children's; open files, threads, children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii") for pid in ("self", *children)]
    lines = [line.split() for rollup in rollups for line in rollup.splitlines()]
    pages = sum(int(words[1]) for words in lines if words[0] == "Private_Dirty:")
    files, threads = (len(list(Path("/proc/self", name).iterdir())) for name in ("fd", "task"))
    return pages * 1024 / 1e6, files, threads, len(children)


def watch(name: str, rounds: Iterable[object], count: int) -> bool:
    """Compare the most of all that is held in the second half with the first half's; whether it is flat."""
    every, started = max(1, count // LOOKS), time.process_time()
    seen = np.array([held() for number, _ in enumerate(rounds) if number % every == 0])
    half = len(seen) // 2
    before, after = seen[:half].max(axis=0), seen[half:].max(axis=0)
    grown = [f"{more:+.0f} {what}" for more, what in zip(after - before, ("MB", *COUNTED), strict=True)]
    grown[0] = f"{after[0] - before[0]:+.2f} MB on {before[0]:.1f} MB"
    print(f"{name}: {count:,} rounds, {time.process_time() - started:.0f} s; {', '.join(grown)}", flush=True)
    return bool(after[0] - before[0] <= LIMIT and (after[1:] <= before[1:]).all())


COUNTED = ("files", "threads", "processes")


def write_data(folder: Path) -> None:
    """MNIST's first images, as IDX files."""
    for split, prefix in (("train", "train"), ("test", "t10k")):
        whole = datasets.load("mnist", split)
        for array, name in ((whole.images, "images-idx3-ubyte"), (whole.labels, "labels-idx1-ubyte")):
            some = np.ascontiguousarray(array[:IMAGES])
            sizes = b"".join(size.to_bytes(4) for size in some.shape)
            (folder / f"{prefix}-{name}").write_bytes(bytes([0, 0, 8, some.ndim]) + sizes + some.tobytes())


def runs(count: int, data: Path, model: Path, *, resume: bool) -> Iterator[None]:
    """Runs of an epoch, each with two processes; or one run that is resumed for each of its epochs."""
    for number in range(1, count + 1):
        settings = Settings(epochs=number if resume else 1, validation=56, momentum=0.9, augment="affine")
        before = model if resume and number > 1 else None
        for _ in training.train(settings, training.Run(model, data, resume=before, threads=2)):
            pass
        yield


def main(resumes: int = 1000, several: int = 200, predictions: int = 1_000_000) -> int:
    """All soaks; the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder)
        model, images = folder / "model.safetensors", datasets.load("mnist", "test").images
        flat = [
            watch("resumes", runs(resumes, folder, model, resume=True), resumes),
            watch("runs", runs(several, folder, folder / "other.safetensors", resume=False), several),
        ]
        net = load(model)
        one_by_one = (net.predict(images[i % len(images)][None]) for i in range(predictions))
        flat.append(watch("predictions", one_by_one, predictions))
        return 0 if all(flat) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
