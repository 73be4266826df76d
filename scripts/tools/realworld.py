#!/usr/bin/env python3
"""Score hellodl on folders of real pictures: each holds a labels.csv with the columns `file,label`.

A label is the digits in reading order (lines joined by a newline), or `none` where there are none.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import hellodl
from hellodl.checkpoint import SHIPPED
from hellodl.errors import HellodlError
from hellodl.reading.reader import Digit, read


@dataclass(frozen=True)
class Result:
    """One picture: what it says, what was read, how long that took; without the picture, to save memory."""

    file: Path
    label: str
    text: str
    verdict: str
    digits: tuple[Digit, ...]
    warnings: tuple[str, ...]
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the text is the label."""
        return self.text == self.label


def main() -> int:
    """Print a row a folder, and one for all together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", type=Path, help="checkpoint; the one that ships with hellodl without it")
    parser.add_argument("--mistakes", action="store_true", help="list wrong readings and wrong doubts")
    arguments = parser.parse_args()
    model = hellodl.load(arguments.model or SHIPPED)
    print(header())
    results: list[Result] = []
    for folder in arguments.folders:
        scored = [score(folder / file, label, model) for file, label in labels(folder)]
        print(row(folder.name, scored))
        results += scored
    print(row("all", results))
    if arguments.mistakes:
        print(*(mistake(result) for result in results if is_mistake(result)), sep="\n")
    return 0


def labels(folder: Path) -> list[tuple[str, str]]:
    """File names and labels of a folder."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return [(line["file"], line["label"]) for line in csv.DictReader(file)]


def score(file: Path, label: str, model: object) -> Result:
    """Read one picture."""
    begin = time.perf_counter()
    try:
        reading = read(file, model)
    except HellodlError as error:
        print(error, file=sys.stderr)
        return Result(file, label, "", "not digits", (), (str(error),), time.perf_counter() - begin)
    seconds = time.perf_counter() - begin
    return Result(file, label, reading.text, reading.verdict, reading.digits, reading.warnings, seconds)


def row(name: str, results: list[Result]) -> str:
    """One row of the table."""
    singles = [r for r in results if len(r.label) == 1]
    several = [r for r in results if len(r.label) > 1 and r.label != "none"]
    nothing = [r for r in results if r.label == "none"]
    digits = singles + several
    right, wrong = [r for r in digits if r.right], [r for r in digits if not r.right]
    cells = [
        share([r.right for r in singles]),
        share([r.right for r in several]),
        percent(sum(edits(r.text, r.label) for r in digits), sum(len(r.label) for r in digits)),
        share([r.verdict != "digits" for r in right]),
        share([r.verdict != "digits" for r in wrong]),
        share([not r.right for r in digits if r.verdict == "digits"]),
        share([r.verdict != "digits" for r in nothing]),
        calibration(digits),
        f"{sum(r.seconds for r in results) / len(results):.3f}",
    ]
    return f"{name[:24]:24}" + "".join(f"{cell:>15}" for cell in cells)


def header() -> str:
    """Names of the columns."""
    names = [
        "one digit",
        "several",
        "char errors",
        "unsure, right",
        "unsure, wrong",
        "wrong, if sure",
        "non-digits",
        "cal. error",
    ]
    return f"{'set':24}" + "".join(f"{name:>15}" for name in [*names, "s/picture"])


def share(flags: list[bool]) -> str:
    """How many are true, of how many."""
    return f"{sum(flags)}/{len(flags)} {percent(sum(flags), len(flags))}" if flags else "-"


def percent(part: int, whole: int) -> str:
    """A share as a percentage."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


def edits(text: str, label: str) -> int:
    """Insertions, deletions and replacements that turn one text into the other (Levenshtein)."""
    row = list(range(len(label) + 1))
    for i, read_char in enumerate(text, 1):
        previous, row[0] = row[0], i
        for j, char in enumerate(label, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (read_char != char))
    return row[-1]


def calibration(results: list[Result], bins: int = 10) -> str:
    """Expected calibration error over digits that were read in pictures with the right number of them."""
    pairs = [
        (digit.confidence, str(digit.digit) == char)
        for r in results
        if len(r.digits) == len(r.label.replace("\n", ""))
        for digit, char in zip(r.digits, r.label.replace("\n", ""), strict=True)
    ]
    error = 0.0
    for k in range(bins):
        inside = [pair for pair in pairs if min(int(pair[0] * bins), bins - 1) == k]
        error += abs(sum(confidence - hit for confidence, hit in inside))
    return f"{error / len(pairs):.3f}" if pairs else "-"


def is_mistake(result: Result) -> bool:
    """Whether a reading or its verdict is wrong."""
    if result.label == "none":
        return result.verdict == "digits"
    return not result.right or result.verdict != "digits"


def mistake(result: Result) -> str:
    """One line on a mistake."""
    confidences = " ".join(f"{d.confidence:.2f}" for d in result.digits)
    warnings = "; ".join(result.warnings)
    name = f"{result.file.parent.name}/{result.file.name}"
    return f"{name}: {result.label} read as {result.text!r}, {result.verdict} ({confidences}) {warnings}"


if __name__ == "__main__":
    sys.exit(main())
