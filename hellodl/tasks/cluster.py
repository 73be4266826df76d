"""Workers of a Dask cluster, anywhere. The scheduler gives a dead worker's task to another one.

Who reaches a scheduler runs code on its workers, and workers answer whoever asks as the scheduler: Dask sends
pickled functions. Keep both on a network of your own, or use tls:// with certificates, which Dask takes from
its configuration (distributed.comm.tls in ~/.config/dask, or DASK_DISTRIBUTED__COMM__TLS__… variables).
"""

import sys
import time
import uuid
from typing import Any

import numpy as np

from hellodl.errors import HellodlError, UsageError
from hellodl.tasks.run import Done, Workers
from hellodl.version import __version__

try:
    from distributed import Client, KilledWorker, as_completed
    from distributed.comm.addressing import get_address_host_port
except ImportError:
    raise UsageError(
        f"--cluster needs one more package; `{sys.executable} -m pip install distributed`"
    ) from None
from hellodl.tasks.run import Work

PATIENCE = 30  # seconds for the scheduler to answer, and for a first worker to come
AHEAD = 3  # tasks a thread that are under way, so that none waits for the network
COUNT_EVERY = 2.0  # seconds between looks at how many threads there are now


class ClusterWorkers(Workers):
    """The workers behind a scheduler's address. What all tasks share is sent to each of them once.

    Raises UsageError for an empty address, HellodlError if the scheduler does not answer, has no workers, or
    if one has other versions.
    """

    def __init__(self, work: Work, shared: Any, address: str) -> None:
        if not address:
            raise UsageError("--cluster '': expected the address of a scheduler, like tcp://scheduler:8786")
        self._work, self._address = work, address
        self._name = f"hellodl-{uuid.uuid4().hex[:8]}"  # of this run: the scheduler may have others
        try:
            get_address_host_port(address)  # of what is no address, a Client would not end for minutes
            self._client: Any = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise HellodlError(
                f"{address}: no scheduler answers, expected one that `dask scheduler` started ({error})"
            ) from None
        try:
            self._prepare(shared)
        except BaseException:
            self._client.close()
            raise

    def _prepare(self, shared: Any) -> None:
        """See that there are workers like us. What is shared is a task's, done anew where it is lost."""
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise HellodlError(f"{self._address}: has no workers, expected some by `dask worker`") from None
        self._check_versions()
        self._shared = self._client.submit(_same, shared, key=f"{self._name}-shared")
        self._done: Any = as_completed(loop=self._client.loop)
        self._under_way: dict[str, tuple[int, Any, int]] = {}  # index, task and attempt by the task's key
        self._room, self._counted = 0, -COUNT_EVERY

    def _check_versions(self) -> None:
        """The same seed gives the same weights only where the same code computes them."""
        try:
            found = self._client.run(versions)
        except ModuleNotFoundError as error:
            what = f"its workers lack {error.name}, expected hellodl installed there too"
            raise HellodlError(f"{self._address}: {what}") from None
        for worker, theirs in found.items():
            if theirs != versions():
                raise HellodlError(f"{worker}: has {theirs}, expected {versions()}; install the same there")

    def __exit__(self, *_: object) -> None:
        """Take back what is not done, and leave the cluster as it was."""
        self._client.cancel([self._shared, *self._done.futures], force=True)
        self._client.close()

    def has_room(self) -> bool:
        """Whether another task would be begun soon."""
        if (now := time.monotonic()) - self._counted >= COUNT_EVERY:
            self._counted = now
            self._room = AHEAD * max(1, sum(self._client.nthreads().values()))
        return len(self._under_way) < self._room

    def begin(self, index: int, task: Any, attempt: int = 0) -> None:
        """Send a task to the scheduler."""
        key = f"{self._name}-{index}-{attempt}"
        self._under_way[key] = index, task, attempt
        self._done.add(self._client.submit(self._work, self._shared, task, key=key, pure=False))

    def next_done(self) -> Done:
        """Wait for the end of one of the tasks under way.

        Dask counts a worker's death against all tasks that it had, begun or not: who died too often gets
        another chance.
        """
        while True:
            future = next(self._done)
            status = future.status
            if status in ("lost", "pending"):  # its worker died with the result: Dask has it made anew
                self._done.add(future)
                continue
            index, task, attempt = self._under_way.pop(future.key)
            if status == "finished":
                return Done(index, future.result())
            error = future.exception() if status == "error" else None
            if error is None:
                raise HellodlError(f"{self._address}: the scheduler was lost; what was done so far is kept")
            if not isinstance(error, KilledWorker):
                raise error
            if attempt:
                who = f"{2 * (error.allowed_failures + 1)} workers died of it"
                return Done(index, lost=f"{who}, the last {error.last_worker.address}")
            self.begin(index, task, attempt=1)


def versions() -> str:
    """What has to be the same everywhere."""
    return f"hellodl {__version__} and NumPy {np.__version__}"


def _same(shared: Any) -> Any:
    return shared
