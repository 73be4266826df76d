"""Other processes that work beside this one: one that takes the same steps, others that prepare them.

Threads could not share out a training step: it is some thirty short NumPy calls, and before each of them
they would wait for Python's global lock. Processes have nothing in common but the arrays meant for it.
"""

import mmap
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hellodl.errors import HellodlError

if TYPE_CHECKING:
    from multiprocessing.synchronize import Semaphore  # slow to load, and not to be had everywhere

Meet = Callable[[], None]  # returns when the other process has called it too
Check = Callable[[], None]  # raises, or ends this process, if the other one has ended

PROCESSES = 3 if sys.platform == "linux" else 1  # at most; elsewhere forking is unsafe, or there is none
SPINS = 1000  # looks, 0.1 ms in all, before a process that waits lets others have its processor
CHECK_EVERY = 1.0  # seconds of waiting before looking whether the other process still lives
AHEAD = 4  # arrays that a process may have filled before the first of them is taken


def shared_zeros(size: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A vector of zeros that a process forked later shares instead of getting a copy of."""
    memory = mmap.mmap(-1, max(1, size * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype, size)


@contextmanager
def beside(work: Callable[[Check], None]) -> Iterator[Check]:
    """While the body runs, `work` runs in a forked process; both can check that the other one still lives.

    The other process ends with the body, and by itself should this one be killed. `check` raises HellodlError
    here if the other has ended. Raises OSError before the body where the system gives us no process.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _follow(work, parent)
    try:
        yield partial(_check_lives, child)
    finally:
        with suppress(ProcessLookupError, ChildProcessError):  # both where SIGCHLD is ignored
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@contextmanager
def in_lockstep(work: Callable[[Meet], None]) -> Iterator[Meet]:
    """While the body runs, `work` runs beside it; both are given a way to meet. Raises as `beside` does."""
    here, there = _semaphore(0), _semaphore(0)

    def meet(mine: "Semaphore", other: "Semaphore", check: Check) -> None:
        mine.release()
        _wait(other, check)

    with beside(lambda check: work(partial(meet, there, here, check))) as check:
        yield partial(meet, here, there, check)


class Relay:
    """Arrays of a shape and dtype that one process fills and another takes, in the same order.

    Raises OSError where the system has no semaphores.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        size = int(np.prod(shape))
        self._arrays = [shared_zeros(size, dtype).reshape(shape) for _ in range(AHEAD)]
        self._free, self._full = _semaphore(AHEAD), _semaphore(0)

    def fill(self, number: int, write: Callable[[NDArray[Any]], object], check: Check) -> None:
        """Let `write` fill the array of this number, from 0, once it is free; in turn, in one process."""
        _wait(self._free, check)
        write(self._arrays[number % AHEAD])
        self._full.release()

    def take(self, number: int, read: Callable[[NDArray[Any]], object], check: Check) -> None:
        """Let `read` have the array of this number once it is full; in turn, in any other process."""
        _wait(self._full, check)
        read(self._arrays[number % AHEAD])
        self._free.release()


def _semaphore(value: int) -> "Semaphore":
    """A semaphore for processes forked later. Raises OSError where there is none to be had."""
    import multiprocessing

    return multiprocessing.get_context("fork").Semaphore(value)


def _follow(work: Callable[[Check], None], parent: int) -> None:
    """The other process's life. Signals, and the files that the first has open, are not its business."""

    def check() -> None:
        if os.getppid() != parent:
            os._exit(1)

    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for descriptor in list(Path("/proc/self/fd").iterdir()):
            with suppress(OSError):  # the one that the list was read from is closed
                os.close(int(descriptor.name))  # or locks and pipes would outlive the first process
        work(check)
    finally:
        os._exit(1)


def _wait(semaphore: "Semaphore", check: Check) -> None:
    """Until another process has released it: first awake, as it is almost there, then asleep."""
    for _ in range(SPINS):
        if semaphore.acquire(block=False):
            return
    while not semaphore.acquire(timeout=CHECK_EVERY):
        check()


def _check_lives(other: int) -> None:
    """Raise HellodlError if a process has ended, though it keeps its number until its parent asks."""
    try:
        state = Path(f"/proc/{other}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        state = ") X"
    if state.rpartition(")")[2].split()[0] in {"X", "Z"}:  # dead, or a zombie
        raise HellodlError(
            "training: a process that helped was ended; --threads 1 does without, to the same end"
        )
