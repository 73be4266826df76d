"""Kills training runs without warning at random moments, over and over: nothing may be lost.

Moments are counted in calls of functions, not in seconds: they are the same on a busy machine. HELLODL_KILLS
asks for more kills than those of every test run; HELLODL_SEED for other moments.
"""

import multiprocessing
import os
import random
import signal
import sys

import pytest

from hellodl import checkpoint
from hellodl.system.files import temporary_of
from hellodl.training import run as training
from hellodl.training.settings import Settings

KILLS = int(os.environ.get("HELLODL_KILLS", "50"))
SEED = int(os.environ.get("HELLODL_SEED", "0"))
SETTINGS = {
    "epochs": 2,
    "batch_size": 250,
    "validation": 250,
    "hidden": (16,),
    "momentum": 0.9,
    "schedule": "linear",
    "augment": "affine",
}  # 14 steps
WHERE = ("hellodl.", "hellodl.system.files")  # modules whose calls are counted: all of ours, or what writes


def start_or_go_on(output, data_dir):
    """What the command line does: resume if there is something to resume; save after every step."""
    resume = output if output.exists() else None
    run = training.Run(output, data_dir, resume=resume, threads=2, checkpoint_every=0)
    for _ in training.train(Settings(**SETTINGS), run):
        pass


def live(output, data_dir, module, calls):
    """Start or go on, and be killed amid the call with this number out of a module; how many there were."""
    left = calls

    def count(frame, event, _):
        nonlocal left
        if event in {"call", "c_call"} and frame.f_globals.get("__name__", "").startswith(module):
            left -= frame.f_code.co_name != "_wait"  # who waits calls as often as there is time for
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = lambda descriptor: None  # what is killed loses nothing of what waits for the disk
    sys.setprofile(count)
    start_or_go_on(output, data_dir)
    sys.setprofile(None)
    return calls - left


def weights_of(path):
    return {name: array.tobytes() for name, array in checkpoint.load(path).arrays().items()}


@pytest.fixture
def processes(monkeypatch):
    """Starts processes from one that has imported everything: 10 ms each instead of half a second."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("processes cannot be forked on this system")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # Python 3.11 and 3.12 look there alone
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@pytest.mark.slow
def test_runs_killed_at_any_moment_end_where_an_uninterrupted_one_does(
    processes, small_mnist, tmp_path, monkeypatch
):
    """After every kill the checkpoint is whole; after the next run's end nothing else is left behind."""
    whole, output = tmp_path / "whole" / "m", tmp_path / "killed" / "m"
    monkeypatch.setattr("os.fsync", os.fsync)
    most = {module: live(whole, small_mnist, module, sys.maxsize) for module in WHERE}
    expected, moments = weights_of(whole), random.Random(SEED)
    kills = finished = amid_writing = 0
    while kills < KILLS or not finished:
        module = moments.choice(WHERE)
        told = output, small_mnist, module, moments.randrange(1, most[module])
        process = processes.Process(target=live, args=told)
        process.start()
        process.join()
        if process.exitcode == 0:
            assert weights_of(output) == expected
            assert [path.name for path in output.parent.iterdir()] == [output.name]
            output.unlink()
            finished += 1
        else:
            assert process.exitcode == -signal.SIGKILL
            kills += 1
            amid_writing += temporary_of(output).exists()
            assert {path.name for path in output.parent.glob("*")} <= {"m", "m.lock", ".m.tmp"}
            assert not output.exists() or checkpoint.load(output)  # whole
    print(f"{kills} kills, {amid_writing} of them amid writing; {finished} runs brought to their end")  # noqa: T201 - for -s
    assert finished
    assert amid_writing
