"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
    choose_model,
    json_option,
    model_option,
    print_json,
    printable,
    quiet_option,
    say,
)
from hellodl.errors import PictureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.nn import DigitNet
    from hellodl.reading import Digit, Reading

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
@model_option
@click.option("--invert", is_flag=True, default=None, help="Light ink on a dark ground. [default: found out]")
@click.option("--show-steps", is_flag=True, help="Draw what the network saw.")
@json_option
@quiet_option
@click.pass_context
def predict(
    ctx: click.Context,
    images: tuple[str, ...],
    model: Path | None,
    *,
    invert: bool | None,
    show_steps: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read the digits in pictures: files, folders of files, or - for standard input.

    Photographs, scans, screenshots and drawings in any common format, dark on light or light on dark.
    """
    from hellodl import checkpoint

    network = checkpoint.load(choose_model(model, quiet=quiet)).model()
    failed = False
    alone = len(images) == 1 and not Path(images[0]).is_dir()
    for name in _files(images):
        try:
            reading = _read(name, network, invert=invert)
        except PictureError as error:
            failed = True
            _show_error(name, error, as_json=as_json)
            continue
        if as_json:
            print_json(_fields(name, reading))
        else:
            _show(name, reading, bars=alone and not quiet, steps=show_steps)
    if failed:
        ctx.exit(PictureError.exit_code)


def _files(images: tuple[str, ...]) -> Iterator[str]:
    """The files meant, folders opened up: their pictures in order of name."""
    for image in images:
        folder = Path(image)
        if image == "-" or not folder.is_dir():
            yield image
            continue
        pictures = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        if not pictures:
            raise PictureError(f"{image}: holds no pictures, expected files like image.png or image.jpg")
        yield from map(str, pictures)


def _read(name: str, network: DigitNet, *, invert: bool | None) -> Reading:
    from hellodl.reading import read

    if name != "-":
        return read(name, network, invert=invert)
    if sys.stdin.isatty():
        raise UsageError(
            "-: standard input is a keyboard, expected a picture; try `hellodl predict - < image.png`"
        )
    return read(sys.stdin.buffer.read(), network, invert=invert)


def _show_error(name: str, error: PictureError, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": name, "error": str(error)})
    say(f"hellodl: {error}")


def _fields(name: str, reading: Reading) -> dict[str, Any]:
    """A reading as it goes to --json."""
    keys = ("digit", "confidence", "verdict", "box", "probabilities")
    return {
        "file": name,
        "text": reading.text,
        "verdict": reading.verdict,
        "digits": [{key: getattr(digit, key) for key in keys} for digit in reading.digits],
        "warnings": list(reading.warnings),
    }


# For people -------------------------------------------------------------------------------------------


def _show(name: str, reading: Reading, *, bars: bool, steps: bool) -> None:
    """A line a picture; for a picture on its own the probabilities too; with steps, what the network saw."""
    certainty = min((digit.confidence for digit in reading.digits), default=0.0)
    text = " / ".join(reading.text.split("\n")) or "no digits"
    colour = {"digits": "green", "unsure": "yellow", "not digits": "red"}[reading.verdict]
    verdict = "" if reading.verdict == "digits" else f", {reading.verdict}"
    click.echo(
        f"{printable(name)}: {click.style(text, fg=colour, bold=True)}"
        + (f"  ({certainty:.1%}{verdict})" if reading.digits else "")
    )
    for warning in reading.warnings:
        click.echo(f"  {printable(warning)}")
    if steps:
        _draw_steps(reading)
    if bars and len(reading.digits) == 1:
        _draw_bars(reading.digits[0])


def _draw_bars(digit: Digit) -> None:
    """The ten probabilities as bars."""
    for i, probability in enumerate(digit.probabilities):
        bar = (
            "█" * int(40 * probability)
            + "▏▎▍▌▋▊▉"[int(40 * probability * 8 % 8) - 1 : int(40 * probability * 8 % 8)]
        )
        line = f"  {i} {bar:<40} {probability:6.1%}"
        click.echo(click.style(line, bold=True) if i == digit.digit else line)


def _draw_steps(reading: Reading) -> None:
    """Each digit as the network saw it."""
    from hellodl.cli.common import console
    from hellodl.cli.drawing import beside, picture

    terminal = console()
    seen = [(picture(d.seen, terminal), f"{d.digit} {d.confidence:.0%}") for d in reading.digits]
    for line in beside(seen, terminal.width):
        terminal.print(line)
