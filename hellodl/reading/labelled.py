"""Folders of pictures with labels: found, read, and scored set by set.

A set is a folder with a labels.csv, whose columns `file` and `label` name its pictures and what they say, or
one with a sub-folder for each label, as torchvision's ImageFolder has it. A label is the digits in reading
order, lines joined by a newline, or `none` where there is no digit.
"""

from __future__ import annotations

import csv
import re
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hellodl.errors import DataError, PictureError
from hellodl.evaluation import calibration_of
from hellodl.reading.several import read_each
from hellodl.system.files import kind_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hellodl.reading.doubt import Model
    from hellodl.reading.reader import Reading

NONE = "none"
LABEL = re.compile(r"none|[0-9]+(\n[0-9]+)*")
LIST = "labels.csv"
NO_PICTURES = (".csv", ".txt", ".md", ".json")  # files that may lie beside pictures
BINS = 10  # of confidence


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


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    count: int
    of: int


@dataclass(frozen=True)
class SetScore:
    """How pictures of one set are read.

    `single`, `several`: pictures with one digit, with more, read wholly right. `characters`: insertions,
    deletions and replacements that turn what was read into the labels, of how many digits. `doubted_right`,
    `doubted_wrong`: readings called unsure among those that are right, that are wrong. `wrong_sure`: wrong
    readings among those called sure. `refused`: pictures without digits that were not called sure.
    `calibration_error`: how far confidence is from accuracy, over digits of pictures with the right number of
    them; None where there are none. `unreadable`: files that are no pictures; they count as wrong.
    """

    name: str
    pictures: int
    single: Count
    several: Count
    characters: Count
    doubted_right: Count
    doubted_wrong: Count
    wrong_sure: Count
    refused: Count
    calibration_error: float | None
    unreadable: int


@dataclass(frozen=True)
class Misread:
    """A reading that is wrong or wrongly doubted."""

    file: str
    label: str
    text: str
    verdict: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FolderScore:
    """How a folder of labelled pictures is read: each set, all together, and what went wrong."""

    sets: tuple[SetScore, ...]
    all: SetScore
    mistakes: tuple[Misread, ...]
    seconds: float


# Finding ----------------------------------------------------------------------------------------------


def labelled_pictures(folder: Path) -> list[Labelled]:
    """The pictures of a folder that is a set, or of its sub-folders that are, with their labels.

    Raises DataError if there are none, or if a labels.csv cannot be used.
    """
    if kind_at(folder) != "folder":
        raise DataError(f"{folder}: is no folder, expected one with pictures and their labels")
    found = [*_of_set(folder)]
    if not found:
        found = [picture for sub in _entries(folder) for picture in _of_set(sub)]
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
                names = [path for path in _entries(sub) if _may_be_picture(path)]
                yield from (Labelled(folder.name, path, sub.name) for path in names)


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, by name. Raises DataError if it must not be looked into."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read: {error.strerror}; expected a folder of pictures"
        ) from None


def _may_be_picture(path: Path) -> bool:
    is_other = path.name.startswith(".") or path.suffix.lower() in NO_PICTURES
    return not is_other and kind_at(path) == "file"


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


# Reading and scoring ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Result:
    """A picture as it was read; without the picture itself, to save memory."""

    picture: Labelled
    text: str
    verdict: str
    confidences: tuple[tuple[float, bool], ...]  # of each digit, and whether it is right
    warnings: tuple[str, ...]
    is_readable: bool = True

    @property
    def is_right(self) -> bool:
        return self.is_readable and self.text == self.picture.label

    @property
    def is_sure(self) -> bool:
        return self.verdict == "digits"

    @property
    def is_mistake(self) -> bool:
        return self.is_sure if self.picture.label == NONE else not (self.is_right and self.is_sure)


def read_labelled(
    pictures: Iterable[Labelled], model: Model
) -> Iterator[tuple[Labelled, Reading | PictureError]]:
    """Each picture with its reading, or with why there is none."""
    pictures = list(pictures)
    with closing(read_each((picture.file for picture in pictures), model)) as readings:
        yield from zip(pictures, readings, strict=True)


def score_folder(pictures: Iterable[Labelled], model: Model) -> FolderScore:
    """Read all pictures, and count."""
    started = time.perf_counter()
    results = [_result(picture, reading) for picture, reading in read_labelled(pictures, model)]
    names = dict.fromkeys(result.picture.set for result in results)
    return FolderScore(
        tuple(_score(name, [r for r in results if r.picture.set == name]) for name in names),
        _score("all", results),
        tuple(
            Misread(str(r.picture.file), r.picture.label, r.text, str(r.verdict), r.warnings)
            for r in results
            if r.is_mistake
        ),
        time.perf_counter() - started,
    )


def _result(picture: Labelled, reading: Reading | PictureError) -> _Result:
    if isinstance(reading, PictureError):
        return _Result(picture, "", "not digits", (), (str(reading),), is_readable=False)
    digits, truth = reading.digits, picture.digits
    pairs = zip(digits, truth, strict=True) if len(digits) == len(truth) else ()
    confidences = tuple((digit.confidence, str(digit.digit) == char) for digit, char in pairs)
    return _Result(picture, reading.text, reading.verdict, confidences, reading.warnings)


def _score(name: str, results: list[_Result]) -> SetScore:
    digits = [r for r in results if r.picture.label != NONE]
    right, wrong = [r for r in digits if r.is_right], [r for r in digits if not r.is_right]
    errors = sum(edits(r.text, r.picture.label) for r in digits)
    return SetScore(
        name=name,
        pictures=len(results),
        single=_count([r.is_right for r in digits if len(r.picture.label) == 1]),
        several=_count([r.is_right for r in digits if len(r.picture.label) > 1]),
        characters=Count(errors, sum(len(r.picture.label) for r in digits)),
        doubted_right=_count([not r.is_sure for r in right]),
        doubted_wrong=_count([not r.is_sure for r in wrong]),
        wrong_sure=_count([not r.is_right for r in digits if r.is_sure]),
        refused=_count([not r.is_sure for r in results if r.picture.label == NONE]),
        calibration_error=calibration_of([pair for r in digits for pair in r.confidences], BINS),
        unreadable=sum(not r.is_readable for r in results),
    )


def _count(flags: list[bool]) -> Count:
    return Count(sum(flags), len(flags))


def edits(text: str, label: str) -> int:
    """Insertions, deletions and replacements that turn one text into the other (Levenshtein)."""
    row = list(range(len(label) + 1))
    for i, read_char in enumerate(text, 1):
        previous, row[0] = row[0], i
        for j, char in enumerate(label, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (read_char != char))
    return row[-1]
