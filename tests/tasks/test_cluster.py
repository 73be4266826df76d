"""Tasks on a Dask cluster: a real scheduler and real workers, killed with SIGKILL."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import works
from loopback import cluster

from hellodl.errors import DataError, HellodlError
from hellodl.tasks.run import in_order

pytest.importorskip("distributed")
from distributed import Client

from hellodl.tasks.cluster import ClusterWorkers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
    pytest.mark.filterwarnings("default"),  # Dask's own
]


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def run(address, work, tasks, shared=None, ahead=8):
    with ClusterWorkers(work, shared, address) as workers:
        yield from in_order(workers, tasks, ahead)


def test_results_come_in_order_and_errors_as_they_were(two_workers):
    found = [done.result for done in run(two_workers.address, works.square, range(20), shared=1)]
    assert found == [1 + n * n for n in range(20)]
    with pytest.raises(DataError, match="the data: are bad"):
        list(run(two_workers.address, works.fails, range(5)))


def test_a_killed_worker_costs_nothing_but_time(two_workers):
    """Who gave the 20th of 60 results is killed; the other does the rest, in order.

    Not just any of the two: a busy scheduler may have given one of them nothing yet.
    """
    found = []
    for done in run(two_workers.address, works.slow_square, range(60)):
        found.append(done.result)
        if len(found) == 20:
            os.kill(found[-1][0], signal.SIGKILL)
    assert [square for _, square in found] == [n * n for n in range(60)]
    assert len({worker for worker, _ in found}) == 2


def test_a_scheduler_that_is_not_there_is_one_clear_line(monkeypatch):
    monkeypatch.setattr("hellodl.tasks.cluster.PATIENCE", 1)
    with pytest.raises(HellodlError, match=r"tcp://127\.0\.0\.1:1: no scheduler answers"):
        ClusterWorkers(works.square, None, "tcp://127.0.0.1:1")


def test_no_workers_is_one_clear_line(tmp_path, monkeypatch):
    wait = Client.wait_for_workers
    monkeypatch.setattr(Client, "wait_for_workers", lambda self, n, timeout: wait(self, n, timeout=1))
    with cluster(tmp_path, workers=0) as made, pytest.raises(HellodlError, match="has no workers"):
        ClusterWorkers(works.square, None, made.address)
