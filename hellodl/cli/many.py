"""Reads any number of pictures, in order: one after the other, or in worker processes once that pays.

Work goes out in chunks, a few at a time, so that memory stays flat; answers come back in order.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

from hellodl.errors import HellodlError, PictureError, UsageError
from hellodl.system.processors import available_cpus, one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future

    from hellodl.reading.reader import Reading

    Flight = tuple[list[str], Future[list["Answer"]]]

TRIAL = 0.3  # seconds of reading after which it is known how long the rest takes
PAYS = 1.0  # seconds of work left that pay for starting processes
CHUNK_FILES, CHUNK_BYTES = 64, 256_000  # small pictures travel together, photographs alone
AHEAD = 3  # chunks a worker that are under way


@dataclass(frozen=True)
class Job:
    """How each picture is to be read, and what becomes of the reading: one text for stdout."""

    model: Path
    invert: bool | None
    render: Callable[[str, Reading], str]


@dataclass(frozen=True)
class Answer:
    """What a picture gave: its text, or why it could not be read."""

    name: str
    text: str = ""
    error: str = ""


class Reader:
    """A model that reads one picture after the other, on one processor."""

    def __init__(self, job: Job) -> None:
        from hellodl import checkpoint

        self.job = job
        self._model = checkpoint.load(job.model).model()
        one_blas_thread()  # products for one picture are too small to share

    def read(self, name: str) -> Reading:
        """The reading of a file, or of standard input for "-". Raises PictureError."""
        from hellodl.reading.reader import read

        source = name if name != "-" else standard_input()
        return read(source, self._model, invert=self.job.invert)

    def answer(self, name: str) -> Answer:
        """A reading as text, or why there is none."""
        try:
            return Answer(name, text=self.job.render(name, self.read(name)))
        except PictureError as error:
            return refusal(name, error)


def refusal(name: str, error: PictureError) -> Answer:
    """The answer for what could not be read."""
    if Path(name).is_dir():
        return Answer(name, error=f"{name}: holds no pictures, expected files like image.png")
    return Answer(name, error=str(error))


def standard_input() -> bytes:
    """All of standard input. Raises UsageError where that is a keyboard."""
    if sys.stdin.isatty():
        raise UsageError(
            "-: standard input is a keyboard, expected a picture; try `hellodl predict - < image.png`"
        )
    return sys.stdin.buffer.read()


def answers(names: Sequence[str], reader: Reader) -> Generator[Answer]:
    """An answer for each name, in order.

    Reading begins here and at once. When it is known that the rest takes long, workers take over; only
    standard input is always read here. Raises HellodlError if a worker dies.
    """
    workers = available_cpus()
    last_here = max((i for i, name in enumerate(names) if name == "-"), default=-1)
    started = time.perf_counter()
    for i, name in enumerate(names):
        elapsed = time.perf_counter() - started
        ahead = elapsed / max(i, 1) * (len(names) - i)
        if workers > 1 and i > last_here and elapsed > TRIAL and ahead > PAYS:
            yield from _in_parallel(names[i:], reader.job, workers)
            return
        yield reader.answer(name)


def _in_parallel(names: Sequence[str], job: Job, workers: int) -> Generator[Answer]:
    """Answers from worker processes; none of these outlives this generator."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (job,))
    under_way: deque[Flight] = deque()
    try:
        for chunk in chunks(names):
            with _deaf_children():
                under_way.append((chunk, pool.submit(_read_chunk, chunk)))
            if len(under_way) > AHEAD * workers:
                yield from _landed(*under_way.popleft())
        while under_way:
            yield from _landed(*under_way.popleft())
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def chunks(names: Sequence[str]) -> Iterator[list[str]]:
    """Names in groups of about equal work, as far as the sizes of files tell."""
    chunk: list[str] = []
    size = 0
    for name in names:
        chunk.append(name)
        size += _file_size(name)
        if len(chunk) == CHUNK_FILES or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _file_size(name: str) -> int:
    try:
        return os.stat(name).st_size  # noqa: PTH116 - a Path would take longer to make than to ask
    except (OSError, ValueError):
        return 0


def _landed(chunk: list[str], future: Future[list[Answer]]) -> list[Answer]:
    """A chunk's answers; a worker that died is reported with the files it may have died of."""
    try:
        return future.result()
    except BrokenProcessPool:
        last = f" to {chunk[-1]}" if len(chunk) > 1 else ""
        raise HellodlError(
            f"{chunk[0]}{last}: a process that reads pictures died, perhaps for want of memory; "
            "read these files on their own"
        ) from None


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started in here never hear of Ctrl-C, which goes to all: their parent ends them.

    Children inherit that the signal is blocked. The parent hears it afterwards, not while a process is half
    started: some thread of BLAS may take the signal although it is blocked here.
    """
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
    if can_block:
        resource_tracker.ensure_running()  # starting it later would unblock the signal
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if heard:
            raise KeyboardInterrupt


# In a worker ------------------------------------------------------------------------------------------

_readers: list[Reader] = []


def _start(job: Job) -> None:
    """Make this worker's reader, and see to it that the worker does not outlive its parent."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _readers.append(Reader(job))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)  # not sys.exit: this is not the main thread


def _read_chunk(names: list[str]) -> list[Answer]:
    return [_readers[0].answer(name) for name in names]
