#!/usr/bin/env python3
"""Breaks the code at random places, one at a time, and sees whether the tests that concern it notice.

    .venv/bin/python scripts/tools/mutate.py [--seed N] [--files PART] [COUNT]

A mutation flips a comparison, moves a whole number by one, drops a statement, or swaps min and max. It is
made in a copy of the repository. Prints a line for each mutation, then how many were noticed, by file. What
survives is either equivalent (the program does the same) or asks for a test.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LIMIT = 300  # seconds for the tests of a mutation: an endless loop is noticed too
TESTS = {  # of files, or of all in a folder; the first that fits
    "hellodl/autograd": "tests/autograd",
    "hellodl/checkpoint.py": "tests/test_checkpoint.py",
    "hellodl/optim.py": "tests/test_optim.py tests/training/test_run.py",
    "hellodl/system/files.py": "tests/system/test_files.py tests/training/test_run.py",
    "hellodl/training/loop.py": "tests/training",
    "hellodl/training/step.py": "tests/training",
    "hellodl/datasets": "tests/datasets",
    "hellodl/reading": "tests/reading",
}
FILES = (
    *("hellodl/autograd/*.py", "hellodl/checkpoint.py", "hellodl/optim.py", "hellodl/system/files.py"),
    *("hellodl/training/loop.py", "hellodl/training/step.py", "hellodl/datasets/idx.py"),
    *("hellodl/reading/normalise.py", "hellodl/reading/doubt.py", "hellodl/reading/lattice.py"),
)
FLIPPED = {
    kind: new
    for pair in (
        ((ast.Lt, "<"), (ast.GtE, ">=")),
        ((ast.Gt, ">"), (ast.LtE, "<=")),
        ((ast.Eq, "=="), (ast.NotEq, "!=")),
        ((ast.Is, "is"), (ast.IsNot, "is not")),
        ((ast.In, "in"), (ast.NotIn, "not in")),
    )
    for (kind, _), (_, new) in (pair, pair[::-1])
}
SWAPPED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True)
class Mutation:
    """The text from `start` to `end` (offsets of bytes) in a file becomes `new`."""

    file: str
    line: int
    start: int
    end: int
    new: str

    def shown(self, source: bytes) -> str:
        """What is changed, on a line."""
        old = " ".join(source[self.start : self.end].decode().split())
        return f"{self.file}:{self.line}: {old[:60]} → {self.new}"


def mutations(file: str) -> Iterator[Mutation]:
    """All mutations of a file."""
    source = (ROOT / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in code_of(ast.parse(source)):
        new = mutated(node, source)
        if new is None:
            continue
        line, column, *end = (getattr(node, name) for name in PLACE)
        start = [line, column]
        if isinstance(node, ast.Compare):
            start = [getattr(node.left, name) for name in PLACE[2:]]
            end = [getattr(node.comparators[0], name) for name in PLACE[:2]]
        first, last = (starts[row - 1] + column for row, column in (start, end))
        if not (isinstance(node, ast.Compare) and set(source[first:last]) & set(b"()#")):
            yield Mutation(file, line, first, last, new)


def mutated(node: ast.AST, source: bytes) -> str | None:
    """What to write for a node, for a comparison between its sides; None for what stays as it is."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in FLIPPED:
            return f" {FLIPPED[type(op)]} "
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return str(number + 1)
        case ast.Name(id=name) if name in SWAPPED:
            return SWAPPED[name]
        case ast.Attribute(value=value, attr=name) if name in SWAPPED:
            return f"{ast.get_source_segment(source.decode(), value)}.{SWAPPED[name]}"
        case ast.Expr(value=ast.Constant() | ast.Yield() | ast.YieldFrom()):
            return None  # a docstring, or what makes a function a generator
    return "pass" if isinstance(node, DROPPED) else None


def code_of(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but types and what only a type checker sees."""
    for name, child in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases"}:
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING":
                continue
            if isinstance(part, ast.AST):
                yield part
                yield from code_of(part)


def is_noticed(mutation: Mutation, copy: Path) -> bool:
    """Whether the tests fail, or do not end, with the mutation."""
    original = (copy / mutation.file).read_bytes()  # the repository may change meanwhile
    mutated = original[: mutation.start] + mutation.new.encode() + original[mutation.end :]
    tests = next(tests for place, tests in TESTS.items() if mutation.file.startswith(place)).split()
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    (copy / mutation.file).write_bytes(mutated)
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, timeout=LIMIT, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        (copy / mutation.file).write_bytes(original)
    return done.returncode != 0


def main() -> int:
    """Try COUNT mutations; the exit code is 0, whatever survives: that is for a reader to judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", nargs="?", type=int, default=300, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", default="", help="only files whose path holds this")
    given = parser.parse_args()
    names = [str(path.relative_to(ROOT)) for pattern in FILES for path in sorted(ROOT.glob(pattern))]
    all_of_them = [m for name in names if given.files in name for m in mutations(name)]
    chosen = random.Random(given.seed).sample(all_of_them, min(given.count, len(all_of_them)))
    noticed, tried, started = Counter[str](), Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
        for mutation in chosen:
            found = is_noticed(mutation, copy)
            tried[mutation.file] += 1
            noticed[mutation.file] += found
            source = (copy / mutation.file).read_bytes()
            print("noticed " if found else "SURVIVED", mutation.shown(source), flush=True)
    for name, count in sorted(tried.items()):
        print(f"{name}: {noticed[name]} of {count}")
    total = f"{noticed.total()} of {tried.total()} noticed, of {len(all_of_them):,} possible ones"
    print(f"{total}; {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
