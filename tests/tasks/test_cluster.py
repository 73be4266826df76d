"""Tasks on a Dask cluster: a real scheduler and real workers, killed with SIGKILL."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import SimpleNamespace

import pytest
import works

from hellodl.errors import DataError, HellodlError
from hellodl.tasks.run import in_order

pytest.importorskip("distributed")
from distributed import Client, KilledWorker

from hellodl.tasks import cluster as clusters
from hellodl.tasks.cluster import ClusterWorkers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
    pytest.mark.filterwarnings("default"),  # Dask's own
]


def run(address, work, tasks, shared=None, ahead=8):
    with ClusterWorkers(work, shared, address) as workers:
        yield from in_order(workers, tasks, ahead)


def test_results_come_in_order_and_errors_as_they_were(cluster):
    cluster.workers(2)
    found = [done.result for done in run(cluster.address, works.square, range(20), shared=1)]
    assert found == [1 + n * n for n in range(20)]
    with pytest.raises(DataError, match="the data: are bad"):
        list(run(cluster.address, works.fails, range(5)))


def test_a_killed_worker_costs_nothing_but_time(cluster):
    """Who gave the 20th of 60 results is killed; the other does the rest, in order.

    Not just any of the two: a busy scheduler may have given one of them nothing yet.
    """
    cluster.workers(2)
    found = []
    for done in run(cluster.address, works.slow_square, range(60)):
        found.append(done.result)
        if len(found) == 20:
            os.kill(found[-1][0], signal.SIGKILL)
    assert [square for _, square in found] == [n * n for n in range(60)]
    assert len({worker for worker, _ in found}) == 2


def test_a_result_that_died_with_its_worker_is_made_anew(cluster):
    """It was done, and nobody had fetched it yet: that was once taken for the scheduler's end."""
    cluster.workers(2)
    with ClusterWorkers(works.slow_square, None, cluster.address) as workers:
        workers.begin(0, 7)
        (future,) = workers._done.futures
        who, _ = future.result()
        os.kill(who, signal.SIGKILL)
        while future.status == "finished":
            time.sleep(0.01)
        done = workers.next_done()
    assert done.result[1] == 49
    assert done.result[0] != who


def test_workers_with_another_version_are_refused(cluster, monkeypatch):
    """The same seed would not give the same weights there."""
    cluster.workers(1)
    monkeypatch.setattr(clusters, "__version__", "0.0")
    told = r"^tcp://[\d.:]+: has hellodl .* and NumPy .*, expected hellodl 0\.0 and NumPy"
    with pytest.raises(HellodlError, match=told):
        ClusterWorkers(works.square, None, cluster.address)


class Ended:
    """A task that the scheduler has given up."""

    key = "task"

    def __init__(self, status):
        self.status = status

    def exception(self):
        return KilledWorker("task", SimpleNamespace(address="tcp://b:1"), 3)


def test_what_kills_worker_after_worker_is_given_up(monkeypatch):
    """Four died of it, then four of its second chance: it ends with its number, and who died last."""
    workers = object.__new__(ClusterWorkers)
    workers._done = iter([Ended("error"), Ended("error")])
    workers._under_way = {"task": (7, "a picture", 0)}

    def begin(index, task, attempt):
        workers._under_way["task"] = index, task, attempt

    monkeypatch.setattr(workers, "begin", begin)
    done = workers.next_done()
    assert (done.index, done.lost) == (7, "8 workers died of it, the last tcp://b:1")
    assert next(workers._done, None) is None


def test_a_scheduler_that_goes_is_one_clear_line():
    workers = object.__new__(ClusterWorkers)
    workers._address, workers._done = "tcp://a:1", iter([Ended("cancelled")])
    workers._under_way = {"task": (7, "a picture", 0)}
    with pytest.raises(HellodlError, match=r"^tcp://a:1: the scheduler was lost; what"):
        workers.next_done()


def test_a_scheduler_that_is_not_there_is_one_clear_line(monkeypatch):
    monkeypatch.setattr("hellodl.tasks.cluster.PATIENCE", 1)
    with pytest.raises(HellodlError, match=r"tcp://127\.0\.0\.1:1: no scheduler answers"):
        ClusterWorkers(works.square, None, "tcp://127.0.0.1:1")


@pytest.mark.parametrize("address", ["nonsense", "tcp://scheduler", "tcp://a:b", "foo://a:1"])
def test_for_what_is_no_address_no_client_is_made(address, monkeypatch):
    """After our line it went on for two and a half minutes, to a traceback."""
    monkeypatch.setattr(clusters, "Client", pytest.fail)
    with pytest.raises(HellodlError, match=f"^{address}: no scheduler answers"):
        ClusterWorkers(str, None, address)


def test_no_workers_is_one_clear_line(cluster, monkeypatch):
    wait = Client.wait_for_workers
    monkeypatch.setattr(Client, "wait_for_workers", lambda self, n, timeout: wait(self, n, timeout=1))
    cluster.workers(0)
    with pytest.raises(HellodlError, match="has no workers"):
        ClusterWorkers(works.square, None, cluster.address)
