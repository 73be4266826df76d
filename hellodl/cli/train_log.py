"""The log of `hellodl train`: records as JSON in a file that holds nothing else."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import Any

from hellodl.cli.streams import Output, OutputError
from hellodl.cli.train_view import Record
from hellodl.errors import HellodlError, UsageError
from hellodl.system.files import kind_at, lock_now, open_plain, without_waiting, writing

_FIRST = b'{"event": "'  # how a log begins


def tell_all(records: Iterable[Record], *listeners: Callable[[Record], object]) -> None:
    """Hand on each record. What one of them cannot write is told at the end: what is learned comes first."""
    failed: list[Exception] = []
    for record in records:
        for listener in listeners:
            try:
                listener(record)
            except (OutputError, HellodlError) as error:
                failed.append(error)
    if failed:
        raise failed[0]


@contextmanager
def log_file(
    path: Path | None, given: dict[str, Any], init: str
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes records, a line each; what was in the file stays until there is a first one."""
    if path is None:
        yield lambda _record: None
        return
    place, lines = Path(os.path.realpath(path)), 0
    is_new = kind_at(place) == "nothing"
    file = _opened(path, place, given, init)
    is_plain = kind_at(place) == "file"

    def write(record: dict[str, Any]) -> None:
        nonlocal lines
        lines += 1
        with writing(path):
            if lines == 1 and is_plain and not given["resume"]:
                file.truncate(0)
            file.write(json.dumps(record).encode() + b"\n")
            file.flush()

    try:
        if is_plain:
            lock_now(file.fileno(), path, "--log FILE")
        yield write
    finally:
        file.close()
        if is_new and not lines:
            place.unlink(missing_ok=True)


def _opened(path: Path, place: Path, given: dict[str, Any], init: str) -> BufferedWriter:
    """A log to write to. Raises UsageError for a file that the run needs or makes, or unforced for no log."""
    output = given["output"]
    theirs = output, f"{output}.bak", f"{output}.lock", given["resume"] or output, init or output
    if str(place) in map(os.path.realpath, theirs):
        raise UsageError(f"{path}: is one of the model's files, expected --log to name another")
    with writing(path):
        if kind_at(place) == "file" and not given["force"]:
            with open_plain(place) as file:
                if file.read(len(_FIRST)) not in (b"", _FIRST):
                    raise UsageError(f"{path}: begins as no log does; --force replaces it")
        place.parent.mkdir(parents=True, exist_ok=True)
        return BufferedWriter(Output(place, "a", opener=without_waiting))
