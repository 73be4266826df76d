"""How `hellodl evaluate FOLDER` looks: a row for each set, one for all, and the readings that went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from hellodl.cli.terminal import plain_table
from hellodl.cli.words import percent, printable
from hellodl.reading.scoring import Count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from hellodl.reading.scoring import FolderScore, SetScore

_MOST_LISTED = 12  # mistakes; --json has them all
_HEADINGS = ("set", "1 digit", "several", "characters", "doubted", "wrong", "refused")
_WORDS = """\
1 digit, several: pictures read wholly right.  characters: digits read right.
doubted: right readings called unsure.  wrong: of those called sure.
refused: pictures without digits that are not taken for some."""


def report(path: Path, result: FolderScore) -> Iterator[RenderableType]:
    """The report on the model in a file, part by part."""
    pictures = f"{result.all.pictures:,} pictures in {result.seconds:.1f} s"
    yield from (Text(f"{printable(path)} reads {pictures}", "bold"), "")
    table = plain_table(*_HEADINGS, left=_HEADINGS[0])
    for each in result.sets:
        table.add_row(printable(each.name), *map(_counted, _counts(each)))
    if len(result.sets) > 1:
        table.add_row("all", *map(_counted, _counts(result.all)), style="bold")
    table.add_row("", *map(_share, _counts(result.all)), style="bold")
    yield from (table, "", Text(_WORDS, "dim"))
    if result.all.calibration_error is not None:
        error = percent(result.all.calibration_error)
        yield f"calibration error: {error}, how far confidence is from accuracy, on average"
    if result.mistakes:
        yield from _mistakes(result)


def _counts(score: SetScore) -> list[Count]:
    right = Count(max(0, score.characters.of - score.characters.count), score.characters.of)
    return [score.single, score.several, right, score.doubted_right, score.wrong_sure, score.refused]


def _counted(count: Count) -> str:
    return f"{count.count:,}/{count.of:,}" if count.of else "-"


def _share(count: Count) -> str:
    return percent(count.count / count.of, 1) if count.of else "-"


def _mistakes(result: FolderScore) -> Iterator[str]:
    """What was read wrongly, or rightly and doubted, or read where there is nothing."""
    yield ""
    for wrong in result.mistakes[:_MOST_LISTED]:
        text = f"{wrong.file}: {wrong.label!r} read as {wrong.text!r}, {wrong.verdict}"
        yield printable("; ".join((text, *wrong.warnings)))
    if (more := len(result.mistakes) - _MOST_LISTED) > 0:
        yield f"and {more:,} more mistakes and doubts; --json lists all"
