"""Writes files so that a crash, a full disk or a second process cannot leave a half-written one behind."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX, _SUFFIX = ".hellodl-", ".part"
_A_DAY = 86_400


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BufferedIOBase]:
    """A temporary file beside `path` that takes its place if the block succeeds, and vanishes if it fails.

    With `sync` the bytes are on the disk before the name is: needed where nothing checks them later.
    """
    temporary = path.with_name(f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def alone_in(folder: Path, on_wait: Callable[[], object] | None = None) -> Iterator[None]:
    """Work in `folder` without another hellodl process, and without what a killed one left there.

    If another process is at work, calls `on_wait()` and waits for it to end; without `on_wait`, raises
    BlockingIOError. The lock is the folder's own and ends with its process: a crash cannot leave it behind.
    """
    descriptor = None
    try:
        if sys.platform != "win32":
            descriptor = os.open(folder, os.O_RDONLY)
            locked = _lock(descriptor, on_wait)
        else:
            locked = False
        _sweep(folder, older_than=0 if locked else _A_DAY)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


if sys.platform != "win32":

    def _lock(descriptor: int, on_wait: Callable[[], object] | None) -> bool:
        """Whether the folder could be locked: some network file systems cannot."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is None:
                raise
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            return False
        return True


def _sweep(folder: Path, older_than: float) -> None:
    """Delete temporary files that were last written more than `older_than` seconds ago."""
    for stray in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - stray.stat().st_mtime >= older_than:
                stray.unlink()
