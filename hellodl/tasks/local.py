"""Workers that are processes of this machine. One that is killed is replaced, and its task begun anew."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from hellodl.errors import HellodlError
from hellodl.tasks.run import Done, Work, Workers

GRACE = 2.0  # seconds for a worker to end by itself
MOST_DEATHS = 3  # a task whose worker died so often is given up: it is what they died of


@dataclass
class _Worker:
    """A process, our end of the pipe to it, and the task that it is at, with how many died of it."""

    process: BaseProcess
    pipe: Connection
    index: int = -1
    task: Any = None
    deaths: int = 0


class LocalWorkers(Workers):
    """Up to `count` processes that do `work`. Each gets what all tasks share once, at its start."""

    def __init__(self, work: Work, shared: Any, count: int) -> None:
        self._start = work, shared
        self._count = count
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def __exit__(self, *_: object) -> None:
        """End all processes, whatever they are at."""
        for worker in (*self._idle, *self._busy.values()):
            worker.process.terminate()
        for worker in (*self._idle, *self._busy.values()):
            worker.process.join(GRACE)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()

    def has_room(self) -> bool:
        """Whether another task would be begun at once."""
        return len(self._busy) < self._count

    def begin(self, index: int, task: Any, deaths: int = 0) -> None:
        """Give a task to a process that has none, a new one if need be."""
        worker = self._idle.pop() if self._idle else self._new_worker()
        worker.index, worker.task, worker.deaths = index, task, deaths
        self._busy[worker.pipe] = worker
        with suppress(OSError):  # it died while it was idle: seen when its answer is read
            worker.pipe.send(task)

    def next_done(self) -> Done:
        """Wait for the end of one of the tasks under way."""
        while True:
            pipe = connection.wait(list(self._busy))[0]
            worker = self._busy.pop(pipe)  # type: ignore[call-overload] # a pipe, as it went in
            try:
                result, error = worker.pipe.recv()
            except (EOFError, OSError):
                if done := self._replace(worker):
                    return done
                continue
            self._idle.append(worker)
            if error is not None:
                raise error
            return Done(worker.index, result)

    def _replace(self, dead: _Worker) -> Done | None:
        """Begin a dead worker's task anew, or give it up."""
        dead.pipe.close()
        dead.process.join()
        deaths = dead.deaths + 1
        if deaths == MOST_DEATHS:
            code = dead.process.exitcode or 0
            end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return Done(dead.index, lost=f"{deaths} processes died of it, the last with {end}")
        self.begin(dead.index, dead.task, deaths)
        return None

    def _new_worker(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._start), daemon=True)
        try:
            with _deaf_children():
                process.start()
        except OSError as error:
            why = error.strerror or error
            raise HellodlError(f"no process can be started: {why}; fewer --threads need fewer") from None
        theirs.close()
        return _Worker(process, ours)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started in here never hear of Ctrl-C or a lost terminal: their parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it later would unblock the signals
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


# In a worker ------------------------------------------------------------------------------------------


def _serve(pipe: Connection, work: Work, shared: Any) -> None:
    """A worker's life: a task comes, its result goes, until the pipe is closed or the parent gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[Any, Exception | None] = work(shared, task), None
        except Exception as error:  # noqa: BLE001 - raised again in the parent, with where it came from
            error.add_note(traceback.format_exc())
            answer = None, error
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)  # not sys.exit: this is not the main thread
