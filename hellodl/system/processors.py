"""How many processors there are for us, and how many threads a matrix product uses."""

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cpus() -> int:
    """Processors this process may use: the scheduler's mask and the container's quota, whichever is less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_cpus()))


def _cgroup_cpus() -> int:
    """Processors that the control group's quota is worth, rounded up; very many where there is no quota."""
    version_1 = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"
    for names in (("/sys/fs/cgroup/cpu.max",), version_1):
        try:
            quota, period = (int(word) for name in names for word in Path(name).read_text().split())
        except (OSError, ValueError):  # "max" is no number
            continue
        if quota > 0 and period > 0:
            return math.ceil(quota / period)
    return 1 << 20


def one_blas_thread() -> AbstractContextManager[object]:
    """From here on compute matrix products in one thread: ours are too small to share out.

    As a context, until its end: a program that we are part of may have large ones.
    OpenBLAS starts a thread for every core it sees and lets them spin while they wait for each other; in a
    container that may use less, or beside a busy program, that makes training many times slower, not faster.
    """
    from threadpoolctl import ThreadpoolController

    limit: AbstractContextManager[object] = ThreadpoolController().limit(limits=1, user_api="blas")
    return limit


def share_out(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What `work` makes of each item, in as many threads as there are processors and items for.

    NumPy lets other threads run while it computes, so this pays where single calls take long.
    """
    threads = min(len(items), available_cpus()) if len(items) > 1 else 1  # to ask reads files
    if threads == 1:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))  # raises what `work` raises
