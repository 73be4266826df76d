#!/usr/bin/env python3
"""Breaks the code at random places, one at a time, and sees whether the tests that concern it notice.

    .venv/bin/python scripts/tools/mutate.py [--seed N] [--files REGEX] [--tests REGEX] [--slow] FOLDER [N]

A mutation flips a comparison, moves a whole number by one, drops a statement, or swaps min and max. It is
made in a copy of the repository, in FOLDER. A first run of the tests finds out which of them come through
each line, and how long they take: a mutation is shown to those alone, the quickest first, until one fails.
All that is found is kept in FOLDER: what was interrupted goes on there. Prints a line for each mutation, then
how many were noticed, by file. What survives is either equivalent (the program does the same) or asks for a
test. POSIX only: each mutation is tried in a fork of this process, which has imported what takes long.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
LIMIT, CPU_LIMIT = 300, 60  # seconds for the tests of a mutation: an endless loop is noticed too
PATIENCE = 15  # seconds for a single test that usually takes none
TESTS = (
    *("tests/autograd", "tests/system", "tests/datasets", "tests/training", "tests/test_checkpoint.py"),
    *("tests/test_optim.py", "tests/test_nn.py", "tests/reading"),
)
FILES = (
    *("hellodl/autograd/*.py", "hellodl/checkpoint.py", "hellodl/optim.py", "hellodl/system/files.py"),
    *("hellodl/training/loop.py", "hellodl/training/step.py", "hellodl/datasets/idx.py"),
    *("hellodl/reading/normalise.py", "hellodl/reading/doubt.py", "hellodl/reading/lines.py"),
)
SLOW_IMPORTS = ("torch", "hypothesis", "cv2", "PIL.Image", "safetensors.numpy", "rich.console", "click")
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
    old: str
    new: str

    def __str__(self) -> str:
        """What is changed, on a line."""
        return f"{self.file}:{self.line}: {' '.join(self.old.split())[:60]} → {self.new}"


def mutations(root: Path, file: str) -> Iterator[Mutation]:
    """All mutations of a file."""
    source = (root / file).read_bytes()
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
            yield Mutation(file, line, first, last, source[first:last].decode(), new)


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


# Tests ------------------------------------------------------------------------------------------------


class Survey:
    """A plugin of pytest that notes how long each test takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test was set up, called or torn down."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


class Chosen:
    """A plugin of pytest that runs the tests named, in this order, and no others; one that hangs ends all."""

    def __init__(self, names: Sequence[str], seconds: dict[str, float]) -> None:
        self._place, self._seconds = {name: place for place, name in enumerate(names)}, seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Pytest has found tests."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins: ten times its usual time, and PATIENCE, are enough for it."""
        signal.alarm(PATIENCE + int(10 * self._seconds.get(nodeid, 0.0)))

    def pytest_runtest_logfinish(self) -> None:
        """A test has ended."""
        signal.alarm(0)


def in_fork(copy: Path, body: Callable[[], int], cpu: int) -> int:
    """The exit code of `body` in a process of its own inside the copy; 124 if it does not end."""
    child, code = os.fork(), 1
    if not child:
        os.setsid()
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        sys.dont_write_bytecode = True  # a mutated file can be as long and as old as the sound one
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
        said = os.open(copy.parent / "said.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for stream in (0, 1, 2):
            os.dup2(said, stream)
        try:
            code = int(body())
        except BaseException:  # noqa: BLE001 - this process ends here, whatever happened
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    until = time.monotonic() + (LIMIT if cpu == CPU_LIMIT else 3600)
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and whatever the tests left
    return os.waitstatus_to_exitcode(ended[1] if ended[0] else os.waitpid(child, 0)[1]) if ended[0] else 124


OPTIONS = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


def survey(copy: Path, marked: Sequence[str], tests: Sequence[str]) -> dict[str, Any]:
    """How long each test takes, and which ones come through each line of the files."""
    from coverage import CoverageData

    kept, data = copy.parent / "survey.json", copy.parent / "coverage"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    noted = Survey()

    def body() -> int:
        os.environ["COVERAGE_FILE"] = str(data)
        options = ("--cov=hellodl", "--cov-context=test", "--cov-report=")
        code = pytest.main([*OPTIONS, *options, *marked, *tests], [noted])
        (copy.parent / "seconds.json").write_text(json.dumps(noted.seconds), encoding="utf-8")
        return int(code)

    code = in_fork(copy, body, 3000)
    if code:
        raise SystemExit(f"the tests fail without any mutation: {copy.parent / 'said.txt'}")
    found = CoverageData(str(data))
    found.read()
    lines = {
        str(Path(file).relative_to(copy)): {
            line: sorted({name.partition("|")[0] for name in names} - {""})
            for line, names in found.contexts_by_lineno(file).items()
        }
        for file in found.measured_files()
    }
    seconds = json.loads((copy.parent / "seconds.json").read_text(encoding="utf-8"))
    kept.write_text(json.dumps({"seconds": seconds, "lines": lines}), encoding="utf-8")
    return dict(json.loads(kept.read_text(encoding="utf-8")))


def concerned(mutation: Mutation, known: dict[str, Any]) -> list[str]:
    """The tests that come through a mutation's line, all of the file's for one that only an import runs."""
    lines = known["lines"].get(mutation.file, {})
    names = lines.get(str(mutation.line)) or {name for names in lines.values() for name in names}
    return sorted(names, key=lambda name: known["seconds"].get(name, 0.0))


def is_noticed(mutation: Mutation, copy: Path, known: dict[str, Any], marked: Sequence[str]) -> bool:
    """Whether the tests that concern it fail, or do not end, with the mutation."""
    place, tests = copy / mutation.file, concerned(mutation, known)
    original = place.read_bytes()
    files = dict.fromkeys(name.partition("::")[0] for name in tests)

    def body() -> int:
        return int(pytest.main(["-x", *OPTIONS, *marked, *files], [Chosen(tests, known["seconds"])]))

    place.write_bytes(original[: mutation.start] + mutation.new.encode() + original[mutation.end :])
    try:
        return in_fork(copy, body, CPU_LIMIT) != 0
    finally:
        place.write_bytes(original)


def main() -> int:
    """Try COUNT mutations; the exit code is 0, whatever survives: that is for a reader to judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("count", nargs="?", type=int, default=300, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", default="", metavar="REGEX", help="only files whose path fits")
    parser.add_argument("--tests", default="", metavar="REGEX", help="only tests of places that fit")
    parser.add_argument("--slow", action="store_true", help="the slow tests too")
    given = parser.parse_args()
    copy, kept = given.folder.resolve() / "copy", given.folder / "results.jsonl"
    if not copy.exists():
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copy, ignore=ignored)
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    marked = () if given.slow else ("-m", "not slow")
    known = survey(copy, marked, [name for name in TESTS if re.search(given.tests, name)])
    names = [str(path.relative_to(copy)) for pattern in FILES for path in sorted(copy.glob(pattern))]
    all_of_them = [m for name in names if re.search(given.files, name) for m in mutations(copy, name)]
    chosen = random.Random(given.seed).sample(all_of_them, min(given.count, len(all_of_them)))
    results = {}
    if kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            *fields, noticed = json.loads(line)
            results[Mutation(*fields)] = noticed
    for mutation in chosen:
        if mutation not in results:
            started, tests = time.monotonic(), concerned(mutation, known)
            results[mutation] = is_noticed(mutation, copy, known, marked)
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps([*asdict(mutation).values(), results[mutation]]) + "\n")
            said = "noticed " if results[mutation] else "SURVIVED"
            print(f"{said} {time.monotonic() - started:4.0f} s, {len(tests):4} tests, {mutation}", flush=True)
    tried = Counter(mutation.file for mutation in chosen)
    noticed = Counter(mutation.file for mutation in chosen if results[mutation])
    for name, count in sorted(tried.items()):
        print(f"{name}: {noticed[name]} of {count}")
    print(f"{noticed.total()} of {tried.total()} noticed, of {len(all_of_them):,} possible ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
