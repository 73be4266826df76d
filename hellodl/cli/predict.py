"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext, suppress
from functools import partial
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
from hellodl.system.files import kind_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

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
    names = list(files(images))
    _check(images, names, output, steps=steps, as_json=as_json)
    render = predict_view.as_json if as_json else predict_view.as_text
    alone = len(names) == 1 and kind_at(images[0]) != "folder" and not as_json and not quiet
    show = partial(_draw, output=output, steps=steps, bars=alone and not steps, quiet=quiet)
    progress = _Progress(len(names), shown=not quiet and len(names) > 1 and sys.stderr.isatty())
    failed = False
    with progress, closing(_readings(names, choose_model(model, quiet=quiet), invert=invert)) as readings:
        for name, reading in readings:
            with progress.aside():
                if isinstance(reading, PictureError):
                    failed = True
                    _refuse(name, reading, as_json=as_json)
                else:
                    click.echo(render(name, reading))
                    show(name, reading)
            progress.advance()
    if failed:
        ctx.exit(PictureError.exit_code)


def _readings(
    names: list[str], path: Path, *, invert: bool | None
) -> Generator[tuple[str, Reading | PictureError]]:
    """Each name with its reading, or with why there is none."""
    from hellodl import checkpoint
    from hellodl.reading.several import read_each
    from hellodl.system.processors import one_blas_thread

    model = checkpoint.load(path).model()
    one_blas_thread()  # products for a few pictures are too small to share
    with closing(read_each(map(source_of, names), model, invert=invert)) as readings:
        yield from zip(names, readings, strict=True)


def source_of(name: str) -> str | bytes:
    """A file's name, or all of standard input for "-". Raises UsageError where that is a keyboard."""
    if name != "-":
        return name
    if sys.stdin.isatty():
        raise UsageError(
            "-: standard input is a keyboard, expected a picture; try `hellodl predict - < image.png`"
        )
    return sys.stdin.buffer.read()


def _refuse(name: str, error: PictureError, *, as_json: bool) -> None:
    """Say why there is no reading."""
    why = str(error)
    if kind_at(name) == "folder":
        why = f"{name}: holds no pictures, expected files like image.png"
    if as_json:
        print_json({"file": name, "error": why})
    say(f"hellodl: {why}")


def _check(
    images: Sequence[str], names: list[str], output: Path | None, *, steps: bool, as_json: bool
) -> None:
    """Raise UsageError for what makes no sense together."""
    if not images:
        raise UsageError("which picture? Try `hellodl predict image.png`, or - for standard input")
    if steps and as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give -o FILE.png")
    if steps and len(names) > 1 and kind_at(names[-1]) == "nothing" and names[-1] != "-":
        raise UsageError(f"{names[-1]}: does not exist; to draw the steps into a file, give -o FILE.png")
    if output:
        from hellodl.cli.canvas import check_free

        check_free(output, "--output")
        if len(names) != 1:
            raise UsageError(f"--output {output}: draws one picture, but there are {len(names):,}")


def files(images: Sequence[str]) -> Iterator[str]:
    """The files meant, folders opened up: their pictures in order of name. Empty folders stay names."""
    for image in images:
        if image == "-" or kind_at(image) != "folder":
            yield image
            continue
        with suppress(OSError), os.scandir(image) as entries:
            pictures = [entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES)]
            yield from sorted(pictures)
            if pictures:
                continue
        yield image


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
