"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hellodl.cli import predict_view
from hellodl.cli.common import (
    FILE,
    PICTURE,
    choose_model,
    json_option,
    model_option,
    options,
    print_json,
    quiet_option,
    say,
)
from hellodl.cli.help import Command
from hellodl.errors import PictureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from hellodl.cli.many import Answer, Reader
    from hellodl.reading.reader import Reading

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".avif", ".heic", ".heif"),  # HEIC is refused, with what to do
)

polarity_option = click.option(
    "--invert/--no-invert",
    default=None,
    help="Take the ink to be light on a dark ground, or dark on light. [default: found out]",
)


@click.command(
    cls=Command,
    examples=(
        ("predict photo.jpg", "one picture"),
        ("predict --show-steps photo.jpg", "what the network saw"),
        ("predict --json scans/", "for scripts: one JSON object a picture"),
    ),
)
@click.argument("images", nargs=-1, metavar="IMAGE…", type=PICTURE)
@options(model_option, polarity_option)
@click.option("--show-steps", "steps", is_flag=True, help="Draw in the terminal how each picture was read.")
@click.option("-o", "--output", type=FILE, metavar="FILE.png", help="Draw there how a picture was read.")
@options(json_option, quiet_option)
@click.pass_context
def predict(
    ctx: click.Context,
    images: tuple[str, ...],
    model: Path | None,
    output: Path | None,
    *,
    invert: bool | None,
    steps: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read the digits in pictures: files, folders of files, or - for standard input.

    Photographs, scans, screenshots and drawings in any common format, dark on light or light on dark.
    """
    from hellodl.cli.many import Job, Reader

    if os.environ.get("NO_COLOR"):
        ctx.color = False
    names = list(files(images))
    _check(images, names, output, steps=steps, as_json=as_json)
    render = predict_view.as_json if as_json else predict_view.as_text
    reader = Reader(Job(choose_model(model, quiet=quiet), invert, render))
    alone = len(names) == 1 and not Path(images[0]).is_dir() and not as_json and not quiet
    if steps or output or alone:
        show = partial(_draw, output=output, steps=steps, bars=alone and not steps, quiet=quiet)
        failed = _one_by_one(names, reader, show, as_json=as_json)
    else:
        failed = _all(names, reader, as_json=as_json, quiet=quiet)
    if failed:
        ctx.exit(PictureError.exit_code)


def _check(
    images: Sequence[str], names: list[str], output: Path | None, *, steps: bool, as_json: bool
) -> None:
    """Raise UsageError for what makes no sense together."""
    if not images:
        raise UsageError("which picture? Try `hellodl predict image.png`, or - for standard input")
    if steps and as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give -o FILE.png")
    if steps and len(names) > 1 and not Path(names[-1]).exists() and names[-1] != "-":
        raise UsageError(f"{names[-1]}: does not exist; to draw the steps into a file, give -o FILE.png")
    if output:
        from hellodl.cli.canvas import check_free

        check_free(output, "--output")
        if len(names) != 1:
            raise UsageError(f"--output {output}: draws one picture, but there are {len(names):,}")


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


def _one_by_one(
    names: list[str], reader: Reader, show: Callable[[str, Reading], None], *, as_json: bool
) -> bool:
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
        show(name, reading)
    return failed


def _draw(name: str, reading: Reading, *, output: Path | None, steps: bool, bars: bool, quiet: bool) -> None:
    """How a picture was read: as bars, or every step, in the terminal and as a PNG."""
    if bars:
        blocks = sys.stdout.encoding.lower().startswith("utf")
        click.echo("".join(f"  {line}\n" for line in predict_view.details(reading, blocks=blocks)), nl=False)
    if steps:
        from hellodl.cli.common import console
        from hellodl.cli.steps import draw_steps

        draw_steps(reading, console())
    if output:
        from hellodl.cli.canvas import save
        from hellodl.cli.steps_picture import steps_picture

        save(steps_picture(name, reading), output)
        say(f"steps: {output}", quiet=quiet)


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
