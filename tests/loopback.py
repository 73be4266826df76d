"""A real Dask cluster on this machine: a scheduler and workers, each a process, on 127.0.0.1 alone."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent
QUIET = {"DASK_DISTRIBUTED__ADMIN__LOG_LENGTH": "0", "OPENBLAS_NUM_THREADS": "1"}


class Cluster:
    def __init__(self, folder):
        self._folder = folder
        path = f"{TESTS / 'tasks'}{os.pathsep}{TESTS.parent}"
        self._environment = os.environ | QUIET | {"PYTHONPATH": path}
        self.processes = []
        log = self._start("scheduler", "dask", "scheduler", "--port", "0", "--no-dashboard", "--no-jupyter")
        self.address = re.search(r"(tcp://127\.0\.0\.1:\d+)", wait_for(log, "Scheduler at:"))[1]

    def _start(self, name, module, *arguments):
        log = self._folder / f"{name}.log"
        command = [sys.executable, "-m", module, *arguments, "--host", "127.0.0.1"]
        with log.open("wb") as out:
            self.processes.append(
                subprocess.Popen(command, stdout=out, stderr=out, cwd=self._folder, env=self._environment)
            )
        return log

    def add_worker(self):
        """A worker with one thread, and no nanny to start it again; its process."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        name = f"worker{len(self.processes)}"
        wait_for(self._start(name, "dask", "worker", self.address, *options), "Registered to:")
        return self.processes[-1]

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGKILL)
            process.wait()


def wait_for(log, words, patience=300.0):
    """The log, once it has these words."""
    until = time.monotonic() + patience
    while words not in (text := log.read_text(errors="replace")):
        assert time.monotonic() < until, text
        time.sleep(0.05)
    time.sleep(0.1)
    return log.read_text(errors="replace")


@contextmanager
def cluster(folder, workers=2):
    """A scheduler and its workers, all gone at the end."""
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.add_worker()
        yield made
    finally:
        made.close()
