"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hellodl.cli import predict_view
from hellodl.cli.common import FILE, json_option, model_option, open_model, options, quiet_option, say
from hellodl.cli.help import Command
from hellodl.cli.pictures import STDIN, files, pictures_argument, polarity_option, readings
from hellodl.cli.predict_cluster import cluster_options, read_on_cluster
from hellodl.errors import UsageError
from hellodl.system.files import kind_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hellodl.reading.reader import Reading


@click.command(
    cls=Command,
    examples=(
        ("predict photo.jpg", "one picture"),
        ("predict --show-steps photo.jpg", "what the network saw"),
        ("predict --json scans/", "for scripts: one JSON object a picture"),
    ),
)
@options(pictures_argument, model_option, polarity_option)
@click.option("--show-steps", "steps", is_flag=True, help="Draw in the terminal how each picture was read.")
@click.option("-o", "--output", type=FILE, metavar="FILE.png", help="Draw there how a picture was read.")
@options(cluster_options, json_option, quiet_option)
def predict(
    images: tuple[str, ...],
    model: Path | None,
    output: Path | None,
    cluster: str | None,
    listed: Path | None,
    *,
    invert: bool | None,
    steps: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read the digits in pictures: files, folders of files, or - for standard input.

    Photographs, scans, screenshots and drawings in any common format, dark on light or light on dark.
    """
    if cluster or listed:
        path = open_model(model, quiet=quiet)[0]
        read_on_cluster(cluster, images, listed, path, invert=invert, as_json=as_json)
        return
    names = files(images, output)
    _check(names, steps=steps, as_json=as_json)
    bars = not (as_json or quiet or steps) and len(names) == 1 and kind_at(images[0]) != "folder"
    network = open_model(model, quiet=quiet)[1].model()
    for name, reading in readings(names, network, invert=invert, as_json=as_json, quiet=quiet):
        classes = network.classes
        click.echo(
            predict_view.as_json(name, reading) if as_json else predict_view.as_text(name, reading, classes)
        )
        _draw(name, reading, classes, output, steps=steps, bars=bars, quiet=quiet)


def _check(names: list[str], *, steps: bool, as_json: bool) -> None:
    """Raise UsageError for what makes no sense together."""
    if steps and as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give -o FILE.png")
    if steps and len(names) > 1 and names[-1] != STDIN and kind_at(names[-1]) == "nothing":
        raise UsageError(f"{names[-1]}: does not exist; to draw the steps into a file, give -o FILE.png")


def _draw(
    name: str,
    reading: Reading,
    classes: Sequence[str],
    output: Path | None,
    *,
    steps: bool,
    bars: bool,
    quiet: bool,
) -> None:
    """How a picture was read: as bars, or every step, in the terminal and as a PNG."""
    if bars:
        blocks = sys.stdout.encoding.lower().startswith("utf")
        lines = predict_view.details(reading, classes, blocks=blocks)
        click.echo("".join(f"  {line}\n" for line in lines), nl=False)
    if steps:
        from hellodl.cli.common import console
        from hellodl.cli.steps import draw_steps

        draw_steps(reading, classes, console())
    if output:
        from hellodl.cli.canvas import save
        from hellodl.cli.steps_picture import steps_picture

        save(steps_picture(name, reading), output)
        say(f"steps: {output}", quiet=quiet)
