"""How labelled pictures are read: scored set by set, with what went wrong."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from hellodl.datasets.labelled import NONE, Labelled
from hellodl.errors import PictureError
from hellodl.evaluation import calibration_of
from hellodl.reading.doubt import Model
from hellodl.reading.readings import Reading
from hellodl.reading.several import read_each

BINS = 10  # of confidence


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
    them; None where there are none. `unreadable`: files that are no pictures, and count as such alone.
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
    """How a folder of labelled pictures is read: each set, all together, what went wrong.

    `errors`: each file that is no picture, and why.
    """

    sets: tuple[SetScore, ...]
    all: SetScore
    mistakes: tuple[Misread, ...]
    seconds: float
    errors: tuple[dict[str, str], ...]


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
    def compared(self) -> str:
        """The text, its lines joined where the label says nothing of lines."""
        return self.text if "\n" in self.picture.label else self.text.replace("\n", "")

    @property
    def is_right(self) -> bool:
        return self.compared == self.picture.label

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
            if r.is_readable and r.is_mistake
        ),
        time.perf_counter() - started,
        tuple({"file": str(r.picture.file), "error": r.warnings[0]} for r in results if not r.is_readable),
    )


def _result(picture: Labelled, reading: Reading | PictureError) -> _Result:
    if isinstance(reading, PictureError):
        return _Result(picture, "", "not digits", (), (str(reading),), is_readable=False)
    digits, truth = reading.digits, picture.digits
    pairs = zip(digits, truth, strict=True) if len(digits) == len(truth) else ()
    confidences = tuple((digit.confidence, str(digit.digit) == char) for digit, char in pairs)
    return _Result(picture, reading.text, reading.verdict, confidences, reading.warnings)


def _score(name: str, results: list[_Result]) -> SetScore:
    read = [r for r in results if r.is_readable]
    digits = [r for r in read if r.picture.label != NONE]
    right, wrong = [r for r in digits if r.is_right], [r for r in digits if not r.is_right]
    errors = sum(edits(r.compared, r.picture.label) for r in digits)
    answers = [pair for r in digits for pair in r.confidences]
    return SetScore(
        name=name,
        pictures=len(results),
        single=_count([r.is_right for r in digits if len(r.picture.label) == 1]),
        several=_count([r.is_right for r in digits if len(r.picture.label) > 1]),
        characters=Count(errors, sum(len(r.picture.label) for r in digits)),
        doubted_right=_count([not r.is_sure for r in right]),
        doubted_wrong=_count([not r.is_sure for r in wrong]),
        wrong_sure=_count([not r.is_right for r in digits if r.is_sure]),
        refused=_count([not r.is_sure for r in read if r.picture.label == NONE]),
        calibration_error=calibration_of(np.array(answers), BINS) if answers else None,
        unreadable=len(results) - len(read),
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
