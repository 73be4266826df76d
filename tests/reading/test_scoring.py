"""Labelled pictures, read and counted as Levenshtein and Guo count."""

from pathlib import Path

import numpy as np
import pytest
from paper import digits, drawn, number
from PIL import Image

from hellodl.checkpoint import SHIPPED, load_model
from hellodl.datasets.labelled import labelled_pictures
from hellodl.evaluation import calibration_of
from hellodl.reading import scoring
from hellodl.reading.scoring import Count, edits, score_folder


@pytest.fixture(scope="module")
def model():
    return load_model(SHIPPED)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two digits, a number and a blank in sub-folders named by label."""
    images, labels = digits()
    for i in range(2):
        save(tmp_path / str(labels[i]) / f"{i}.png", images[i])
    save(tmp_path / "42" / "a.png", drawn([number("42")]))
    save(tmp_path / "none" / "blank.png", np.full((60, 60), 230, np.uint8))
    return tmp_path


def test_a_folder_is_scored(folder, model):
    (folder / "7" / "broken.png").write_bytes(b"no picture")
    result = score_folder(labelled_pictures(folder), model)
    assert result.all.pictures == 5
    assert (result.all.single, result.all.several) == (Count(2, 2), Count(1, 1))
    assert result.all.characters == Count(0, 4)
    assert result.all.refused == Count(1, 1)
    assert result.all.unreadable == 1
    assert [Path(error["file"]).name for error in result.errors] == ["broken.png"]
    assert not [mistake for mistake in result.mistakes if "broken" in mistake.file]
    assert result.sets[0].name == folder.name


def test_lines_count_where_the_label_says_where_they_end(tmp_path, model):
    save(tmp_path / "page.png", drawn([number("12"), number("34")]))
    labels = '"1234"', '"12\n34"', '"123\n4"'
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"page.png,{label}\n" for label in labels))
    result = score_folder(labelled_pictures(tmp_path), model)
    assert (result.all.several, result.all.characters.count) == (Count(2, 3), 2)
    assert [mistake.text for mistake in result.mistakes] == ["12\n34"]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [("", "12", 2), ("12", "12", 0), ("1", "21", 1), ("134", "24", 2)],
)
def test_edits_are_levenshteins(text, label, expected):
    assert edits(text, label) == expected


def test_calibration_of_answers():
    assert scoring._score("empty", []).calibration_error is None
    assert calibration_of(np.array([(0.9, True), (0.9, False)]), bins=10) == pytest.approx(0.4)
