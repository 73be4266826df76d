#!/usr/bin/env python3
"""Accuracy on the test set against seconds of training: our presets, and PyTorch with the same recipes.

    python scripts/bench/curve.py                      every preset, medians of 3 seeds: PyTorch takes an hour
    python scripts/bench/curve.py --presets fast good --seeds 1

PyTorch gets our batches with our distortions, so that only the framework differs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median

from knobs import end_of, trained

HERE = Path(__file__).resolve().parent
PEER = [sys.executable, str(HERE / "peers" / "torch_recipe.py")]
MNIST = HERE.parents[1] / "data" / "mnist"
PRESETS = ("hill", "fast", "good", "best")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    options = parser.parse_args()
    print("| preset | hellodl | PyTorch |\n|---|---|---|")
    for preset in options.presets:
        ours = [trained(f"--preset {preset}", seed) for seed in range(options.seeds)]
        theirs = [peer(preset, seed) for seed in range(options.seeds)]
        print(f"| {preset} | {told(ours, 'train_seconds')} | {told(theirs, 'seconds')} |", flush=True)


def peer(preset: str, seed: int) -> dict[str, float]:
    """The end of a run of PyTorch."""
    return end_of([*PEER, preset, str(seed)], os.environ | {"MNIST_DIR": str(MNIST)})


def told(runs: list[dict[str, float]], seconds: str) -> str:
    """The medians of some runs: accuracy, and how long they took."""
    accuracy = median(run["test_accuracy"] for run in runs)
    return f"{accuracy:.2%} in {median(run[seconds] for run in runs):.2f} s"


if __name__ == "__main__":
    main()
