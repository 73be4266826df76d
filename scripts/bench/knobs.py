#!/usr/bin/env python3
"""What each knob buys: accuracy on images held out, then on the test set, one setting after another.

    python scripts/bench/knobs.py                     every row, 3 seeds: a quarter of an hour
    python scripts/bench/knobs.py --rows 7 --seeds 1  the first rows: some minutes

Each seed holds out 10,000 other images of the training set: settings are chosen by what is read of those. The
test set is told beside it, not chosen by. Each cell is the median, with the worst and the best in brackets.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

SCRIPT = Path(sys.executable).with_name("hellodl")
HELLODL = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "hellodl"]
HELD_OUT = "--validation 10000"
START = "--preset hill"
MOMENTUM = f"{START} --lr 0.05 --momentum 0.9 --batch-size 128 --schedule cosine --warmup 0.01"
ELASTIC = f"{MOMENTUM} --epochs 60 --augment elastic"

ROWS = {
    "plain hill descent, 10 epochs (hill)": START,
    "momentum and a falling rate, 5 epochs": f"{MOMENTUM} --epochs 5",
    "… 60 epochs": f"{MOMENTUM} --epochs 60",
    "… and shifts": f"{MOMENTUM} --epochs 60 --augment shift",
    "… affine distortions instead": f"{MOMENTUM} --epochs 60 --augment affine",
    "… elastic ones instead": ELASTIC,
    "… digits turned upright first": f"{ELASTIC} --upright yes",
    "… and weight decay": f"{ELASTIC} --upright yes --weight-decay 2e-4",
    "… and a trapezoid of twice the rate": "--preset best --epochs 60",
    "fast": "--preset fast",
    "good": "--preset good",
    "best": "--preset best",
}


def main() -> None:
    """Measure and print, row by row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=len(ROWS), help="only the first so many")
    parser.add_argument("--more", default="", help="options of `hellodl train` for every run")
    options = parser.parse_args()
    print("| what | held out | test | seconds |\n|---|---|---|---|")
    for what, settings in list(ROWS.items())[: options.rows]:
        runs = [trained(f"{settings} {HELD_OUT} {options.more}", seed) for seed in range(options.seeds)]
        held_out, test = (spread([r[f"{which}_accuracy"] for r in runs]) for which in ("validation", "test"))
        print(
            f"| {what} | {held_out} | {test} | {median(r['train_seconds'] for r in runs):.1f} |", flush=True
        )


def trained(settings: str, seed: int) -> dict[str, float]:
    """The last records of a run of `hellodl train`: of its last epoch and of its end."""
    with tempfile.TemporaryDirectory() as folder:
        rest = ["--seed", str(seed), "-o", f"{folder}/m.safetensors", "--json"]
        return end_of([*HELLODL, "train", *settings.split(), *rest])


def end_of(command: list[str], environment: dict[str, str] | None = None) -> dict[str, float]:
    """What the last two JSON lines say that a program prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    told: dict[str, float] = {}
    for line in done.stdout.splitlines()[-2:]:
        told |= json.loads(line)
    return told


def spread(shares: list[float]) -> str:
    """The median of some shares, the worst and the best, in percent."""
    middle, worst, best = (100 * f(shares) for f in (median, min, max))
    return f"{middle:.2f} %" + (f" ({worst:.2f}–{best:.2f})" if len(shares) > 1 else "")


if __name__ == "__main__":
    main()
