"""How `hellodl evaluate` looks, on a test set and on folders: how good, digit by digit, what went wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.color import Color
from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from hellodl.cli.predict_view import names_of
from hellodl.cli.terminal import beside, picture, plain_table
from hellodl.cli.words import confidence, counted, percent, printable
from hellodl.datasets import Dataset
from hellodl.evaluation import CALIBRATION_SAYS, LOSS_SAYS, Evaluation
from hellodl.graphs.charts import Counts, confused
from hellodl.reading.scoring import Count, FolderScore, SetScore

_MOST_DRAWN = 6
_MOST_LISTED = 12  # mistakes; --json has them all
_WORDS = """\
1 digit, several: pictures read wholly right.  characters: digits read right.
doubted: right readings called unsure.  wrong: of those called sure.
refused: pictures without digits that are not taken for some."""
_FAINT, _STRONG = 40, 200  # of 255: how much red or green a shaded cell has


def report(path: Path, result: Evaluation, data: Dataset, out: Console) -> Iterator[RenderableType]:
    """The report on the model in a file, part by part."""
    title = f"{printable(path)} reads the {result.images:,} test images of {result.dataset}"
    yield from (Text(title, "bold"), "", _headline(result), "", _per_digit(result, data.classes), "")
    yield from _confusion(result.confusion)
    if not (mistakes := result.mistakes):
        yield Text("\nNo image was misread.", "bold green")
        return
    yield Text(f"\nThe surest of {counted(len(mistakes), 'mistake')}:\n")
    pictures, names = [], list(map(printable, data.classes))
    for m in mistakes[:_MOST_DRAWN]:
        words = f"{names[m.label]} read as {names[m.predicted]}, {confidence(m.confidence)}"
        pixels = data.images[m.index, 1:-1, 1:-1]  # so three fit beside each other
        pictures.append((picture(pixels, out), words))
    yield beside(pictures)


def _headline(result: Evaluation) -> Table:
    low, high = (f"{100 * end:.2f}" for end in result.accuracy_interval)
    grid = Table.grid("", Column(style="bold"), Column(style="dim"), padding=(0, 3, 0, 0))
    accuracy = Text(percent(result.accuracy), "bold green")
    grid.add_row("accuracy", accuracy, f"95 % interval: {low} to {high} %")
    grid.add_row("misread", f"{len(result.mistakes):,}", f"of {result.images:,} images")
    grid.add_row("loss", f"{result.loss:.4f}", LOSS_SAYS)
    error = f"{100 * result.calibration_error:.2f} %"
    grid.add_row("calibration error", error, CALIBRATION_SAYS)
    grid.add_row("time", f"{result.seconds:.2f} s", "to read them")
    return grid


def _per_digit(result: Evaluation, names: Sequence[str]) -> Table:
    table = plain_table("digit", "precision", "recall", "F1", "images", gap=3)
    table.columns[0].style = "bold"
    for row, name in zip(result.per_digit, names_of(names), strict=True):
        shares = (percent(share) for share in (row.precision, row.recall, row.f1))
        table.add_row(name, *shares, f"{row.images:,}")
    return table


def _confusion(table: Counts) -> Iterator[Text]:
    """What was read as what, shaded by share of the row; the brightest red is the most frequent mistake."""
    width = max(6, *(len(f"{count:,}") + 2 for row in table for count in row))
    shares = [[count / max(sum(row), 1) for count in row] for row in table]
    worst = max(share for i, row in enumerate(shares) for j, share in enumerate(row) if i != j)
    heading = "".join(f"{f'{digit} ':>{width}}" for digit in range(len(table)))
    yield Text(f"read as {heading}", "dim", no_wrap=True)
    for digit, row in enumerate(table):
        line = Text(no_wrap=True).append(f"{f'true {digit}':<8}", "dim")
        for column, count in enumerate(row):
            right = column == digit
            style = _shade(shares[digit][column] / (1 if right else worst), right=right) if count else "dim"
            line.append(f"{f'{count:,} ' if count else '· ':>{width}}", style)
        yield line
    if wrong := confused(table):
        yield Text(f"\nmost often misread: {wrong}")


def _shade(strength: float, *, right: bool) -> Style:
    """From faint to strong red, or half as strong green."""
    level = _FAINT + strength * (_STRONG - _FAINT)
    background = Color.from_rgb(0, level / 2, 0) if right else Color.from_rgb(level, 0, 0)
    return Style(color=Color.from_rgb(255, 255, 255), bgcolor=background, bold=right)


def folder_report(path: Path, result: FolderScore) -> Iterator[RenderableType]:
    """The report on the model in a file, part by part; at its end what was misread or wrongly doubted."""
    pictures = f"{result.all.pictures:,} pictures in {result.seconds:.1f} s"
    yield from (Text(f"{printable(path)} reads {pictures}", "bold"), "")
    headings = "set", "1 digit", "several", "characters", "doubted", "wrong", "refused"
    table = plain_table(*headings, left="set")
    for each in result.sets:
        table.add_row(printable(each.name), *_columns(each, "{0.count:,}/{0.of:,}".format))
    if len(result.sets) > 1:
        table.add_row("all", *_columns(result.all, "{0.count:,}/{0.of:,}".format), style="bold")
    shares = _columns(result.all, lambda count: percent(count.count / count.of, 1))
    table.add_row("", *shares, style="bold")
    yield from (table, "", Text(_WORDS, "dim"))
    if result.all.calibration_error is not None:
        error = percent(result.all.calibration_error)
        yield f"calibration error: {error}, {CALIBRATION_SAYS}"
    if result.mistakes:
        yield ""
    for wrong in result.mistakes[:_MOST_LISTED]:
        text = f"{wrong.file}: {wrong.label!r} read as {' / '.join(wrong.text.split())!r}, {wrong.verdict}"
        yield printable("; ".join((text, *wrong.warnings)))
    if (more := len(result.mistakes) - _MOST_LISTED) > 0:
        yield f"and {more:,} more mistakes and doubts; --json lists all"


def _columns(score: SetScore, told: Callable[[Count], str]) -> Iterator[str]:
    """What a row of the table says of each count; "-" where there was nothing to count."""
    right = replace(score.characters, count=max(0, score.characters.of - score.characters.count))
    counts = score.single, score.several, right, score.doubted_right, score.wrong_sure, score.refused
    return (told(count) if count.of else "-" for count in counts)
