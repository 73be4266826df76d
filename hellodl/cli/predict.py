"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hellodl.cli import predict_view
from hellodl.cli.common import (
    choose_model,
    json_option,
    model_option,
    options,
    print_json,
    quiet_option,
    say,
)
from hellodl.errors import PictureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from hellodl.cli.many import Answer, Reader
    from hellodl.reading.reader import Reading

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".avif", ".heic", ".heif"),  # HEIC is refused, with what to do
)
IN_TERMINAL = "in the terminal"  # what --show-steps means without a file

polarity_option = click.option(
    "--invert/--no-invert",
    default=None,
    help="Take the ink to be light on a dark ground, or dark on light. [default: found out]",
)


@click.command()
@click.argument("images", nargs=-1, metavar="IMAGE…")
@options(model_option, polarity_option)
@click.option(
    "--show-steps",
    "steps",
    is_flag=False,
    flag_value=IN_TERMINAL,
    metavar="[FILE.png]",
    help="Draw how each picture was read, in the terminal; with FILE.png, draw one picture's steps there.",
)
@options(json_option, quiet_option)
@click.pass_context
def predict(
    ctx: click.Context,
    images: tuple[str, ...],
    model: Path | None,
    *,
    invert: bool | None,
    steps: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read the digits in pictures: files, folders of files, or - for standard input.

    Photographs, scans, screenshots and drawings in any common format, dark on light or light on dark.
    """
    from hellodl.cli.many import Job, Reader

    if os.environ.get("NO_COLOR"):
        ctx.color = False
    images, steps = sort_out(images, steps, as_json=as_json)
    names = list(files(images))
    if steps and steps != IN_TERMINAL:
        _check_steps_file(Path(steps), names)
    render = predict_view.as_json if as_json else predict_view.as_text
    reader = Reader(Job(choose_model(model, quiet=quiet), invert, render))
    alone = len(names) == 1 and not Path(images[0]).is_dir() and not as_json and not quiet
    if steps or alone:
        failed = _one_by_one(names, reader, steps, as_json=as_json, quiet=quiet)
    else:
        failed = _all(names, reader, as_json=as_json, quiet=quiet)
    if failed:
        ctx.exit(PictureError.exit_code)


def sort_out(
    images: tuple[str, ...], steps: str | None, *, as_json: bool
) -> tuple[tuple[str, ...], str | None]:
    """The pictures and where steps go: in `--show-steps digit.png` without more, that is the picture."""
    if steps and steps != IN_TERMINAL and (not images or steps == "-"):
        images, steps = (steps, *images), IN_TERMINAL
    if not images:
        raise UsageError("which picture? Try `hellodl predict image.png`, or - for standard input")
    if steps == IN_TERMINAL and as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give --show-steps FILE.png")
    return images, steps


def files(images: Sequence[str]) -> Iterator[str]:
    """The files meant, folders opened up: their pictures in order of name. Empty folders stay names."""
    for image in images:
        if image == "-" or not Path(image).is_dir():
            yield image
            continue
        with suppress(OSError), os.scandir(image) as entries:
            pictures = [entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES)]
            yield from sorted(pictures)
            if pictures:
                continue
        yield image


def _check_steps_file(path: Path, names: list[str]) -> None:
    from hellodl.cli.canvas import check_free

    check_free(path, "--show-steps")
    if len(names) != 1:
        raise UsageError(f"--show-steps {path}: draws one picture, but there are {len(names):,}")


def _all(names: list[str], reader: Reader, *, as_json: bool, quiet: bool) -> bool:
    """Answer for each file as they come; whether any could not be read."""
    from hellodl.cli.many import answers

    failed = False
    progress = _Progress(len(names), shown=not quiet and len(names) > 1 and sys.stderr.isatty())
    with progress, closing(answers(names, reader)) as found:
        for answer in found:
            failed |= bool(answer.error)
            with progress.aside():
                _tell(answer, as_json=as_json)
            progress.advance()
    return failed


def _tell(answer: Answer, *, as_json: bool) -> None:
    if answer.error:
        if as_json:
            print_json({"file": answer.name, "error": answer.error})
        say(f"hellodl: {answer.error}")
    else:
        click.echo(answer.text)


def _one_by_one(names: list[str], reader: Reader, steps: str | None, *, as_json: bool, quiet: bool) -> bool:
    """Answer with drawings; whether any file could not be read."""
    from hellodl.cli.many import Answer, refusal

    failed = False
    for name in names:
        try:
            reading = reader.read(name)
        except PictureError as error:
            failed = True
            _tell(refusal(name, error), as_json=as_json)
            continue
        _tell(Answer(name, reader.job.render(name, reading)), as_json=as_json)
        if steps:
            _draw(name, reading, steps, quiet=quiet)
        else:
            blocks = sys.stdout.encoding.lower().startswith("utf")
            click.echo(
                "".join(f"  {line}\n" for line in predict_view.details(reading, blocks=blocks)), nl=False
            )
    return failed


def _draw(name: str, reading: Reading, steps: str, *, quiet: bool) -> None:
    """How a picture was read, in the terminal or as a PNG."""
    if steps == IN_TERMINAL:
        from hellodl.cli.common import console
        from hellodl.cli.steps import draw_steps

        draw_steps(reading, console())
        return
    from hellodl.cli.canvas import save
    from hellodl.cli.steps_picture import steps_picture

    save(steps_picture(name, reading), Path(steps))
    say(f"steps: {steps}", quiet=quiet)


class _Progress:
    """A bar on stderr that begins after a second, or nothing."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._bar = None
        if shown:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=" files", delay=1, leave=False, smoothing=0.1)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self) -> None:
        if self._bar is not None:
            self._bar.update()

    def aside(self) -> AbstractContextManager[None]:
        """Within this, lines can be written above the bar."""
        if self._bar is None or not sys.stdout.isatty():
            return nullcontext()
        return self._bar.external_write_mode()
