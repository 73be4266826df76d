"""Files replaced wholly or not at all: neither a crash nor a full disk leaves a half-written one behind."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hellodl.errors import HellodlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BufferedIOBase]:
    """A temporary file beside `path` that takes its place if the block succeeds, and vanishes if it fails.

    With `sync` the bytes are on the disk before the name is: needed where nothing checks them later. Writers
    of one path have to take turns: see locking.py.
    """
    temporary = temporary_of(path)
    try:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, wholly or not at all, even if the machine stops half-way.

    Raises HellodlError if it cannot be written; what was there before is untouched.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise HellodlError(f"{path}: cannot be written: {error.strerror or error}") from None


def temporary_of(path: Path) -> Path:
    """Where `path` is written before it takes its name; what a killed process leaves there is used again."""
    return path.with_name(f".{path.name}.tmp")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system knows how."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every file system can; the file itself is in place
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
