"""Folders of labelled pictures are found as people keep them."""

import pytest

from hellodl.datasets.labelled import Labelled, labelled_pictures
from hellodl.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two digits, a number and a blank in sub-folders named by label."""
    for name in ("4/0.png", "7/1.png", "42/a.png", "none/blank.png", "42/.hidden", "notes.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
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


def test_lines_are_joined():
    assert Labelled("", None, "12\n3").digits == "123"
