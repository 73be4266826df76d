import os

import pytest
from threadpoolctl import ThreadpoolController

from hellodl import threads
from hellodl.threads import BlasThreads, available_cpus


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


class Machine:
    """A clock that steps move on: each takes as long as the machine now needs with so many threads."""

    def __init__(self):
        self.now = 0.0
        self.seconds = {1: 0.002, 4: 0.001}
        self.threads = None

    def step(self):
        self.now += self.seconds[self.threads.count]

    def run(self, seconds):
        """Train for a while; how many threads were in use, as shares of the time."""
        end, used = self.now + seconds, {1: 0.0, 4: 0.0}
        while self.now < end:
            count, before = self.threads.count, self.now
            self.step()
            self.threads.watch()
            used[count] += self.now - before
        return {count: time / seconds for count, time in used.items()}


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(threads.time, "perf_counter", lambda: machine.now)
    monkeypatch.setattr(threads, "available_cpus", lambda: 4)
    monkeypatch.setattr(threads.ThreadpoolController, "limit", lambda self, limits: None)
    machine.threads = BlasThreads()
    return machine


@pytest.mark.parametrize(("one", "four", "chosen"), [(2, 1, 4), (1, 2, 1), (1.0, 1.05, 4), (1.0, 1.5, 1)])
def test_the_faster_number_is_chosen_and_more_threads_where_it_is_close(machine, one, four, chosen):
    machine.seconds = {1: one / 1000, 4: four / 1000}
    machine.threads.choose(machine.step)
    assert machine.threads.count == chosen


def test_on_a_quiet_machine_the_choice_stays(machine):
    machine.threads.choose(machine.step)
    assert machine.run(10) == {1: 0.0, 4: pytest.approx(1, abs=0.01)}


def test_a_busy_machine_is_noticed_and_so_is_its_becoming_quiet(machine):
    """Two BLAS threads beside a busy program can be fifty times slower: most of the time goes elsewhere."""
    machine.threads.choose(machine.step)
    machine.seconds[4] = 0.05
    busy = machine.run(20)
    assert busy[1] > 0.9
    machine.seconds[4] = 0.001
    machine.run(5)
    assert machine.run(20)[4] > 0.9


def test_a_number_that_is_given_is_kept(machine):
    machine.threads = BlasThreads(1)
    machine.threads.choose(pytest.fail)
    machine.seconds[1] = 1.0
    assert machine.run(20)[1] == pytest.approx(1, abs=0.1)


def test_the_number_reaches_the_library():
    """What BLAS itself says it uses."""
    with ThreadpoolController().limit(limits=None):
        BlasThreads(1)
        pools = [pool for pool in ThreadpoolController().info() if pool["user_api"] == "blas"]
        assert all(pool["num_threads"] == 1 for pool in pools)
