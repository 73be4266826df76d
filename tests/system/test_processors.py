import os

import pytest
from threadpoolctl import ThreadpoolController

from hellodl.system import processors as threads
from hellodl.system.processors import available_cpus, one_blas_thread


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """A machine with 64 processors whose control-group files can be written."""
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _pid: set(range(64)), raising=False)
    monkeypatch.setattr(threads, "Path", lambda name: tmp_path / name.lstrip("/"))

    def write(**files):
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def test_without_a_quota_the_scheduler_decides(cgroup):
    assert available_cpus() == 64


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000\n", 64),
        ("150000 100000\n", 2),
        ("200000 100000\n", 2),
        ("50000 100000", 1),
        ("", 64),
        ("no number", 64),
        ("100000", 64),
        ("0 100000", 64),
        ("100000 0", 64),
        ("99999999 100000", 64),
    ],
)
def test_the_quota_of_cgroup_2_counts_rounded_up(cgroup, text, cpus):
    cgroup(cpu_dot_max=text)
    assert available_cpus() == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 64), ("300000", 3), ("250000", 3)])
def test_the_quota_of_cgroup_1_counts_too(cgroup, quota, cpus):
    cgroup(cpu__cpu_dot_cfs_quota_us=quota, cpu__cpu_dot_cfs_period_us="100000\n")
    assert available_cpus() == cpus


def test_where_affinity_is_unknown_the_machine_decides(monkeypatch, cgroup):
    monkeypatch.delattr(threads.os, "sched_getaffinity")
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    assert available_cpus() == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_pinned_to_one_processor_has_one():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert available_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_blas_itself_says_that_it_uses_one_thread():
    with ThreadpoolController().limit(limits=None):
        one_blas_thread()
        pools = [pool for pool in ThreadpoolController().info() if pool["user_api"] == "blas"]
        assert all(pool["num_threads"] == 1 for pool in pools)
