"""`hellodl evaluate` says what evaluation found: as JSON, in 80 columns, with and without colour."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from hellodl import checkpoint, datasets, evaluation
from hellodl.cli import evaluate_view
from hellodl.cli import terminal as drawing
from hellodl.cli.main import cli
from hellodl.cli.words import percent
from hellodl.datasets import Dataset
from hellodl.errors import UsageError
from hellodl.reading.scoring import Count, FolderScore, Misread, SetScore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a data set and a model."""
    folder = tiny.write_dataset(tmp_path_factory.mktemp("evaluate") / "data")
    tiny.save_model(folder / "m.safetensors", dataset={"name": "mnist", "sha256": "0"})
    return folder


def run(*arguments):
    return CliRunner().invoke(cli, ["evaluate", *map(str, arguments)], catch_exceptions=False)


def test_json_has_the_fields_of_the_contract_and_what_evaluation_found(folder):
    model = folder / "m.safetensors"
    result = run("-m", model, "--data-dir", folder, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    record = json.loads(result.stdout)
    assert list(record) == [
        *("model", "dataset", "images", "correct", "accuracy", "accuracy_interval", "loss", "per_digit"),
        *("confusion", "calibration_error", "mistakes", "seconds"),
    ]
    assert list(record["per_digit"][0]) == ["digit", "precision", "recall", "f1", "images"]
    assert list(record["mistakes"][0]) == ["index", "label", "predicted", "confidence"]
    expected = evaluation.evaluate(checkpoint.load_model(model), datasets.load("mnist", "test", folder))
    assert (record["model"], record["dataset"], record["images"]) == (str(model), "mnist", 60)
    assert record["accuracy"] == expected.accuracy
    assert record["confusion"] == [list(row) for row in expected.confusion]
    assert [mistake["index"] for mistake in record["mistakes"]] == [m.index for m in expected.mistakes]


def test_json_does_not_wait_for_rich(folder):
    arguments = ["evaluate", "-m", "m.safetensors", "--data-dir", str(folder), "--json"]
    program = f"""
import sys
from hellodl.cli.main import cli
cli.main({arguments}, standalone_mode=False)
sys.exit("rich" in sys.modules)
"""
    done = tiny.run_python("-c", program, cwd=folder)
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_a_terminal_it_is_plain_text_of_80_columns(folder):
    result = run("-m", folder / "m.safetensors", "--data-dir", folder)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "█" in result.stdout
    assert any(line.startswith("accuracy") and "95 % interval" in line for line in lines)
    assert sum(line.startswith("true ") for line in lines) == 10


def test_where_there_is_only_ascii_everything_is_ascii(folder):
    done = tiny.hellodl(
        "evaluate", "-m", "m.safetensors", "--data-dir", folder, cwd=folder, PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0
    text = done.stdout.decode("ascii")
    assert "#" in text
    assert "true 9" in text


def on_terminal(**options):
    return Console(
        file=io.StringIO(), force_terminal=True, width=80, markup=False, highlight=False, **options
    )


def shown_on(console, folder):
    """The whole report as a terminal gets it."""
    data = datasets.load("mnist", "test", folder)
    result = evaluation.evaluate(checkpoint.load_model(folder / "m.safetensors"), data)
    for part in evaluate_view.report(Path("m.safetensors"), result, data, console):
        console.print(part)
    return console.file.getvalue()


def test_on_a_terminal_there_are_colours_and_with_no_color_there_are_none(folder, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    colourful = shown_on(on_terminal(color_system="truecolor"), folder)
    assert "\x1b[38;2;" in colourful
    assert "▀" in colourful
    sober = shown_on(on_terminal(color_system="truecolor", no_color=True), folder)
    assert "38;2;" not in sober
    assert "█" in sober


def test_a_model_that_makes_no_mistake_is_reported_as_such(folder):
    data = datasets.load("mnist", "test", folder)
    perfect = Dataset("mnist", "test", data.images, np.zeros(60, np.uint8), "")
    probabilities = np.eye(10, dtype=np.float32)[perfect.labels]

    class Oracle:
        def predict(self, images):
            return probabilities

    console = on_terminal(color_system=None)
    result = evaluation.evaluate(Oracle(), perfect)
    for part in evaluate_view.report(Path("oracle"), result, perfect, console):
        console.print(part)
    text = console.file.getvalue()
    assert "No image was misread" in text
    assert "100.00 %" in text
    assert "most often" not in text


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100.00 %"), (0.99999, "99.99 %"), (0.98765, "98.77 %"), (0.0, "0.00 %")]
)
def test_only_all_is_100_percent(share, text):
    assert percent(share) == text


def test_classes_that_are_no_digits_are_named(folder):
    model = folder / "m.safetensors"
    result = run("-m", model, "--data-dir", folder, "--dataset", "fashion-mnist")
    assert "Ankle boot" in result.stdout
    assert max(map(cell_len, result.stdout.splitlines())) <= 80
    assert result.stderr == "note: this model was trained on mnist, not on fashion-mnist\n"
    assert run("-m", model, "--data-dir", folder, "--dataset", "fashion-mnist", "-q").stderr == ""


def test_a_model_is_evaluated_on_its_own_data_set_and_names_its_classes(folder):
    named = {"name": "fashion-mnist", "sha256": "", "classes": [f"thing {i}" for i in range(10)]}
    model = tiny.save_model(folder / "fashion.safetensors", dataset=named)
    result = run("-m", model, "--data-dir", folder)
    assert result.stderr == ""
    assert "test images of fashion-mnist" in " ".join(result.stdout.split())
    assert re.search(r"[A-Z]\S+ read as [A-Z]\S+", result.stdout)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two sets: single digits in sub-folders, and a list of a number, a blank and what is no picture."""
    place = tmp_path_factory.mktemp("photos")
    images, labels = paper.digits()
    for i in range(3):
        (place / "singles" / str(labels[i])).mkdir(parents=True)
        Image.fromarray(images[i]).save(place / "singles" / str(labels[i]) / "a.png")
    (place / "numbers").mkdir()
    Image.fromarray(paper.drawn([paper.number("42")])).save(place / "numbers" / "42.png")
    Image.fromarray(np.full((60, 60), 230, np.uint8)).save(place / "numbers" / "blank.png")
    (place / "numbers" / "broken.png").write_bytes(b"no picture")
    (place / "numbers" / "labels.csv").write_text("file,label\n42.png,42\nblank.png,none\nbroken.png,7\n")
    return place


def test_a_folder_of_ones_own_pictures_is_evaluated_as_json(photos):
    result = run("-m", "shipped", "--json", photos)
    broken = str(photos / "numbers" / "broken.png")
    why = f"{broken}: not a picture in a format known here (PNG, JPEG, GIF, …)"
    assert (result.exit_code, result.stderr) == (5, f"hellodl: {why}\n")
    record = json.loads(result.stdout)
    assert list(record) == ["model", "sets", "all", "mistakes", "seconds", "errors"]
    assert record["errors"] == [{"file": broken, "error": why}]
    assert broken not in [mistake["file"] for mistake in record["mistakes"]]
    assert [each["name"] for each in record["sets"]] == ["numbers", "singles"]
    assert record["all"]["single"] == {"count": 3, "of": 3}
    assert record["all"]["several"] == {"count": 1, "of": 1}
    assert record["all"]["refused"] == {"count": 1, "of": 1}
    assert record["all"]["unreadable"] == 1


def test_a_folder_of_ones_own_pictures_is_evaluated_in_80_columns(photos):
    result = run("-m", "shipped", photos / "numbers", photos / "singles")
    assert result.exit_code == 5
    assert max(map(cell_len, result.stdout.splitlines())) <= 80
    words = [line.split() for line in result.stdout.splitlines()]
    assert ["singles", "3/3", "-", "3/3", "0/3", "0/3", "-"] in words
    assert ["all", "3/3", "1/1", "5/5", "0/4", "0/4", "1/1"] in words
    assert "broken.png" not in result.stdout


def test_what_is_misread_in_folders_is_listed_a_line_each_and_not_without_end():
    none = Count(0, 0)
    score = SetScore("mine", 15, none, none, none, none, none, none, none, None, 0)
    wrong = Misread("a\x1b.png", "12", "1\n2", "unsure", ("very faint", "very small"))
    found = FolderScore((score,), score, (wrong,) * 15, 1.0, ())
    *listed, last = list(evaluate_view.folder_report(Path("m"), found))[-13:]
    assert listed == ["a\\x1b.png: '12' read as '1 / 2', unsure; very faint; very small"] * 12
    assert last == "and 3 more mistakes and doubts; --json lists all"


def test_pictures_that_a_model_has_learned_from_are_no_test(photos, tmp_path):
    loaded = checkpoint.load(checkpoint.SHIPPED)
    settings = {**loaded.about.settings, "also": f"{photos}/"}
    about = replace(loaded.about, settings=settings)
    checkpoint.save(tmp_path / "mine.safetensors", replace(loaded, about=about))
    found = [
        run("-m", tmp_path / "mine.safetensors", folder).stderr for folder in (photos, photos / "singles")
    ]
    assert found[0].startswith("note: the model has learned from these pictures")
    assert found[1] == ""


def test_folders_and_a_data_set_are_not_mixed(photos):
    with pytest.raises(UsageError, match="folders of pictures have no --dataset"):
        run("-m", "shipped", "--dataset", "mnist", photos)


def test_control_characters_in_a_files_name_are_escaped(folder):
    model = tiny.save_model(folder / "a\x1b[31m\nb.safetensors")
    result = run("-m", model, "--data-dir", folder)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert r"a\x1b[31m\nb.safetensors" in result.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("model", "data", "code"),
    [("none.safetensors", ".", 3), ("broken", ".", 3), ("m.safetensors", "empty", 4)],
)
def test_bad_models_exit_with_3_and_bad_data_with_4(folder, model, data, code):
    (folder / "broken").write_bytes(b"no model")
    (folder / "empty").mkdir(exist_ok=True)
    done = tiny.hellodl("evaluate", "-m", model, "--data-dir", data, cwd=folder)
    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.decode().count("\n") == 1
    assert done.stderr.decode().startswith("hellodl: ")


# Drawing ----------------------------------------------------------------------------------------------


def picture_of(*rows):
    return np.array(rows, np.uint8)


def test_without_colours_the_characters_closest_in_ink_are_chosen():
    console = on_terminal(color_system=None)
    pixels = picture_of([0, 64, 128, 191, 255, 255, 0], [0, 64, 128, 191, 255, 0, 255])
    assert [line.plain for line in drawing.picture(pixels, console)] == [" ░▒▓█▀▄"]


def test_an_odd_last_row_is_drawn_twice():
    console = on_terminal(color_system=None)
    lines = drawing.picture(picture_of([0, 0], [255, 255], [255, 0]), console)
    assert [line.plain for line in lines] == ["▄▄", "█ "]


def test_with_colours_each_half_has_its_own_grey():
    console = on_terminal(color_system="truecolor", no_color=False)
    (line,) = drawing.picture(picture_of([255], [0]), console)
    (span,) = line.spans
    assert line.plain == "▀"
    assert span.style.color.triplet == (255, 255, 255)
    assert span.style.bgcolor.triplet == (0, 0, 0)


def test_numbers_above_0_are_red_below_0_blue_and_0_black():
    red, black, blue = drawing.red_and_blue(np.array([[1.0, 0.0, -1.0]]))[0].tolist()
    assert black == [0, 0, 0]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert not drawing.red_and_blue(np.zeros((2, 2))).any()


def test_as_many_pictures_are_beside_each_other_as_fit():
    console = on_terminal(color_system=None)
    pictures = [(drawing.picture(np.full((2, 26), 255, np.uint8), console), f"no {i}") for i in range(4)]
    console.print(drawing.beside(pictures))
    lines = console.file.getvalue().splitlines()
    assert [cell_len(line.strip()) for line in lines] == [80, 58, 0, 26, 4]
    assert lines[0] == " ".join(["█" * 26] * 3)
    assert lines[1].split() == ["no", "0", "no", "1", "no", "2"]
    narrow = on_terminal(color_system=None)
    narrow.width = 30
    narrow.print(drawing.beside(pictures[:2]))
    assert [cell_len(line.strip()) for line in narrow.file.getvalue().splitlines()] == [26, 4, 0, 26, 4]
