"""`hellodl explain`: JSON, drawings in the terminal and as PNG, neighbours and their absence."""

import json

import numpy as np
import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from hellodl import checkpoint, datasets
from hellodl.about import DIGITS
from hellodl.cli import sheets
from hellodl.cli.main import cli
from hellodl.cli.predict_view import SCORE_SAYS, like
from hellodl.cli.terminal import red_and_blue
from hellodl.explaining import Gallery, Neighbour, explain
from hellodl.reading.reader import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set, a model that was trained on it, a digit, and a photograph of 42."""
    folder = tiny.write_dataset(tmp_path_factory.mktemp("explain") / "data")
    tiny.save_model(folder / "m.safetensors", dataset={"name": "mnist", "sha256": "0"})
    Image.fromarray(paper.digits()[0][0]).save(folder / "7.png")
    Image.fromarray(paper.drawn([paper.number("42")])).save(folder / "42.jpg")
    return folder


def run(folder, *arguments, **options):
    fixed = ["explain", "-m", str(folder / "m.safetensors"), "--data-dir", str(folder)]
    return CliRunner().invoke(cli, [*fixed, *map(str, arguments)], catch_exceptions=False, **options)


def test_json_is_what_the_library_says(folder):
    result = run(folder, folder / "42.jpg", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    assert list(record) == ["file", "text", "verdict", "digits", "warnings", "marks"]
    model = checkpoint.load_model(folder / "m.safetensors")
    data = datasets.load("mnist", "train", folder)
    reading = read(folder / "42.jpg", model)
    assert len(record["digits"]) == len(reading.digits)
    for found, digit in zip(record["digits"], reading.digits, strict=True):
        near = Gallery(model, data.images, data.labels).nearest(digit.seen)
        why = explain(model, digit.seen, digit.digit, near)
        assert (found["digit"], found["score"]) == (digit.digit, pytest.approx(why.score))
        np.testing.assert_allclose(found["evidence"], why.evidence, atol=1e-5)
        assert [n["index"] for n in found["neighbours"]] == [n.index for n in near]
        assert list(found["neighbours"][0]) == ["index", "label", "distance"]


@pytest.mark.parametrize("picture", ["7.png", "42.jpg"])
def test_drawn_as_png_and_again(folder, tmp_path, picture):
    file = tmp_path / "why.png"
    for _ in range(2):
        assert run(folder, folder / picture, "-o", file).exit_code == 0
    with Image.open(file) as image:
        assert image.info["Software"].startswith("hellodl ")


def test_a_file_of_others_is_never_replaced(folder, tmp_path):
    mine = tmp_path / "7.png"
    mine.write_bytes((folder / "7.png").read_bytes())
    arguments = "explain", "-m", folder / "m.safetensors", "7.png", "-o", "7.png"
    done = tiny.hellodl(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert mine.read_bytes() == (folder / "7.png").read_bytes()


def test_terminal_shows_for_against_and_neighbours(folder):
    """Without colours, for and against are two pictures."""
    shown = run(folder, folder / "7.png").stdout
    words = ("seen", " for ", "against", "training digits most like it", "distance")
    assert all(word in shown for word in words)
    assert SCORE_SAYS in " ".join(shown.split())


def test_without_training_digits_the_pixels_are_still_explained(folder, monkeypatch, tmp_path):
    """A model of a data set that is not here: a remark on stderr, and no neighbours."""
    model = tiny.save_model(tmp_path / "m.safetensors", dataset={"name": "kmnist", "sha256": "0"})
    monkeypatch.setenv("HELLODL_DATA", str(tmp_path))
    result = CliRunner().invoke(cli, ["explain", "-m", str(model), str(folder / "7.png"), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["digits"][0]["neighbours"] == []
    assert "without training digits" in result.stderr


@pytest.mark.parametrize("name", ["cats", ""])
def test_a_data_set_that_is_not_known_here_is_done_without(folder, tmp_path, name):
    tiny.save_model(tmp_path / "m.safetensors", dataset={"name": name})
    result = CliRunner().invoke(
        cli, ["explain", "-m", str(tmp_path / "m.safetensors"), str(folder / "7.png")]
    )
    assert result.exit_code == 0
    assert "is unknown, expected one of mnist" in result.stderr


def test_what_cannot_be_read_is_told(folder, tmp_path):
    for name in ("none.png", "."):
        done = tiny.hellodl("explain", "-m", folder / "m.safetensors", name, cwd=tmp_path)
        assert (done.returncode, done.stderr.count(b"\n")) == (5, 1)


def test_evidence_on_paper_is_white_red_and_blue():
    red, blue = sheets.RED, sheets.BLUE
    colours = red_and_blue(np.array([[0, 2, -2, 1]], np.float32), 255, red, blue)[0]
    assert tuple(colours[0]) == (255, 255, 255)
    assert tuple(colours[1]) == red
    assert tuple(colours[2]) == blue
    assert red_and_blue(np.zeros((2, 2), np.float32), 255).min() == 255


def test_neighbours_in_words():
    near = [Neighbour(i, label, 1.0, np.zeros((28, 28), np.uint8)) for i, label in enumerate((4, 4, 9, 4))]
    assert like(near, DIGITS) == "the 4 training digits most like it: 4 (3 of them), 9 (1 of them)"
    assert like(near, [f"{i} Shoe" for i in range(10)]).endswith(": 4 Shoe (3 of them), 9 Shoe (1 of them)")


def test_several_pictures_and_folders_are_explained_one_after_the_other(folder, tmp_path):
    """One that cannot be read does not stop the rest; the exit code tells of it."""
    (tmp_path / "bad.png").write_text("no picture")
    result = run(folder, folder / "7.png", tmp_path, folder / "7.png", "--json")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in record for record in records] == [False, True, False]
    assert result.exit_code == 5
    assert run(folder, folder / "7.png", folder / "42.jpg").exit_code == 0
