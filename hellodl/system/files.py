"""Files replaced wholly or not at all, and one writer at a time, however a process ends."""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, Literal

from hellodl.errors import HellodlError

if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(descriptor: int) -> None:
        """Raise OSError if another process holds the lock."""
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_to_lock(descriptor: int, *, wait: bool = False) -> None:
        """Raise OSError if another process holds the lock; without locks (some network disks) go on."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:
            pass


def kind_at(path: str | Path) -> Literal["file", "folder", "other", "nothing", "hidden"]:
    """What lies at a path: hidden where we may not look, or where links lead round in a circle."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - takes a quarter of the time that Path needs
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "nothing"
    except OSError:
        return "hidden"
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def without_waiting(name: str, flags: int) -> int:
    """Open a file as `open` does, but a pipe only if there is somebody at its other end."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def open_plain(path: str | Path, *, buffering: int = -1) -> BinaryIO:
    """Open a file to read its bytes. Raises OSError for anything else, a pipe too: it could block."""
    file = open(path, "rb", buffering, opener=without_waiting)  # noqa: SIM115 - the caller closes it
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a file")


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BufferedIOBase]:
    """A temporary file beside `path` that takes its place if the block succeeds, and vanishes if it fails.

    Links are followed; whoever might not read the file before may not afterwards. With `sync` the bytes are
    on the disk before the name is: needed where nothing checks them later, and there writers of one path have
    to take turns: see below.
    """
    temporary = temporary_of(path)
    temporary.unlink(missing_ok=True)
    is_ours = True
    try:
        with temporary.open("x+b") as file:  # no pipe or link that somebody laid there
            with suppress(OSError):  # there is none yet
                shutil.copymode(path, temporary)
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            if not (is_ours := _is_still(temporary, file.fileno())):  # there are disks without locks
                raise OSError(errno.EBUSY, "another process writes it too")
        temporary.replace(os.path.realpath(path))
    except BaseException:
        if is_ours:
            temporary.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(temporary.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, wholly or not at all, even if the machine stops half-way.

    Raises HellodlError if it cannot be written; what was there before is untouched.
    """
    with writing(path), replacing(path) as file:
        file.write(content)


def keep_as(path: Path, copy: Path) -> None:
    """Let a file stay under another name when it is replaced: a link takes no room; else it is copied."""
    temporary = temporary_of(copy)
    try:
        os.link(os.path.realpath(path), temporary)
        temporary.replace(copy)
    except OSError:  # not every disk knows links, and a killed run may have left one
        write_atomically(copy, path.read_bytes())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises HellodlError, naming the file, where the system does not let us write it."""
    try:
        yield
    except OSError as error:
        raise HellodlError(f"{path}: cannot be written: {error.strerror or error}") from None


def make_folder_of(path: Path) -> None:
    """Make the folder that a file is to lie in. Raises HellodlError if it cannot be made."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def temporary_of(path: Path) -> Path:
    """Where `path` is written before it takes its name; what a killed process leaves there is used again."""
    folder, name = os.path.split(os.path.realpath(path))
    return Path(folder, f".{name}.tmp")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system knows how."""
    with suppress(OSError):  # not every one can; the file itself is in place
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Inside, no other hellodl writes `path`. The lock is on a file beside it, which vanishes at the end.

    A killed process leaves that file behind but not the lock. Of links it is beside what they lead to. Raises
    HellodlError if another process holds the lock, if no file can be made there, or if one with something in
    it has that name. The folder is made if it is missing.
    """
    make_folder_of(path)
    lock = Path(f"{os.path.realpath(path)}.lock")
    descriptor = _acquire(path, lock)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file, see below
            lock.unlink()  # while it is ours: who comes now makes a new one
        os.close(descriptor)
        if sys.platform == "win32":
            with suppress(OSError):
                lock.unlink()


@contextmanager
def alone_in(folder: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """Inside, no other hellodl is alone in `folder`. The lock is the folder's own and needs no file.

    If another process is at work, calls `on_wait()` and waits for its end. On Windows, where folders cannot
    be locked, nothing is.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            _try_to_lock(descriptor)
        except BlockingIOError:
            on_wait()
            _try_to_lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def lock_now(descriptor: int, path: Path, option: str) -> None:
    """Lock an open file. Raises HellodlError if another process holds the lock."""
    try:
        _try_to_lock(descriptor)
    except OSError:
        advice = f"wait for its end, or write elsewhere with {option}"
        raise HellodlError(f"{path}: another run is writing it; {advice}") from None


def _acquire(path: Path, lock: Path) -> int:
    """A descriptor of the lock file, locked."""
    while True:
        with writing(path):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lock_now(descriptor, path, "-o FILE")
            if os.fstat(descriptor).st_size:
                raise HellodlError(f"{lock}: is no lock of hellodl's, and in the way; choose another -o FILE")
        except HellodlError:
            os.close(descriptor)
            raise
        if _is_still(lock, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether an open file is the one under that name; another process may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
