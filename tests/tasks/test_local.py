"""Tasks on this machine: all of them done, in order if need be, whoever dies."""

from __future__ import annotations

import errno
import multiprocessing
import sys

import pytest
import works

from hellodl.errors import DataError, HellodlError
from hellodl.tasks.local import LocalWorkers
from hellodl.tasks.run import Done, as_done, in_order

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


def run(work, tasks, shared=None, count=2, ahead=8):
    with LocalWorkers(work, shared, count) as workers:
        return list(in_order(workers, tasks, ahead))


def test_results_come_in_order_from_several_processes():
    """Twenty tasks, two processes, each result where its task was; the third thing shared by all."""
    assert [done.result for done in run(works.square, range(20), shared=1)] == [1 + n * n for n in range(20)]
    assert len({done.result[0] for done in run(works.slow_square, range(20))}) == 2


def test_a_killed_worker_costs_nothing_but_time(tmp_path):
    """Its task is done by another one, and all others once."""
    assert run(works.dies_once, range(10), str(tmp_path)) == [Done(n, n) for n in range(10)]
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_is_given_up():
    """It costs itself alone, and says how."""
    done = run(works.deadly, range(10))
    assert [d.result for d in done] == [n if n != 5 else None for n in range(10)]
    assert done[5].lost == "3 processes died of it, the last with SIGKILL"


def test_no_more_tasks_are_taken_than_may_wait():
    """However slow one task is, memory holds only those that come soon after it."""
    taken = []
    tasks = (taken.append(n) or n for n in range(100))
    with LocalWorkers(works.waits_for_3, None, 2) as workers:
        for done in in_order(workers, tasks, 8):
            assert len(taken) <= done.index + 1 + 8 + 1
    assert len(taken) == 100


def test_where_the_system_gives_no_process_it_is_told_in_a_line(monkeypatch):
    def refuses(*_):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refuses)
    with pytest.raises(HellodlError, match=r"^no process can be started: Resource temporarily unavailable; "):
        run(works.square, range(3))


def test_an_error_is_raised_here_with_where_it_came_from():
    with pytest.raises(DataError, match="the data: are bad") as caught:
        run(works.fails, range(5))
    assert "works.py" in caught.value.__notes__[0]


def test_leaving_early_ends_the_processes():
    with LocalWorkers(works.slow_square, None, 2) as workers:
        next(as_done(workers, range(1000), 1000))
