"""Folders of labelled pictures, as people keep their own.

A set is a folder with a labels.csv, whose columns `file` and `label` name its pictures and what they say, or
one with a sub-folder for each label, as torchvision's ImageFolder has it. A label is the digits in reading
order, or `none` where there is no digit. It may say where lines end, by a newline; then these count, too.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hellodl.errors import DataError
from hellodl.system.files import kind_at

NONE = "none"
LABEL = re.compile(r"none|[0-9]+(\n[0-9]+)*")
LIST = "labels.csv"
NO_PICTURES = (".csv", ".txt", ".md", ".json")  # files that may lie beside pictures


@dataclass(frozen=True)
class Labelled:
    """A picture and what it says."""

    set: str
    file: Path
    label: str

    @property
    def digits(self) -> str:
        """The digits it shows, lines joined."""
        return "" if self.label == NONE else self.label.replace("\n", "")


def labelled_pictures(folder: Path) -> list[Labelled]:
    """The pictures of a folder that is a set, or of its sub-folders that are, with their labels.

    Raises DataError if there are none, or if a labels.csv cannot be used.
    """
    if kind_at(folder) != "folder":
        raise DataError(f"{folder}: is no folder, expected one with pictures and their labels")
    found = [*_of_set(folder)] or [picture for sub in _entries(folder) for picture in _of_set(sub)]
    if not found:
        raise DataError(
            f"{folder}: holds no labelled pictures, expected sub-folders named 0 to 9, or a {LIST} "
            "with columns file and label"
        )
    return found


def _of_set(folder: Path) -> Iterator[Labelled]:
    """The pictures of one set; none if the folder is no set, or no folder."""
    if kind_at(folder / LIST) == "file":
        yield from _listed(folder)
    elif kind_at(folder) == "folder":
        for sub in _entries(folder):
            if LABEL.fullmatch(sub.name) and kind_at(sub) == "folder":
                for path in _entries(sub):
                    is_other = path.name.startswith(".") or path.suffix.lower() in NO_PICTURES
                    if not is_other and kind_at(path) == "file":
                        yield Labelled(folder.name, path, sub.name)


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, by name. Raises DataError if it must not be looked into."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read: {error.strerror}; expected a folder of pictures"
        ) from None


def _listed(folder: Path) -> Iterator[Labelled]:
    """What a labels.csv lists."""
    place = folder / LIST
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place}: cannot be read: {error}; expected columns file and label") from None
    for number, row in enumerate(rows, 2):
        name, label = row.get("file"), (row.get("label") or "").strip().replace("\r\n", "\n")
        if not name:
            raise DataError(f"{place}: row {number} names no file, expected columns file and label")
        if not LABEL.fullmatch(label):
            raise DataError(f"{place}: row {number} has the label {label!r:.40}, expected digits or {NONE}")
        yield Labelled(folder.name, folder / name, label)
