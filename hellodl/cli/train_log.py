"""`train --log FILE`: each record as a line of JSON, written at once."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from hellodl.cli.train_view import as_fields
from hellodl.errors import UsageError
from hellodl.system.files import kind_at, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hellodl.cli.train_view import Record


@contextmanager
def log_file(path: Path | None, model: Path, *, append: bool) -> Iterator[Any]:
    """A function that writes records, a line each; what was in the file stays until there is a first one."""
    if path is None:
        yield lambda _record: None
        return
    with writing(path):
        is_the_model = path.absolute() == model.absolute()
    if is_the_model:
        raise UsageError(f"{path}: is the model's file, expected --log to name another")
    lines = 0

    def write(record: Record) -> None:
        nonlocal lines
        with writing(path):
            if not (lines or append):
                with suppress(OSError):  # a device
                    file.truncate(0)
            file.write(json.dumps(as_fields(record)).encode() + b"\n")
        lines += 1

    with writing(path):
        is_new = kind_at(path) == "nothing"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)
    try:
        yield write
    finally:
        file.close()
        if is_new and not lines:
            path.unlink(missing_ok=True)
