"""A real Dask cluster on this machine: a scheduler and workers, each a process, on 127.0.0.1 alone."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
QUIET = {"DASK_DISTRIBUTED__ADMIN__LOG_LENGTH": "0", "OPENBLAS_NUM_THREADS": "1"}
WORKER = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")  # no nanny: dead is dead


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A scheduler for all tests, which ask it for as many workers as they need."""
    pytest.importorskip("distributed")
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield made
    finally:
        made.close()


class Cluster:
    def __init__(self, folder):
        self._folder = folder
        path = f"{TESTS / 'tasks'}{os.pathsep}{TESTS.parent}"
        self._environment = os.environ | QUIET | {"PYTHONPATH": path}
        self._workers = []  # all that ever were
        self._scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--no-jupyter")
        (self.address,) = self._said(r"Scheduler at: +(tcp://127\.0\.0\.1:\d+)", 1)

    def _start(self, what, *arguments):
        command = [sys.executable, "-m", "dask", what, *arguments, "--host", "127.0.0.1"]
        with (self._folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, env=self._environment)

    def _said(self, words, times, patience=300.0):
        """What the scheduler has said in such words, once it has so many times."""
        until = time.monotonic() + patience
        while True:
            told = (self._folder / "scheduler.log").read_text(errors="replace")
            if len(found := re.findall(words, told)) >= times:
                return found
            assert time.monotonic() < until, told
            time.sleep(0.02)

    def workers(self, count):
        """The processes of so many workers, of one thread each; the scheduler knows these and no others."""
        alive = [worker for worker in self._workers if worker.poll() is None]
        for worker in alive[count:]:
            worker.kill()
            worker.wait()
        new = [self._start("worker", self.address, *WORKER) for _ in range(count - len(alive))]
        self._workers += new
        self._said("Register worker", len(self._workers))
        self._said("Remove worker", len(self._workers) - count)
        return alive[:count] + new

    def close(self):
        for process in [*self._workers, self._scheduler]:
            process.kill()
            process.wait()
