"""Folders of labelled pictures: found as people keep them, read, and counted as Levenshtein and Guo count."""

import numpy as np
import pytest
from paper import digits, drawn, number
from PIL import Image

from hellodl.checkpoint import SHIPPED, load_model
from hellodl.errors import DataError
from hellodl.evaluation import calibration_of
from hellodl.reading.labelled import Count, Labelled, edits, labelled_pictures, score_folder


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
    (tmp_path / "42" / ".hidden").write_text("")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def test_sub_folders_are_labels(folder):
    found = labelled_pictures(folder)
    assert sorted(picture.label for picture in found)[-2:] == ["7", "none"]
    assert {picture.set for picture in found} == {folder.name}
    assert [picture.digits for picture in found if picture.label in ("42", "none")] == ["42", ""]


def test_a_list_names_pictures_and_folders_of_sets_are_gone_into(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text('\ufefffile,label\n1.png,7\n2.png,"12\n3"\n', "utf-8")
    found = labelled_pictures(tmp_path)
    assert [(p.set, p.file.name, p.label) for p in found] == [
        ("a", "1.png", "7"),
        ("a", "2.png", "12\n3"),
        ("b", "1.png", "7"),
        ("b", "2.png", "12\n3"),
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "holds no labelled pictures"),
        (b"name,digit\nx.png,3\n", "row 2 names no file, expected columns file and label"),
        (b"file,label\nx.png,three\n", "row 2 has the label 'three', expected digits or none"),
        (b"file,label\nx.png\n", "row 2 has the label ''"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_lists_that_cannot_be_used_are_refused_in_a_line(tmp_path, content, match):
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DataError, match=match) as caught:
        labelled_pictures(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        labelled_pictures(tmp_path / "nowhere")


def test_a_folder_is_scored(folder, model):
    (folder / "7" / "broken.png").write_bytes(b"no picture")
    result = score_folder(labelled_pictures(folder), model)
    assert result.all.pictures == 5
    assert (result.all.single, result.all.several) == (Count(2, 3), Count(1, 1))
    assert result.all.characters == Count(1, 5)
    assert result.all.refused == Count(1, 1)
    assert result.all.unreadable == 1
    assert [mistake.label for mistake in result.mistakes if "broken" in mistake.file] == ["7"]
    assert result.sets[0].name == folder.name


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [("", "12", 2), ("12", "12", 0), ("1", "21", 1), ("134", "24", 2)],
)
def test_edits_are_levenshteins(text, label, expected):
    assert edits(text, label) == expected


def test_calibration_of_answers():
    assert calibration_of([]) is None
    assert calibration_of([(0.9, True), (0.9, False)], bins=10) == pytest.approx(0.4)


def test_lines_are_joined():
    assert Labelled("", None, "12\n3").digits == "123"
