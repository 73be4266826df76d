"""How many threads the matrix products use: as many as help, within what the machine gives us.

OpenBLAS starts a thread for every core it sees and lets them spin while they wait for each other. In a
container that may use less, or beside a busy program, that makes training many times slower, not faster.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Callable


def available_cpus() -> int:
    """Processors this process may use: the scheduler's mask and the container's quota, whichever is less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_cpus()))


def _cgroup_cpus() -> int:
    """Processors that the control group's quota is worth, rounded up; very many where there is no quota."""
    for quota_file, period_file in (
        ("/sys/fs/cgroup/cpu.max", None),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ):
        try:
            words = Path(quota_file).read_text().split()
            words += Path(period_file).read_text().split() if period_file else []
            quota, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):
            continue
        if quota > 0 and period > 0:
            return math.ceil(quota / period)
    return 1 << 20


class BlasThreads:
    """Sets the number of threads, and changes it when that pays.

    Args:
        count: a fixed number, or None to choose: by timing a few steps, and again whenever steps become slow.
    """

    WINDOW = 0.04  # seconds of steps looked at together: longer than a scheduler's turns
    SLOWER = 2.0  # times the best seen: this slow, something else wants the processors
    CLOSE = 1.1  # times the faster: near enough to prefer more threads, so that equal runs choose alike
    RETRY = 2.0  # seconds before the other number is tried again

    def __init__(self, count: int | None = None) -> None:
        self._blas = ThreadpoolController()
        self._fewer, self._more = (count, count) if count else (1, available_cpus())
        self._seen: dict[int, float] = {}  # seconds a step, by number of threads
        self._best = math.inf
        self._trying = False
        self._retry_at = 0.0
        self._set(self._more)

    def _set(self, count: int) -> None:
        """Use so many threads from here on, and start to measure."""
        self.count = count
        self._blas.limit(limits=count)
        self._steps, self._since = 0, time.perf_counter()

    def leave_one_free(self) -> None:
        """From here on choose among fewer, so that another thread of ours has a processor to itself."""
        if self._fewer < self._more:
            self._more -= 1
            self._set(self._more)

    def _keep_faster(self) -> None:
        fewer_is_faster = self._seen[self._fewer] * self.CLOSE < self._seen[self._more]
        self._set(self._fewer if fewer_is_faster else self._more)

    def choose(self, step: Callable[[], object], repeat: int = 5) -> None:
        """Time a step that changes nothing, with few threads and with more, and keep the faster number."""
        if self._fewer == self._more:
            return
        for count in (self._fewer, self._more):
            self._set(count)
            step()  # warms up
            started = time.perf_counter()
            for _ in range(repeat):
                step()
            self._seen[count] = (time.perf_counter() - started) / repeat
        self._best = min(self._seen.values())
        self._keep_faster()

    def watch(self) -> None:
        """Call after every step: when steps have become slow, the other number gets a try."""
        self._steps += 1
        now = time.perf_counter()
        if self._fewer == self._more or now - self._since < self.WINDOW:
            return
        seconds = self._seen[self.count] = (now - self._since) / self._steps
        self._best = min(self._best, seconds)
        if self._trying:
            self._trying, self._retry_at = False, now + self.RETRY
            self._keep_faster()
        elif now >= self._retry_at and (self.count == self._fewer or seconds > self.SLOWER * self._best):
            self._trying = True
            self._set(self._fewer if self.count == self._more else self._more)
        else:
            self._steps, self._since = 0, now
