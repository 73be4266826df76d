"""A sweep: every combination once, the same whoever trains it, ranked honestly, and never lost."""

from __future__ import annotations

import errno
import json
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.main import cli
from hellodl.errors import HellodlError, UsageError
from hellodl.sweep.grid import Range, points
from hellodl.sweep.ranking import SAYS, interval, plot
from hellodl.sweep.run import Sweep, sweeping
from hellodl.sweep.trial import Trial, journal
from hellodl.tasks.local import LocalWorkers
from hellodl.training.settings import Settings

QUICK = ["--preset", "hill", "--epochs", "1", "--validation", "200"]
REPOSITORY = Path(__file__).parents[2]


def invoke(folder: Path, *arguments: str, data: Path) -> list[dict]:
    """The records of a sweep that keeps its results in `folder`."""
    words = [*arguments, *QUICK, "--data-dir", str(data), "-o", str(folder / "s.jsonl"), "--json"]
    done = CliRunner().invoke(cli, ["sweep", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def learned(path: Path) -> dict[str, tuple]:
    """What each training gave, without the time it took."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({json.dumps(r["settings"]) for r in records}) == len(records), "trained twice"
    return {
        json.dumps(r["settings"]): (r["weights"], r["validation_accuracy"], r["validation_loss"])
        for r in records
    }


def settle(told: dict) -> Settings:
    return replace(Settings(), **told)


def make(folder: Path, data: Path) -> Sweep:
    base = Settings(epochs=1, validation=200)
    return Sweep(
        points(lambda told: replace(base, **told), {"lr": (0.05, 0.1, 0.2)}, 0, 0),
        range(3),
        folder / "s.jsonl",
        data,
    )


def run(sweep: Sweep, hire, after=lambda number: None) -> None:
    with sweeping(sweep, hire) as (_, trials):
        for number, _ in enumerate(trials, 1):
            after(number)


def test_the_best_comes_first_and_its_command_repeats_it(tmp_path, small_mnist):
    """Each combination with each seed; `train` as told reaches the accuracy of the first seed."""
    records = invoke(tmp_path, "--lr", "0.001,0.1", "--batch-size", "32,64", "--seeds", "2", data=small_mnist)
    assert [record["event"] for record in records] == ["trial"] * 8 + ["done"]
    ranking = records[-1]["ranking"]
    means = [row["mean"] for row in ranking]
    assert means == sorted(means, reverse=True)
    assert ranking[0]["varied"] == {"lr": 0.1, "batch_size": 32}
    for row in ranking:
        low, high = row["interval"]
        assert low <= row["mean"] <= high
    words = records[-1]["command"].split()
    assert words[:2] == ["hellodl", "train"]
    more = ["--data-dir", str(small_mnist), "-o", str(tmp_path / "m.safetensors"), "--json"]
    done = CliRunner().invoke(cli, words[1:] + more, catch_exceptions=False)
    epoch = json.loads(done.stdout.splitlines()[-2])
    assert epoch["validation_accuracy"] == ranking[0]["accuracies"][0]
    root = ET.fromstring((tmp_path / "s.svg").read_text())
    assert sum(e.get("class") == "badge" for e in root.iter()) == 8


def test_it_goes_on_where_it_stopped(tmp_path, small_mnist):
    """What the file holds is not done again, and counts."""
    invoke(tmp_path, "--lr", "0.01,0.1", "--seeds", "1", data=small_mnist)
    with (tmp_path / "s.jsonl").open("a") as file:
        file.write('{"settings": {"dataset": "mn')  # a killed sweep's last words
    records = invoke(tmp_path, "--lr", "0.01,0.1,0.2", "--seeds", "2", data=small_mnist)
    assert [record["event"] for record in records] == ["trial"] * 4 + ["done"]
    assert [len(row["accuracies"]) for row in records[-1]["ranking"]] == [2, 2, 2]
    assert len(learned(tmp_path / "s.jsonl")) == 6


def test_combinations_that_learn_from_other_pictures_are_ranked_and_done_once(tmp_path, small_mnist):
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255
    for name, bright in (("a", 255), ("b", 220)):
        (tmp_path / name / "1").mkdir(parents=True)
        for i in range(20):
            Image.fromarray(255 - image // 255 * (bright - i)).save(tmp_path / name / "1" / f"{i}.png")
    also = f"{tmp_path / 'a'},{tmp_path / 'b'}"
    records = invoke(tmp_path, "--also", also, "--seeds", "1", data=small_mnist)
    assert [len(row["accuracies"]) for row in records[-1]["ranking"]] == [1, 1]
    again = invoke(tmp_path, "--also", also, "--seeds", "1", data=small_mnist)
    assert [record["event"] for record in again] == ["done"]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")
def test_killed_workers_change_nothing(tmp_path, small_mnist):
    """The same weights bit for bit, each training once."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(make(tmp_path / "a", small_mnist), partial(LocalWorkers, count=1))
    hired = []

    def hire(work, shared):
        hired.append(LocalWorkers(work, shared, 2))
        return hired[0]

    def kill_some(number):
        if number in (2, 5):
            next(iter(hired[0]._busy.values())).process.kill()

    run(make(tmp_path / "b", small_mnist), hire, kill_some)
    assert learned(tmp_path / "a/s.jsonl") == learned(tmp_path / "b/s.jsonl")


KILLED = """if __name__ == "__main__":
    import os, signal
    from hellodl.cli.main import main
    from hellodl.sweep.run import Standing

    add_one = Standing.add
    def add(standing, trial):
        add_one(standing, trial)
        if standing.done == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    Standing.add = add
    main()"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")
@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_killed_sweep_goes_on(tmp_path, small_mnist, name, code):
    """Ended half-way, then the same command: nothing is done twice, and no process is left behind."""
    file = tmp_path / "s.jsonl"
    words = ["--lr", "0.05,0.1,0.2", "--seeds", "2", *QUICK, "--data-dir", small_mnist, "-o", file, "-q"]
    line = ["sweep", *map(str, words)]
    start = partial(
        subprocess.run,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,  # to the end of all processes that hold the pipes
        text=True,
        check=False,
    )
    killed = start([sys.executable, "-c", KILLED.replace("SIGKILL", name), *line])
    assert killed.returncode == code
    assert len(learned(file)) == 3
    told = f"hellodl: stopped after 3 of 6 trainings; the same command goes on from {file}"
    assert name == "SIGKILL" or killed.stderr.splitlines() == [told]
    done = start([sys.executable, "-m", "hellodl", *line])
    assert done.returncode == 0
    assert len(learned(file)) == 6
    assert "hellodl train" in done.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Dask's own
def test_on_a_cluster_the_same_bit_for_bit(cluster, tmp_path, small_mnist):
    """Two workers, one of them killed half-way: the table of a local run."""
    from hellodl.tasks.cluster import ClusterWorkers

    (tmp_path / "here").mkdir()
    run(make(tmp_path / "here", small_mnist), partial(LocalWorkers, count=2))
    worker, _ = cluster.workers(2)
    kill = lambda number: worker.kill() if number == 4 else None  # noqa: E731
    run(make(tmp_path, small_mnist), partial(ClusterWorkers, address=cluster.address), kill)
    assert learned(tmp_path / "s.jsonl") == learned(tmp_path / "here/s.jsonl")
    assert len(learned(tmp_path / "s.jsonl")) == 9


def test_what_diverges_comes_last_and_says_so(tmp_path, small_mnist):
    records = invoke(tmp_path, "--lr", "1e30,0.1", "--seeds", "1", data=small_mnist)
    best, worst = records[-1]["ranking"]
    assert (best["varied"], worst["varied"]) == ({"lr": 0.1}, {"lr": 1e30})
    assert worst["accuracies"] == []
    assert "learning rate" in worst["failed"][0]


def test_where_all_fail_there_is_no_mean_and_the_exit_code_is_1(tmp_path, small_mnist, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["sweep", "--lr", "1e300", "--seeds", "1", *QUICK, "--data-dir", str(small_mnist)]
    for more in ([], ["--json"]):
        done = CliRunner().invoke(cli, [*words, *more])
        assert isinstance(done.exception, HellodlError)
        assert (done.exception.exit_code, done.exception.args[0][:24]) == (1, "every training failed: e")
    (row,) = json.loads(done.stdout.splitlines()[-1])["ranking"]
    assert (row["mean"], row["interval"]) == (None, None)
    assert not Path("sweep.svg").exists()


def test_each_combination_has_the_defaults_that_fit_it(tmp_path, small_mnist):
    """Adam its own learning rate and no momentum, as `train --optimizer adam` has."""
    words = ["--optimizer", "sgd,adam", "--seeds", "1", "--epochs", "1", "--validation", "200"]
    more = ["--data-dir", str(small_mnist), "-o", str(tmp_path / "s.jsonl"), "--json"]
    done = CliRunner().invoke(cli, ["sweep", *words, *more], catch_exceptions=False)
    ranking = json.loads(done.stdout.splitlines()[-1])["ranking"]
    told = {row["settings"]["optimizer"]: row["settings"] for row in ranking}
    assert (told["sgd"]["lr"], told["sgd"]["momentum"]) == (0.25, 0.9)
    assert (told["adam"]["lr"], told["adam"]["momentum"]) == (0.001, 0)
    with pytest.raises(UsageError, match="--momentum: is for sgd"):
        CliRunner().invoke(cli, ["sweep", *words, "--momentum", "0,0.9", *more], catch_exceptions=False)


def test_random_draws_are_different_and_stay_in_their_range():
    """Learning rates evenly in the logarithm; the same seed draws the same."""
    axes = {
        "lr": Range(1e-4, 1.0),
        "batch_size": Range(16, 512, whole=True),
        "schedule": ("linear", "cosine"),
    }
    drawn = points(settle, axes, 200, seed=1)
    assert drawn == points(settle, axes, 200, seed=1)
    assert len({repr(point.varied) for point in drawn}) == 200
    rates = [point.settings.lr for point in drawn]
    assert min(rates) >= 1e-4
    assert max(rates) <= 1
    assert 0.35 < sum(rate < 0.01 for rate in rates) / 200 < 0.65
    assert len(points(settle, {"lr": (0.1, 0.2, 0.3)}, 2, seed=0)) == 2
    assert len(points(settle, {"lr": (0.1, 0.2, 0.3)}, 9, seed=0)) == 3


def test_a_range_needs_random(tmp_path):
    with pytest.raises(UsageError, match="--lr: is a range, which only --random N draws from"):
        CliRunner().invoke(
            cli, ["sweep", "--lr", "0.1:1", "-o", str(tmp_path / "s.jsonl")], catch_exceptions=False
        )


def test_nothing_is_trained_where_nothing_is_held_out_to_compare_by(tmp_path):
    words = ["sweep", "--validation", "0", "-o", str(tmp_path / "s.jsonl")]
    with pytest.raises(UsageError, match="--validation: is 0, but a sweep compares by images held out"):
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_left_alone(tmp_path, small_mnist):
    for content in ("my diary\n", "no line's end", '{"event": "epoch"}\n'):
        (tmp_path / "s.jsonl").write_text(content)
        with pytest.raises(UsageError, match=r"s\.jsonl, line 1: is no result of a sweep"):
            invoke(tmp_path, "--lr", "0.1", data=small_mnist)
        assert (tmp_path / "s.jsonl").read_text() == content


def test_intervals_are_students():
    """The textbook's: mean ± t · s / √n; one seed has Wilson's."""
    values = [0.97, 0.98, 0.985, 0.975, 0.99]
    half = 2.776 * statistics.stdev(values) / 5**0.5
    low, high = interval(values, 5000)
    assert low == pytest.approx(statistics.mean(values) - half)
    assert high == pytest.approx(statistics.mean(values) + half)
    assert interval([1.0], 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_table_and_picture_say_what_they_show_and_whose_interval_it_is(tmp_path, small_mnist):
    """Rows where one seed is left are marked: theirs is another interval."""
    words = ["--lr", "0.05,0.1", *QUICK, "--data-dir", str(small_mnist), "-o", str(tmp_path / "s.jsonl")]
    for seeds, marks in (("1", 2), ("2", 0)):
        done = CliRunner().invoke(cli, ["sweep", "--seeds", seeds, *words], catch_exceptions=False)
        table = done.stdout.partition("\n\n")[0]
        assert table.count("* ") == marks
        shapes = list(ET.parse(tmp_path / "s.svg").iter())
        drawn = [e.text for e in shapes if e.get("class") in ("note", "tick")]
        assert sum(name.endswith(" *") for name in drawn) == marks
        assert all(says in drawn and f"{says}\n" in done.stdout for says in SAYS)
        order = [e.get("class") for e in shapes if e.tag.endswith("circle")]
        assert order == ["bar", *["badge"] * int(seeds)] * 2  # the small ones on top


def test_without_any_accuracy_there_is_a_picture_too():
    assert ET.fromstring(plot([], [])).tag.endswith("svg")


# Hostile places, files and numbers --------------------------------------------------------------------


def refused(*words) -> str:
    """The line that a sweep ends with before it trains; nothing is made or changed."""
    before = {path.name: path.stat().st_size for path in Path().iterdir()}
    with pytest.raises(HellodlError) as caught:
        CliRunner().invoke(cli, ["sweep", *QUICK, *map(str, words)], catch_exceptions=False)
    assert {path.name: path.stat().st_size for path in Path().iterdir()} == before
    return str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
def test_results_are_kept_in_a_file_of_their_own(tmp_path, small_mnist, monkeypatch):
    """No folder, no pipe (which would be waited for, for ever), and not where the picture goes."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("s.jsonl").touch()
    Path("link.svg").symlink_to("s.jsonl")
    for name in (".", "..", "/", "pipe", "/dev/null"):
        assert "is no file" in refused("--data-dir", small_mnist, "-o", name)
    for words in (
        ["-o", "a.svg"],
        ["-o", "s.jsonl", "--plot", "./s.jsonl"],
        ["-o", "s.jsonl", "--plot", "link.svg"],
    ):
        assert "the picture goes where" in refused("--data-dir", small_mnist, *words)


def test_more_trainings_than_anybody_waits_for_are_refused(tmp_path, small_mnist, monkeypatch):
    """At once, and before they are listed in memory."""
    monkeypatch.chdir(tmp_path)
    many = ",".join(str(i / 10_000) for i in range(1, 1000))
    for words in (["--random", 10**9, "--lr", "0.1:1"], ["--lr", many, "--seeds", 1000]):
        assert "expected at most 100,000" in refused("--data-dir", small_mnist, *words)


@pytest.mark.parametrize("text", ["0.1:inf", "-inf:1", "nan:1", "0.1:nan", "1:0.1", "0.1:", ":"])
def test_what_is_no_range_is_refused(text):
    done = CliRunner().invoke(cli, ["sweep", "--random", "3", f"--lr={text}"])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit | click.ClickException)


GOOD = {"settings": {}, "data": "d", "validation_accuracy": 0.5, "validation_loss": 1.0, "images": 10}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settings", []),
        ("data", None),
        ("validation_accuracy", "1"),
        ("validation_accuracy", float("nan")),
        ("validation_accuracy", 1e9),
        ("images", -1),
        ("images", 0.5),
        ("images", 0),  # was divided by
        ("train_seconds", float("inf")),
        ("error", {}),
        ("unknown", 1),
    ],
)
def test_results_that_no_sweep_wrote_are_refused(tmp_path, name, value):
    """Nothing in the file is believed; its good lines are."""
    file = tmp_path / "s.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n")
    with journal(file) as (held, _):
        assert len(held) == 1
    file.write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD | {name: value})}\n")
    with pytest.raises(UsageError, match=r"s\.jsonl, line 2: is no result of a sweep"), journal(file):
        pass


def test_what_fails_elsewhere_is_not_laid_to_the_results_file(tmp_path, monkeypatch):
    """As when who reads our output has gone; a full disk is told of the file."""
    with pytest.raises(BrokenPipeError), journal(tmp_path / "s.jsonl"):
        raise BrokenPipeError
    with journal(tmp_path / "s.jsonl") as (_, add):
        monkeypatch.setattr("os.fsync", full_disk)
        with pytest.raises(HellodlError, match=r"s\.jsonl: cannot be written: No space left"):
            add(Trial({}, "d"))


def full_disk(descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
