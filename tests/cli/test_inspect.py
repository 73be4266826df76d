"""`hellodl inspect` tells what a checkpoint holds, whatever its metadata says."""

import json
from dataclasses import fields, replace

import pytest
import tiny
from click.testing import CliRunner
from rich.cells import cell_len

from hellodl import checkpoint
from hellodl.cli.main import cli
from hellodl.training import run as training
from hellodl.training.settings import Settings, as_command


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of a short training."""
    folder = tiny.write_dataset(tmp_path_factory.mktemp("inspect"))
    path = folder / "trained.safetensors"
    settings = Settings(epochs=2, validation=40, batch_size=32, lr=0.01, momentum=0.5)
    list(training.train(settings, training.Run(path, folder, threads=1)))
    return path


def run(*arguments):
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)], catch_exceptions=False)


def test_json_tells_all_about_a_trained_model(trained):
    result = run("--json", trained)
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    assert record.keys() == {
        *("model", "bytes", "network", "weights", "biases", "pixels", "tensors", "dataset", "settings"),
        *("history", "results", "versions", "threads", "resume", "machine", "recipe", "calibration"),
        "position",
    }
    assert (record["weights"], record["biases"]) == (109_184, 202)
    assert record["network"] == [784, 128, 64, 10]
    assert record["bytes"] == trained.stat().st_size
    assert record["dataset"]["name"] == "mnist"
    assert record["settings"]["momentum"] == 0.5
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    assert record["resume"] == {"step": 10, "epochs": 2}
    weights = checkpoint.load(trained).weights["lc2.weight"]
    (tensor,) = [tensor for tensor in record["tensors"] if tensor["name"] == "lc2.weight"]
    assert tensor["shape"] == [64, 128]
    assert tensor["mean"] == pytest.approx(weights.mean(), abs=1e-6)
    assert tensor["deviation"] == pytest.approx(weights.std(), rel=1e-4)
    assert (tensor["min"], tensor["max"]) == (weights.min(), weights.max())


def test_plain_text_names_settings_history_and_how_to_go_on(trained):
    result = run(trained)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert max(map(cell_len, result.stdout.splitlines())) <= 80
    words = " ".join(result.stdout.split())
    assert "784 → 128 → 64 → 10 109,184 weights and 202 biases" in words
    assert "hellodl train --preset hill --epochs 2 --lr 0.01 --momentum 0.5 --batch-size 32" in words
    for name, value in (("lr", "0.01"), ("hidden", "128,64"), ("batch_size", "32")):
        (setting,) = [field for field in fields(Settings) if field.name == name]
        assert f"{name.replace('_', '-')} {value} {setting.metadata['help']}" in words
    assert "from step 10, 2 of 2 epochs done" in words
    assert "--epochs 4" in words
    assert (
        sum(line.startswith(("1 ", "2 ")) and line.endswith(" %") for line in result.stdout.splitlines()) == 2
    )


def test_the_command_shown_trains_the_same_weights_again(trained, tmp_path):
    loaded = checkpoint.load(trained)
    shown = as_command(loaded.about.settings).split()
    options = ["-o", str(tmp_path / "again"), "--data-dir", str(trained.parent), "--threads", "1", "-q"]
    result = CliRunner().invoke(cli, [*shown[1:], *options], catch_exceptions=False)
    assert result.exit_code == 0
    again = checkpoint.load(tmp_path / "again")
    assert all((again.weights[name] == weights).all() for name, weights in loaded.weights.items())


def test_the_model_is_named_by_position_or_by_option_but_not_two(trained):
    by_position, by_option = run("--json", trained), run("--json", "-m", trained)
    assert by_position.stdout == by_option.stdout == run("--json", trained, "-m", trained).stdout
    done = tiny.hellodl("inspect", "a", "-m", "b", cwd=trained.parent)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"two models are named" in done.stderr


def test_a_missing_model_exits_with_3(trained):
    done = tiny.hellodl("inspect", "none.safetensors", cwd=trained.parent)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.count(b"\n") == 1


def test_a_model_without_a_history_says_what_is_not_recorded(tmp_path):
    path = tiny.save_model(tmp_path / "bare.safetensors")
    record = json.loads(run("--json", path).stdout)
    assert (record["history"], record["resume"], record["threads"]) == ([], None, None)
    text = run(path).stdout
    assert "not recorded" in text
    assert "not trained further" in text


def test_how_to_go_on_names_the_command_as_it_was_typed(trained):
    told = tiny.hellodl(
        "inspect", trained, cwd=trained.parent, HELLODL_COMMAND="scripts/hellodl", COLUMNS="200"
    )
    assert b"done: scripts/hellodl train --resume " in told.stdout


@pytest.mark.parametrize(
    "missing", [{"settings": {}}, {"settings": {"epochs": "x"}}, {"position": None}], ids=str
)
def test_a_training_that_lacks_its_position_or_settings_cannot_be_resumed(trained, tmp_path, missing):
    loaded = checkpoint.load(trained)
    checkpoint.save(tmp_path / "m", replace(loaded, about=replace(loaded.about, **missing)))
    assert json.loads(run("--json", tmp_path / "m").stdout)["resume"] is None


NASTY = {
    "dataset": {"name": "\x1b[2J[red]", "sha256": "\x07"},
    "settings": {"epochs": "\x1b]0;x\x07", "hidden": [], "lr": "\x1b", "\x1b[1m": True},
    "history": [{"epoch": 10**9, "loss": 1e-300, "validation_accuracy": 0}],
    "results": {"\x1b[1m": [float("inf")], "test_loss": 1},
    "versions": {"a\nb": "\x07"},
}


def test_hostile_metadata_neither_crashes_nor_reaches_the_terminal(tmp_path):
    path = tiny.save_model(tmp_path / "\x1b[31mred\n.safetensors", **NASTY)
    result = run(path)
    assert result.exit_code == 0
    assert not set("\x1b\x07") & set(result.stdout)
    assert r"\x1b[2J[red]" in result.stdout
    json.loads(run("--json", path).stdout, parse_constant=pytest.fail)


def test_only_ascii_where_there_is_only_ascii(trained):
    done = tiny.hellodl("inspect", trained.name, cwd=trained.parent, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "784 -> 128 -> 64 -> 10" in done.stdout.decode("ascii")


def test_a_long_history_is_thinned_but_keeps_first_last_and_best(tmp_path):
    history = [{"epoch": i + 1, "loss": 1.0, "validation_accuracy": 0.9} for i in range(300)]
    history[122]["validation_accuracy"] = 0.95
    text = run(tiny.save_model(tmp_path / "long.safetensors", history=history)).stdout
    epochs = [int(line.split()[0]) for line in text.splitlines() if line.endswith(" %")]
    assert epochs[0] == 1
    assert epochs[-1] == 300
    assert 123 in epochs
    assert len(epochs) <= 11
