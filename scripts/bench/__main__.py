#!/usr/bin/env python3
"""Measure hellodl against its peers, in turns on this machine, and print one table with what was aimed at.

    python scripts/bench                                   every row
    python scripts/bench --quick --only help predict       two rows, few rounds
    python scripts/bench --python-with jax=/path/to/python

Neither this file nor rows.py imports NumPy: a child's peak memory is never told as less than its
parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rows import HERE, ROWS, Bench, FailedError, Result, cpus

FORMATS = {
    "s": "{:.3f} s",
    "µs/image": "{:.2f} µs/image",
    "GFLOP/s": "{:.1f} GFLOP/s",
    "images/s": "{:,.0f} images/s",
    "MB": "{:.0f} MB",
    "KB": "{:.1f} KB",
    "%": "{:.2f} %",
}
MODULES = ("numpy", "torch", "jax")
HEADINGS = ("row", "command", "ours", "against", "theirs", "ratio", "target", "met")


def main() -> int:
    """Measure the rows asked for; 1 if one of them could not be measured."""
    options = read_options()
    bench = Bench(
        rounds=2 if options.quick else options.rounds,
        seeds=3 if options.quick else options.seeds,
        peers=options.peers.resolve(),
        pythons=dict(options.python_with),
    )
    about = describe(bench)
    with tempfile.TemporaryDirectory(prefix="hellodl-bench-") as folder:
        os.chdir(folder)
        results = [result for row in options.only for result in measure(row, bench)]
        os.chdir(HERE)
    if options.json:
        print(json.dumps({**about, "rows": [asdict(result) for result in results]}, ensure_ascii=False))
    else:
        print(", ".join(f"{name} {value}" for name, value in about.items()), table(results), sep="\n\n")
    return int(any(result.note.startswith("failed") for result in results))


def read_options() -> argparse.Namespace:
    """The options of the command line."""
    usage, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=usage, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS)
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured (default: 7)")
    parser.add_argument("--seeds", type=int, default=20, help="seeds for the accuracy (default: 20; 0: none)")
    parser.add_argument("--quick", action="store_true", help="2 rounds, 3 seeds")
    parser.add_argument("--peers", type=Path, default=HERE / "peers", help="folder of the peers' scripts")
    parser.add_argument(
        "--python-with",
        type=python_with,
        action="append",
        default=[],
        metavar="MODULE=PYTHON",
        help="the Python in which torch, jax or numpy is installed (default: this one)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.rounds < 1 or options.seeds < 0:
        parser.error("--rounds must be 1 or more, --seeds 0 or more")
    return options


def python_with(text: str) -> tuple[str, str]:
    """A module and the Python that has it, from MODULE=PYTHON."""
    module, _, python = text.partition("=")
    found = shutil.which(python)
    if module not in MODULES or found is None:
        raise argparse.ArgumentTypeError(
            f"is {text}, expected torch, jax or numpy, =, and a Python that runs"
        )
    return module, str(Path(found).absolute())


def measure(row: str, bench: Bench) -> list[Result]:
    """The lines of a row; one that says so if a program failed."""
    print(f"measuring {row} …", file=sys.stderr)
    try:
        return ROWS[row](bench)
    except FailedError as error:
        return [Result(row, "", note=f"failed: {error}")]


def describe(bench: Bench) -> dict[str, str | int | None]:
    """What was measured on, and with which versions."""
    versions = {module: bench.version(module) or "not installed" for module in MODULES}
    return {
        "CPUs": cpus(),
        **bench.probe("machine", ""),
        "Python": platform.python_version(),
        **versions,
        "rounds": bench.rounds,
    }


def table(results: list[Result]) -> str:
    """Columns of plain text, then the notes."""
    lines = [HEADINGS, *map(cells, results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    text.insert(1, "  ".join("─" * width for width in widths))
    notes = [f"{result.row}: {result.note}" for result in results if result.note and not is_missing(result)]
    return "\n".join(line.rstrip() for line in [*text, "", *notes]).rstrip()


def cells(result: Result) -> tuple[str, ...]:
    """One line of the table as text."""
    met = {True: "yes", False: "no", None: "–"}[result.met]
    ratio = "–" if result.ratio is None else f"{result.ratio:.2f} ×"
    ours, theirs = (number(value, result.unit) for value in (result.ours, result.theirs))
    if is_missing(result):
        theirs = result.note
    against, target = result.against or "–", result.target or "–"
    return result.row, result.command, ours, against, theirs, ratio, target, met


def is_missing(result: Result) -> bool:
    """Whether there is nobody to compare with; the note says why."""
    return bool(result.against) and result.theirs is None


def number(value: float | None, unit: str) -> str:
    """A measured number with its unit."""
    return "–" if value is None else FORMATS[unit].format(value)


if __name__ == "__main__":
    sys.exit(main())
