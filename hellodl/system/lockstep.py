"""A second process that takes the same steps as this one, each waiting for the other at fixed points.

Threads could not share out a training step: it is some thirty short NumPy calls, and before each of them
they would wait for Python's global lock. Two processes have nothing in common but the arrays meant for it.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.errors import HellodlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    Meet = Callable[[], None]  # returns when the other process has called it too

PROCESSES = 2 if sys.platform == "linux" else 1  # elsewhere forking is unsafe, or there is none
SPINS = 2000  # looks, 0.2 ms in all, before a process that waits lets others have its processor
CHECK_EVERY = 1.0  # seconds of waiting before looking whether the other process still lives


def shared_zeros(size: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A vector of zeros that a process forked later shares instead of getting a copy of."""
    memory = mmap.mmap(-1, max(1, size * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype, size)


@contextmanager
def in_lockstep(work: Callable[[Meet], None]) -> Iterator[Meet | None]:
    """While the body runs, `work` runs in a forked process; both are given a function to meet by.

    The second process ends with the body, and by itself should this one be killed. None is given, and no
    process started, where the system gives us none. `meet` raises HellodlError here if
    the second process has ended.
    """
    forked = _fork() if PROCESSES > 1 else None
    if forked is None:
        yield None
        return
    parent, child, here, there = forked
    if child == 0:
        _follow(work, partial(_meet, there, here, partial(_leave_with, parent)))
    try:
        yield partial(_meet, here, there, partial(_check_lives, child))
    finally:
        with suppress(ProcessLookupError, ChildProcessError):  # both where SIGCHLD is ignored
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _fork() -> tuple[int, int, Any, Any] | None:
    """Our number, the new process's (0 in itself), a semaphore for each; None if there are none to be had."""
    import multiprocessing  # noqa: PLC0415 - only where it is used

    context, parent = multiprocessing.get_context("fork"), os.getpid()
    try:
        here, there = context.Semaphore(0), context.Semaphore(0)
        return parent, os.fork(), here, there
    except OSError:
        return None


def _follow(work: Callable[[Meet], None], meet: Meet) -> None:
    """The second process's life. Signals, and the files that the first has open, are not its business."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for descriptor in list(Path("/proc/self/fd").iterdir()):
            with suppress(OSError):  # the one that the list was read from is closed
                os.close(int(descriptor.name))  # or locks and pipes would outlive the first process
        work(meet)
    finally:
        os._exit(1)


def _meet(mine: Any, other: Any, check: Callable[[], None]) -> None:
    """Say that we are here, and wait for the other: first awake, as it is almost there, then asleep."""
    mine.release()
    for _ in range(SPINS):
        if other.acquire(block=False):
            return
    while not other.acquire(timeout=CHECK_EVERY):
        check()


def _leave_with(parent: int) -> None:
    if os.getppid() != parent:
        os._exit(1)


def _check_lives(child: int) -> None:
    try:
        has_ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        has_ended = True
    if has_ended:
        raise HellodlError(
            "training: the second process was ended; --threads 1 does without, to the same end"
        )
