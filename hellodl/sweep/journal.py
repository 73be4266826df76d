"""The file that a sweep writes: a line of JSON for each training that ended, from which it goes on."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from hellodl.errors import UsageError
from hellodl.sweep.trial import Trial
from hellodl.system.files import kind_at, only_writer, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONGEST = 1 << 20  # bytes of a line: a thousand times what settings and results take


@contextmanager
def journal(path: Path) -> Iterator[tuple[dict[str, Trial], Callable[[Trial], None]]]:
    """The trainings that a file holds, by key, and a function that adds one; nobody else may write meanwhile.

    What a killed sweep wrote of its last line is dropped. Raises UsageError for a file of another kind,
    HellodlError if it cannot be written.
    """
    if kind_at(path) in {"folder", "other"}:
        raise UsageError(f"{path}: is no file, expected one to keep results in")
    with only_writer(path):
        with writing(path):
            file = path.open("a+b")
        with file:
            with writing(path):
                file.seek(0)
                held, whole = _read(path, file.read())
                file.truncate(whole)

            def add(trial: Trial) -> None:
                with writing(path):
                    file.write(json.dumps(asdict(trial)).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())

            yield held, add


def _read(path: Path, content: bytes) -> tuple[dict[str, Trial], int]:
    """The trainings in whole lines, and how many bytes those have."""
    whole = content.rfind(b"\n") + 1
    if not whole and content and not content.startswith(b'{"settings"'[: len(content)]):
        raise _another_kind(path, 1)
    held = {}
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            trial = Trial(**json.loads(line[:LONGEST]))
        except (ValueError, TypeError, RecursionError):
            raise _another_kind(path, number) from None
        held[trial.key] = trial
    return held, whole


def _another_kind(path: Path, number: int) -> UsageError:
    return UsageError(
        f"{path}, line {number}: is no result of a sweep, expected a file that `hellodl sweep` wrote; "
        "-o FILE writes elsewhere"
    )
