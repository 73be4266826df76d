#!/usr/bin/env python3
"""Accuracy on the test set against seconds of training: our presets, and PyTorch with the same recipes.

python scripts/bench/curve.py                      a table; medians of 3 seeds
python scripts/bench/curve.py --picture curve.svg  and a picture (needs matplotlib)
python scripts/bench/curve.py --presets fast good --seeds 1 --without-torch

PyTorch gets our distortions too, so that only the framework differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from knobs import HELLODL

HERE = Path(__file__).resolve().parent
PEER = [sys.executable, str(HERE / "peers" / "torch_recipe.py")]
MNIST = HERE.parents[1] / "data" / "mnist"
PRESETS = ("hill", "fast", "good", "best")
Point = tuple[float, float]  # seconds of training, accuracy on the test set in percent


def main() -> None:
    """Measure, print, and draw if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    sides = {"hellodl": ours} | ({} if options.without_torch else {"PyTorch": theirs})
    curves: dict[str, list[Point]] = {}
    print("| preset | by | seconds | test accuracy |\n|---|---|---|---|")
    for preset in options.presets:
        for side, measure in sides.items():
            points = [measure(preset, seed) for seed in range(options.seeds)]
            point = median(p[0] for p in points), median(p[1] for p in points)
            curves.setdefault(side, []).append(point)
            print(f"| {preset} | {side} | {point[0]:.2f} | {point[1]:.2f} % |", flush=True)
    if options.picture:
        draw(curves, list(options.presets), options.picture)


def ours(preset: str, seed: int) -> Point:
    """A run of `hellodl train`."""
    with tempfile.TemporaryDirectory() as folder:
        output = ["-o", f"{folder}/m.safetensors", "--json"]
        command = [*HELLODL, "train", "--preset", preset, "--seed", str(seed), *output]
        last = last_line(command)
    return last["train_seconds"], 100 * last["test_accuracy"]


def theirs(preset: str, seed: int) -> Point:
    """A run of PyTorch."""
    last = last_line([*PEER, preset, str(seed)])
    return last["seconds"], 100 * last["test_accuracy"]


def last_line(command: list[str]) -> dict[str, float]:
    """The last JSON line that a program prints."""
    environment = os.environ | {"MNIST_DIR": str(MNIST)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    line: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return line


def draw(curves: dict[str, list[Point]], presets: list[str], file: Path) -> None:
    """The curves, seconds on a logarithmic axis, errors too."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only for pictures

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for side, points in curves.items():
        axes.plot([p[0] for p in points], [100 - p[1] for p in points], marker="o", label=side)
        for preset, (seconds, accuracy) in zip(presets, points, strict=True):
            axes.annotate(preset, (seconds, 100 - accuracy), textcoords="offset points", xytext=(6, 4))
    axes.set(xscale="log", yscale="log", xlabel="seconds of training", ylabel="errors on the test set, %")
    axes.invert_yaxis()
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    main()
