import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
import tiny
from PIL import Image

from hellodl import checkpoint
from hellodl.cli.chart import chart
from hellodl.cli.main import main
from hellodl.system.lockstep import PROCESSES
from hellodl.training import run as training
from hellodl.training.loop import Trainer

EPOCH = ["event", "epoch", "epochs", "loss", "validation_loss", "validation_accuracy", "seconds"]
DONE = [
    "event",
    "test_accuracy",
    "test_loss",
    "epochs",
    "steps",
    "train_seconds",
    "model",
    "threads",
    "seconds",
]
LOGGED = '{"event": "epoch"}\n'
MODEL = Path("hellodl.safetensors")
posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and terminals as POSIX has them")


@pytest.fixture
def quick(small_mnist):
    """Options for a run of a tenth of a second."""
    options = {"validation": 200, "threads": 1, "epochs": 2, "batch-size": 128, "lr": 0.05, "momentum": 0.9}
    return [f"--{name}={value}" for name, value in ({"data-dir": small_mnist} | options).items()]


@pytest.fixture
def train(tmp_path, monkeypatch, capfd, quick):
    """`hellodl train` in this process, in an empty folder: exit code, lines on stdout, lines on stderr."""
    monkeypatch.chdir(tmp_path)

    def train(*options):
        monkeypatch.setattr(sys, "argv", ["hellodl", "train", *quick, *map(str, options)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        return caught.value.code, out.splitlines(), err.splitlines()

    return train


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


# What it prints ---------------------------------------------------------------------------------------


def test_json_has_exactly_the_promised_keys_and_nothing_else_is_on_stdout(train):
    code, out, err = train("--json")
    *epochs, done = map(json.loads, out)
    assert (code, err) == (0, [])
    assert [list(record) for record in epochs] == [EPOCH, EPOCH]
    assert sorted(done) == sorted(DONE)
    assert [(r["event"], r["epoch"], r["epochs"]) for r in epochs] == [("epoch", 1, 2), ("epoch", 2, 2)]
    assert (done["event"], done["epochs"], done["steps"]) == ("done", 2, 28)
    assert (done["model"], done["threads"]) == ("hellodl.safetensors", 1)
    assert done["train_seconds"] == pytest.approx(sum(r["seconds"] for r in epochs))
    assert names() == ["hellodl.safetensors"]


def test_json_says_null_where_nothing_is_held_out(train):
    _, out, _ = train("--json", "--validation", 0)
    assert {(r["validation_loss"], r["validation_accuracy"]) for r in map(json.loads, out[:-1])} == {
        (None, None)
    }


def test_a_person_sees_a_row_an_epoch_and_what_to_do_next(train):
    code, out, err = train("-o", "a b/m.safetensors")
    assert code == 0
    assert err[0] == (
        "mnist: 1,800 images, 200 held out; network 784→128→64→10; 2 epochs of 14 steps; batches of 128; "
        "sgd, learning rate 0.05 linear; momentum 0.9; turned upright; distorted: shift; seed 0; 1 processor"
    )
    assert re.fullmatch(r" +epoch +loss +held out +accuracy +seconds", out[0])
    assert re.fullmatch(r" +2/2 +\d\.\d{4} +\d\.\d{4} +\d\d\.\d\d % +\d\.\d\d", out[2])
    assert re.fullmatch(r"validation accuracy [\d.]+ %, test accuracy [\d.]+ %", out[4])
    assert re.fullmatch(r"2 epochs, 28 steps in [\d.]+ s \([\d.]+ s in all, 1 processor\)", out[5])
    assert out[6:] == []
    assert err[1] == "saved as a b/m.safetensors"
    assert err[2:] == [
        "next: hellodl evaluate -m 'a b/m.safetensors'",
        "      hellodl predict -m 'a b/m.safetensors' image.png",
    ]


def test_quiet_leaves_the_result(train):
    _, out, err = train("-q", "--validation", 0)
    assert err == []
    assert len(out) == 1
    assert re.fullmatch(r"test accuracy [\d.]+ %", out[0])


def test_the_log_holds_what_json_prints(train):
    _, out, _ = train("--json", "--log", "logs/run.jsonl")
    logged = Path("logs/run.jsonl").read_text().splitlines()
    assert logged[:-1] == out[:-1]
    assert {**json.loads(logged[-1]), "seconds": 0} == {**json.loads(out[-1]), "seconds": 0}


def test_a_new_run_begins_a_new_log_and_a_resumed_one_goes_on(train):
    for options, lines in ((["--seed", 1], 3), (["--seed", 2], 3), (["--resume", MODEL, "--epochs", 3], 5)):
        assert train("--log", "log", *options)[0] == 0
        assert len(Path("log").read_text().splitlines()) == lines


def seen(sent):
    """The lines of a screen after all that was sent, as the few control sequences that we send move them."""
    lines, row = [""], 0
    for part in re.split(r"(\r\n|\r|\x1b\[\d*[AJ])", re.sub(r"\x1b\[[\d;]*m", "", sent)):
        if part == "\r\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
        elif part == "\x1b[J":
            lines[row:] = [""]
        elif part != "\r":
            lines[row] += part
    return lines


@posix
@pytest.mark.parametrize("columns", [50, 120])
def test_on_a_terminal_curves_grow_and_fit(quick, tmp_path, columns):
    """Every line that is drawn is narrower than the terminal; at the end the curves and the summary stand."""
    sent = tiny.on_terminal(
        [sys.executable, "-m", "hellodl", "train", *quick, "--epochs", "40"], tmp_path, columns
    )
    blocks = [re.sub(r"\x1b\[[\d;]*m", "", b) for b in re.split(r"\x1b\[\d*[AJ]", sent) if "left" in b]
    assert len(blocks) > 1
    assert all(len(line) < columns for block in blocks for line in block.splitlines())
    assert re.match(r"epoch \d+/40 +[━─]+ +\d+ % +\d+:\d\d left", blocks[-1])
    assert "images/s" in blocks[-1] or columns == 50
    lines = seen(sent)
    assert not [line for line in lines if "left" in line]
    assert [line.split()[0] for line in lines if re.match(r" +\d+/40 ", line)] == [
        f"{i}/40" for i in range(1, 41)
    ]
    (charts,) = [line for line in lines if line.startswith("── loss ") and "best " in line]
    (last,) = [line.split()[1] for line in lines if line.startswith("  40/40 ")]
    assert charts.split()[2].rstrip(",") == last
    assert columns == 50 or "- - held out" in charts
    assert any(re.search(r"loss \d", line) for line in lines[lines.index(charts) + 1 :])  # the scale's ends
    assert "saved as hellodl.safetensors" in lines


@posix
@pytest.mark.parametrize(
    ("environment", "absent"),
    [({"TERM": "dumb"}, "\x1b"), ({"NO_COLOR": "1"}, "m\x1b"), ({"PYTHONIOENCODING": "latin-1"}, "━")],
)
def test_a_terminal_is_sent_nothing_that_it_lacks(quick, tmp_path, environment, absent):
    words = [sys.executable, "-m", "hellodl", "train", *quick, "--epochs", "20"]
    sent = tiny.on_terminal(words, tmp_path, **environment)
    assert absent not in sent
    assert not re.search(r"\x1b\[[\d;]*m", sent) or "NO_COLOR" not in environment
    assert "saved as hellodl.safetensors" in seen(sent)


def test_curves_are_told_apart_without_colours():
    """One of them is dashed, and as its name is marked."""
    flat = [(0.0, 0.0), (1.0, 0.0)]
    (line,) = chart([(flat, "green")], 12, 1)
    (dashed,) = chart([(flat, "green")], 12, 1, "green")
    assert " " not in line
    assert click.unstyle(dashed).count(" ") == 4


@posix
def test_behind_a_pipe_stderr_stays_still(quick, tmp_path):
    """`train | tee` writes to the terminal when it likes: nothing is drawn that it could tear."""
    words = [sys.executable, "-m", "hellodl", "train", *quick, "--epochs", "20"]
    sent = tiny.on_terminal(["sh", "-c", f"{shlex.join(words)} | cat"], tmp_path)
    assert "\x1b" not in sent
    assert "saved as hellodl.safetensors" in seen(sent)


# What it refuses, before it trains --------------------------------------------------------------------


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(Trainer, "learn", lambda *_: pytest.fail("it trained"))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--lr", "0"], 2, "--lr: is 0, expected a number above 0"),
        (["--lr", "nan"], 2, "--lr: is nan"),
        (["--epochs", "0"], 2, "--epochs: is 0, expected a whole number from 1 to 10000"),
        (["--seed", "9007199254740993"], 2, "expected a whole number from 0 to 9007199254740992"),
        (["--hidden", "99999999"], 2, "--hidden: is 99999999, expected widths like 128,64"),
        (["--validation", "0", "--target-accuracy", "0.9"], 2, "--validation: is 0, but"),
        (["--optimizer", "adam", "--momentum", "0.9"], 2, "--momentum: is for sgd"),
        (["--validation", "2000"], 2, "--validation: is 2000, expected fewer than the 2000 images of mnist"),
        (["--data-dir", "nowhere"], 4, "none of"),
        (["--resume", "nowhere"], 3, "nowhere: does not exist"),
        (["-o", "."], 2, ".: is a folder"),
        (["-o", "notes.txt"], 2, "notes.txt: begins as no model does"),
        (["-o", "notes.txt/model"], 1, "cannot be written"),
        (["-o", "m" * 300], 1, "cannot be written: File name too long"),
        (["--log", "hellodl.safetensors"], 2, "is one of the model's files"),
        (["--log", "notes.txt/log"], 1, "cannot be written"),
        (["--log", "."], 1, "cannot be written: Is a directory"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_refusals_take_one_line_and_come_before_training(train, no_training, options, code, message):
    notes = "something precious in a file that is no model"
    Path("notes.txt").write_text(notes)
    found, out, err = train(*options)
    assert (found, out, len(err)) == (code, [], 1)
    assert err[0].startswith("hellodl: ")
    assert message in err[0]
    assert names() == ["notes.txt"]
    assert Path("notes.txt").read_text() == notes


@pytest.mark.parametrize(
    "options",
    [["--hidden", "12,x"], ["--threads", "0"], ["--threads", "many"], ["--nope"]]
    + [["--checkpoint-every", span] for span in ("nan", "inf", "-1", "soon")],
)
def test_options_that_cannot_be_read_are_usage_errors(train, no_training, options):
    code, out, err = train(*options)
    assert (code, out) == (2, [])
    assert "Traceback" not in "".join(err)


def test_a_refused_run_leaves_the_log_of_the_last_one(train):
    Path("log").write_text(LOGGED)
    assert train("--log", "log", "--validation", "2000")[0] == 2
    assert Path("log").read_text() == LOGGED
    assert train("--log", "new", "--validation", "2000")[0] == 2
    assert names() == ["log"]


@pytest.mark.parametrize("name", ["old", "old.bak", "notes", "alias", "m.bak", "m.lock", "ahead"])
def test_no_log_takes_the_place_of_another_file(train, no_training, name):
    """Not even by a link; that of the model which is to be made, and beside it, is not there yet."""
    for model in ("old", "old.bak"):
        tiny.save_model(Path(model))
    Path("notes").write_text("something precious\n")
    for link, target in {"alias": "old", "ahead": "m"}.items():
        Path(link).symlink_to(target)
    before = {file: Path(file).read_bytes() for file in ("old", "old.bak", "notes", "alias")}
    there = names()
    code, _, err = train("-o", "m", "--init", "old", "--log", name)
    assert (code, len(err)) == (2, 1)
    assert re.search("is one of the model's files|begins as no log does; --force replaces it", err[0])
    if name in {"old", "alias"}:
        assert train("-o", "m", "--init", "old", "--log", name, "--force")[0] == 2
    assert names() == there
    assert before == {file: Path(file).read_bytes() for file in before}


def test_a_link_to_a_log_that_is_to_be_made_stays(train):
    Path("link").symlink_to("log")
    assert train("--log", "link", "--validation", "2000")[0] == 2
    assert names() == ["link"]
    assert train("--log", "link")[0] == 0
    assert Path("log").read_text().count("\n") == 3
    Path("notes").write_text("nothing precious\n")
    assert train("--log", "notes", "--force")[0] == 0
    assert Path("notes").read_text().count("\n") == 3


@posix
def test_a_log_has_one_writer(train, no_training):
    import fcntl

    Path("log").write_text(LOGGED)
    with Path("log").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, _, err = train("--log", "log")
    advice = "wait for its end, or write elsewhere with --log FILE"
    assert (code, err) == (1, [f"hellodl: log: another run is writing it; {advice}"])
    assert Path("log").read_text() == LOGGED


@posix
def test_nobody_waits_for_the_reader_of_a_log(train, no_training):
    os.mkfifo("pipe")
    code, _, err = train("--log", "pipe")
    assert (code, err) == (1, ["hellodl: pipe: cannot be written: No such device or address"])


@posix
def test_a_log_may_be_a_pipe_that_is_read(train):
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert train("--log", "pipe")[0] == 0
    assert os.read(reader, 1 << 16).count(b"\n") == 3
    os.close(reader)


def test_another_architecture_needs_force(train):
    assert train("--hidden", 20)[0] == 0
    before = MODEL.read_bytes()
    code, _, err = train()
    assert code == 2
    assert err == [
        f"hellodl: {MODEL}: holds a network 784→20→10; --force replaces it, -o FILE writes elsewhere"
    ]
    assert MODEL.read_bytes() == before
    assert train("--force")[0] == 0
    assert checkpoint.load_model(MODEL).widths == (784, 128, 64, 10)


@posix
def test_a_read_only_folder_is_refused(train, no_training, tmp_path):
    """For root by a read-only file system, where one may be mounted."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if not os.geteuid():
        mount = ["mount", "-t", "tmpfs", "-o", "ro,size=4k", "none", str(folder)]
        if subprocess.call(mount, stderr=subprocess.DEVNULL):
            pytest.skip("root may write everywhere, and may not mount")
    try:
        code, _, err = train("-o", folder / "model")
    finally:
        if not os.geteuid():
            subprocess.run(["umount", str(folder)], check=True)
    assert (code, len(err)) == (1, 1)
    assert re.search(r"model: cannot be written: (Read-only file system|Permission denied)$", err[0])


def test_contradicting_options_of_a_resumed_run_are_listed(train):
    train()
    code, _, err = train("--resume", MODEL, "--lr", 0.5, "--momentum", 0.0)
    assert code == 2
    assert "was trained with other settings: lr is 0.05 there, 0.5 here" in err[0]
    assert "; momentum is 0.9 there, 0.0 here" in err[0]


def test_the_better_model_is_never_lost(train):
    """A finished model that is replaced is kept beside; of several the best."""
    train("--epochs", 4)
    best = MODEL.read_bytes()
    worse = ["--epochs", 1, "--lr", 0.001, "--schedule", "constant"]
    kept = Path(f"{MODEL}.bak")
    for _ in range(2):
        code, _, err = train(*worse)
        assert code == 0
        assert re.fullmatch(rf"the better model that was there, [\d.]+ %, is kept as {kept}", err[2])
        assert kept.read_bytes() == best
    assert names() == [str(MODEL), str(kept)]


def test_what_else_lies_where_the_earlier_model_is_kept_stays(train, no_training):
    tiny.save_model(MODEL, results={"test_accuracy": 0.9})
    Path(f"{MODEL}.bak").write_text("something precious")
    code, _, err = train()
    assert (code, len(err)) == (2, 1)
    assert "--force replaces the file" in err[0]
    assert Path(f"{MODEL}.bak").read_text() == "something precious"


def test_a_model_of_other_data_needs_force(train, no_training):
    tiny.save_model(MODEL, settings={"dataset": "kmnist"})
    code, _, err = train()
    message = f"hellodl: {MODEL}: holds a model of kmnist; --force replaces it, -o FILE writes elsewhere"
    assert (code, err) == (2, [message])


# What goes wrong on the way ---------------------------------------------------------------------------


def test_a_diverging_run_says_where_and_keeps_the_old_model(train):
    train()
    before = MODEL.read_bytes()
    code, _, (_, *err) = train("--lr", 100, "--momentum", 0)
    assert (code, len(err)) == (1, 1)
    assert re.match(
        r"hellodl: epoch 1, step \d+: \w+ of shape .* gave .*; the learning rate 100 may be", err[0]
    )
    assert MODEL.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (("--lr", 1e300), "learning rate 1e+300"),
        (("--lr", 1e300, "--optimizer=adam", "--momentum=0"), "learning rate 1e+300"),
        (("--weight-decay", 1e30), "weight decay 1e+30"),
    ],
)
def test_what_overflows_is_told_without_warnings_of_libraries(train, options, culprit):
    code, _, err = train("-q", *options)
    assert (code, len(err)) == (1, 1)
    assert err[0].endswith(f"; the {culprit} may be too large")


def test_a_folder_that_vanishes_is_told(train, monkeypatch):
    learn = Trainer.learn
    monkeypatch.setattr(Trainer, "learn", lambda *a: shutil.rmtree("gone", ignore_errors=True) or learn(*a))
    code, _, (_, *err) = train("-o", "gone/model")
    assert (code, err) == (1, ["hellodl: gone/model: cannot be written: No such file or directory"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_log_that_fills_its_disk_is_told_at_the_end(train):
    """What was learned until then, and after, is kept."""
    code, out, err = train("--log", "/dev/full")
    assert (code, err[-1]) == (1, "hellodl: /dev/full: cannot be written: No space left on device")
    assert checkpoint.load(MODEL).about.position.step == 28
    assert (len(out), err[1]) == (6, f"saved as {MODEL}")
    assert train("--log", "/dev/null")[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("to", ["--json >/dev/full", "--json | true", ">/dev/full"])
def test_a_run_whose_output_cannot_be_written_loses_nothing(quick, tmp_path, to):
    line = f"{shlex.join([sys.executable, '-m', 'hellodl', 'train', *quick])} {to}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False
    )  # fmt: skip
    told = "hellodl: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr.endswith(told)) == (1, "full" in to)
    assert checkpoint.load(tmp_path / MODEL).about.results.test_accuracy is not None
    assert names(tmp_path) == [str(MODEL)]


SHARING = min(PROCESSES, 2)  # more only distort pictures, if that takes long


@pytest.mark.parametrize(
    ("asked", "cpus", "used"),
    [("auto", 1, 1), ("auto", 64, min(PROCESSES, 2)), ("1", 64, 1), ("8", 1, min(PROCESSES, 2))],
)
def test_as_many_processors_are_used_as_asked_for_and_helpful(train, monkeypatch, asked, cpus, used):
    monkeypatch.setattr(training, "available_cpus", lambda: cpus)
    _, out, _ = train("--json", "--threads", asked)
    assert json.loads(out[-1])["threads"] == used


STORMS = int(os.environ.get("HELLODL_STORMS", "4"))

# Signals ----------------------------------------------------------------------------------------------

STORY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start out ignoring it
from hellodl import datasets
from hellodl.training import loop as trainer
from hellodl.training import run as training

def mark(place):
    if place == "{place}":
        print("here", flush=True)
        sys.stdin.read()  # until the test is done with its signals

def marked(module, name, place):
    function = getattr(module, name)
    setattr(module, name, lambda *a, **k: mark(place) or function(*a, **k))

marked(training, "choose_settings", "settings")
marked(datasets, "load", "data")
marked(trainer.Trainer, "learn", "step")
marked(training, "score", "test")
from hellodl.cli.chart import chart
from hellodl.cli.main import main
main()
"""


@pytest.fixture
def signalled(quick, tmp_path):
    """A run in a process of its own that gets signals at a place: exit code and lines on stderr."""

    def signalled(place, *signals):
        command = [sys.executable, "-c", STORY.format(place=place), "train", "--json", *quick]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, cwd=tmp_path, text=True, **streams) as process:
            assert "here\n" in iter(process.stdout.readline, "")
            for number in signals[:-1]:
                process.send_signal(number)
                assert process.stderr.readline().endswith("(again to leave at once)\n")
            process.send_signal(signals[-1])
            _, err = process.communicate()
        return process.returncode, err.splitlines()

    return signalled


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_amid_training_saves_and_says_how_to_go_on(signalled, train, tmp_path, name, code):
    found, err = signalled("step", getattr(signal, name))
    assert found == code
    assert err[0] == "hellodl: stopping where nothing is lost (again to leave at once)"
    assert re.fullmatch(r"hellodl: stopped after 1 of 28 steps; go on with `(.*)`", err[1])
    assert names(tmp_path) == ["hellodl.safetensors"]
    words = shlex.split(err[1].split("`")[1])
    assert words[:4] == ["hellodl", "train", "--resume", "hellodl.safetensors"]
    assert train(*words[2:])[0] == 0
    resumed = checkpoint.load(MODEL).weights
    train("-o", "whole")
    assert all((resumed[n] == w).all() for n, w in checkpoint.load(Path("whole")).weights.items())


@posix
def test_a_terminal_that_goes_ends_a_run_that_two_share(quick, tmp_path):
    """The signal is sent to all processes that the terminal started; the run is saved."""
    command = [sys.executable, "-c", STORY.format(place="step"), "train", *quick, "--threads", "2"]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **streams) as process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGHUP)
        _, err = process.communicate()
    assert (process.returncode, err.splitlines()[-1][:40]) == (
        129,
        b"hellodl: stopped after 1 of 28 steps; go",
    )
    assert checkpoint.load(tmp_path / MODEL).about.position.step == 1


@posix
def test_under_nohup_a_run_goes_on(quick, tmp_path):
    command = ["nohup", sys.executable, "-c", STORY.format(place="step"), "train", *quick]
    streams = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=tmp_path, **streams) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.communicate()
    assert process.returncode == 0


@posix
def test_a_second_ctrl_c_leaves_at_once_without_harm(signalled, train, tmp_path):
    train()
    before = MODEL.read_bytes()
    code, err = signalled("step", signal.SIGINT, signal.SIGINT)
    assert (code, err) == (130, ["hellodl: interrupted"])  # off a terminal without an empty line
    assert MODEL.read_bytes() == before
    assert names(tmp_path) == ["hellodl.safetensors"]


@posix
def test_ctrl_c_before_training_begins_writes_nothing(signalled, tmp_path):
    assert signalled("settings", signal.SIGINT) == (130, ["hellodl: interrupted"])
    code, err = signalled("data", signal.SIGINT)
    assert code == 130
    assert err[-1] == "hellodl: stopped before the first step; nothing was written"
    assert names(tmp_path) == []


def hears_sigterm(pid):
    """Whether a process has a handler for SIGTERM, where Linux tells; true elsewhere."""
    status = Path(f"/proc/{pid}/status")
    caught = re.search(r"SigCgt:\s+([0-9a-f]+)", status.read_text()) if status.exists() else None
    return caught is None or bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_storm_of_signals_gets_one_line_and_leaves_no_file(command, small_mnist, tmp_path):
    """At any moment, Ctrl-C and SIGTERM; HELLODL_STORMS=1000 asks for more than every test run has."""
    moments, storm = random.Random(STORMS), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    line = ["train", "-q", "--epochs", "300", "--checkpoint-every", "0", "--force"]
    line += ["--data-dir", small_mnist, "--validation", "200"]
    if command == "predict":
        picture = tmp_path / "digit.png"
        Image.new("L", (300, 300), 200).save(picture)
        line = ["predict", "-q", *[picture] * 8000]
    for _ in range(STORMS):
        process = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "hellodl", *line],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None and not hears_sigterm(process.pid):
            time.sleep(1e-3)  # Python itself is still starting, and answers signals in its own words
        time.sleep(moments.uniform(0, 1))
        while process.poll() is None:
            process.send_signal(moments.choice(storm))
            time.sleep(moments.choice([0, 0, 1e-4, 1e-3, 1e-2, 1e-1]))
        said = [said for said in process.stderr.read().splitlines() if said and "again to leave" not in said]
        process.stderr.close()
        assert len(said) <= 1, said
        assert all(words.startswith("hellodl: ") for words in said)
        assert process.returncode in {code for number in storm for code in (128 + number, -number)}, said
        assert set(names(tmp_path)) <= {"hellodl.safetensors", "digit.png"}


@posix
def test_ctrl_c_while_a_class_is_made_is_told_in_a_line():
    """As in a library that is loaded just then: Python 3.11 makes it the cause of a RuntimeError."""
    program = """if True:
        import signal
        import hellodl.cli.main as main
        class Name:
            def __set_name__(self, *_):
                signal.raise_signal(signal.SIGINT)
        main.cli.main = lambda **_: type("Class", (), {"name": Name()})
        main.main()
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "hellodl: interrupted")


@posix
def test_ctrl_c_at_the_very_end_lets_the_run_finish(signalled, tmp_path):
    code, _ = signalled("test", signal.SIGINT)
    assert code == 0
    assert checkpoint.load(tmp_path / MODEL).about.results.test_accuracy is not None


@posix
@pytest.mark.parametrize("dead", [("stderr",), ("stdout",), ("stdout", "stderr")], ids=" and ".join)
def test_a_stop_is_saved_even_if_nobody_reads_what_we_say(quick, tmp_path, dead):
    """As after Ctrl-C in `hellodl train 2>&1 | tee log`: tee is gone first. The exit code stays 130."""
    command = [sys.executable, "-c", STORY.format(place="step"), "train", *quick]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=tmp_path, **streams) as process:
        process.stdout.readline()
        for name in dead:
            getattr(process, name).close()
        process.send_signal(signal.SIGINT)
        process.stdin.close()
    assert process.returncode == 130
    assert checkpoint.load(tmp_path / MODEL).about.position.step == 1
    assert names(tmp_path) == ["hellodl.safetensors"]


@posix
def test_a_killed_run_leaves_no_lock_and_a_running_one_refuses_others(quick, train, tmp_path):
    command = [sys.executable, "-c", STORY.format(place="step"), "train", "-q", *quick]
    streams = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=tmp_path, **streams) as process:
        process.stdout.readline()
        refused = train()
        process.kill()
    assert refused[:2] == (1, [])
    assert refused[2] == [
        f"hellodl: {MODEL}: another run is writing it; wait for its end, or write elsewhere with -o FILE"
    ]
    assert names() == ["hellodl.safetensors.lock"]
    assert train()[0] == 0
    assert names() == ["hellodl.safetensors"]
