"""Kills training runs without warning at random moments, over and over: nothing may be lost.

HELLODL_KILLS=20000 asks for more kills than the 200 of every test run; HELLODL_SEED for other moments.
"""

import multiprocessing
import os
import random

import pytest

from hellodl import checkpoint
from hellodl.system.files import temporary_of
from hellodl.training import run as training
from hellodl.training.settings import Settings

KILLS = int(os.environ.get("HELLODL_KILLS", "200"))
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


def start_or_go_on(output, data_dir):
    """What the command line does: resume if there is something to resume; save after every step."""
    resume = output if output.exists() else None
    run = training.Run(output, data_dir, resume=resume, threads=2, checkpoint_every=0)
    for _ in training.train(Settings(**SETTINGS), run):
        pass


def position(output):
    return checkpoint.load(output).about.position.step if output.exists() else 0


def weights_of(path):
    return {name: array.tobytes() for name, array in checkpoint.load(path).arrays().items()}


@pytest.fixture
def processes(monkeypatch):
    """Starts processes from one that has imported everything: 10 ms each instead of half a second."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("processes cannot be forked on this system")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hellodl.training.run", "safetensors.numpy", "safetensors"])
    return context


@pytest.mark.slow
def test_runs_killed_at_any_moment_end_where_an_uninterrupted_one_does(processes, small_mnist, tmp_path):
    """After every kill the checkpoint is whole; after the next run's end nothing else is left behind."""
    whole, output = tmp_path / "whole" / "m", tmp_path / "killed" / "m"
    start_or_go_on(whole, small_mnist)
    expected, moments = weights_of(whole), random.Random(SEED)
    kills = finished = amid_writing = step = 0
    longest = 0.1  # seconds a run may live, adapted so that every other one gets on, however busy the machine
    while kills < KILLS or not finished:
        process = processes.Process(target=start_or_go_on, args=(output, small_mnist))
        process.start()
        process.join(moments.uniform(0, longest))
        process.kill()
        process.join()
        if process.exitcode == 0:
            assert weights_of(output) == expected
            assert [path.name for path in output.parent.iterdir()] == [output.name]
            output.unlink()
            finished, step, longest = finished + 1, 0, longest * 0.7
        else:
            assert process.exitcode == -9
            kills += 1
            before, step = step, position(output)
            longest *= 1.1 if step == before else 0.9
            amid_writing += temporary_of(output).exists()
            assert {path.name for path in output.parent.glob("*")} <= {"m", "m.lock", ".m.tmp"}
    print(f"{kills} kills, {amid_writing} of them amid writing; {finished} runs brought to their end")  # noqa: T201 - for -s
    assert amid_writing > kills / 100
