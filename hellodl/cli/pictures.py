"""From the names of pictures to their readings: which files are meant, what is told, what is refused."""

import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import chain
from pathlib import Path
from typing import TypeVar

import click

from hellodl.cli import predict_view
from hellodl.cli.common import Talk, console, print_json, say, show
from hellodl.cli.drawing import PNG, check_drawing, write_drawing
from hellodl.errors import DataError, PictureError, UsageError
from hellodl.nn import DigitNet
from hellodl.reading.formats import pictures_at
from hellodl.reading.opening import MOST_BYTES
from hellodl.reading.readings import Reading
from hellodl.reading.several import read_each
from hellodl.system.processors import one_blas_thread

Answer = TypeVar("Answer")

STDIN = "-"
_PATIENCE = 1.0  # seconds after which many files get a bar


def files(
    images: Sequence[str], output: Path | None, listed: Path | None = None, *, deep: bool = False
) -> list[str]:
    """The files meant, as in `named`. Raises UsageError for none, or if `output` cannot be drawn."""
    names = list(named(images, listed, deep=deep))
    check_drawing(output, PNG)
    if output:
        if len(names) > 1:
            raise UsageError(f"--output {output}: draws one picture, but there are {len(names):,}")
        if output.resolve() == Path(names[0]).resolve():
            raise UsageError(f"--output {output}: is the picture that is read; choose another name")
    return names


def named(images: Sequence[str], listed: Path | None, *, deep: bool = False) -> Iterator[str]:
    """The files meant, folders opened up, if `deep` those in them too; then those that a file lists.

    They are looked for as they are needed. Raises UsageError where there are none.
    """
    found = chain.from_iterable([name] if name == STDIN else pictures_at(name, deep=deep) for name in images)
    names = chain(found, names_in(listed) if listed else ())
    for first in names:
        return chain([first], names)
    command = click.get_current_context().info_name
    raise UsageError(f"which picture? Try `hellodl {command} image.png`, or - for standard input")


def names_in(path: Path) -> Iterator[str]:
    """The lines of a file, or of standard input for "-". Raises DataError if it cannot be read."""
    try:
        with click.open_file(str(path), encoding="utf-8", errors="surrogateescape") as lines:
            yield from filter(None, (line.rstrip("\r\n") for line in lines))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; expected names, one a line") from None


def readings(
    names: Sequence[str], model: DigitNet, talk: Talk, *, invert: bool | None, steps: bool = False
) -> Generator[tuple[str, Reading]]:
    """Each name with its reading, but for those that are refused, as in `accepted`.

    With `steps` readings keep what shows how they came about. Many files have a bar on stderr meanwhile.
    """
    one_blas_thread()  # products for a few pictures are too small to share
    with closing(read_each(map(_source, names), model, invert=invert, steps=steps)) as found:
        answers: Iterable[tuple[str, Reading | PictureError]] = zip(names, found, strict=True)
        if not talk.quiet and len(names) > 1:
            answers = _above_a_bar(answers, len(names))
        yield from accepted(answers, as_json=talk.as_json)


def tell(
    file: str, reading: Reading, names: list[str], output: Path | None, talk: Talk, *, bars: bool, steps: bool
) -> None:
    """A reading on stdout, with `bars` below it, or its `steps`; how it was read as a PNG."""
    details = predict_view.details(reading, names) if bars and not (talk.quiet or steps) else ()
    lines = [predict_view.as_text(file, reading, names), *(f"  {line}" for line in details)]
    talk.tell({"file": file} | reading.for_json(), lines)
    if steps:
        from hellodl.cli.steps import steps_report

        show(steps_report(reading, names, console()))
    if output:
        from hellodl.cli.sheets import steps_picture

        write_drawing(output, steps_picture(file, reading, names), talk, "steps")


def accepted(
    answers: Iterable[tuple[str, Answer | PictureError]], *, as_json: bool
) -> Generator[tuple[str, Answer]]:
    """The names that were read; any other is refused, and makes the exit code 5 in the end."""
    failed = False
    for name, answer in answers:
        if not isinstance(answer, PictureError):
            yield name, answer
            continue
        failed = True
        why = str(answer) if name != STDIN else f"standard input: {str(answer).removeprefix('bytes: ')}"
        if as_json:
            print_json({"file": name, "error": why})
        say(f"hellodl: {why}")
    if failed:
        click.get_current_context().exit(PictureError.exit_code)


def _above_a_bar(answers: Iterable[Answer], total: int) -> Generator[Answer]:
    """The same; on a terminal, what is printed of them stands above a bar that begins after a while."""
    from tqdm import tqdm

    with tqdm(total=total, unit=" files", delay=_PATIENCE, leave=False, smoothing=0.1, disable=None) as bar:
        for answer in answers:
            # drawn anew before its time, it would not be wiped out in the end
            stands = not bar.disable and sys.stdout.isatty() and bar.last_print_t >= bar.start_t + _PATIENCE
            with bar.external_write_mode() if stands else nullcontext():
                yield answer
            bar.update()  # a bar that iterates itself would lag behind where it is drawn anew in between


def _source(name: str) -> str | bytes:
    """A file's name, or all of standard input. Raises UsageError where that is a keyboard."""
    if name != STDIN:
        return name
    if sys.stdin.isatty():
        remedy = "try `hellodl predict - < image.png`"
        raise UsageError(f"-: standard input is a keyboard, expected a picture; {remedy}")
    return sys.stdin.buffer.read(MOST_BYTES + 1)  # more is refused when it is opened
