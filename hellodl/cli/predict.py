"""`hellodl predict`: read the digits in pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hellodl.cli import common, predict_view
from hellodl.cli.drawing import write_drawing
from hellodl.cli.pictures import STDIN, files, pictures_argument, polarity_option, readings
from hellodl.cli.predict_cluster import cluster_options, read_on_cluster
from hellodl.errors import UsageError
from hellodl.system.files import kind_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hellodl.reading.readings import Reading


@common.command(
    ("predict photo.jpg", "one picture"),
    ("predict --show-steps photo.jpg", "what the network saw"),
    ("predict --json scans/", "for scripts: one JSON object a picture"),
)
@pictures_argument
@common.model_option
@polarity_option
@click.option("--show-steps", "steps", is_flag=True, help="Draw in the terminal how each picture was read.")
@common.output_option(metavar="FILE.png", help="Draw there how a picture was read.")
@click.option("-r", "--recursive", is_flag=True, help="Read the pictures in folders within folders too.")
@cluster_options
@common.talking
def predict(
    images: tuple[str, ...],
    model: Path | None,
    output: Path | None,
    cluster: str | None,
    listed: Path | None,
    talk: common.Talk,
    *,
    invert: bool | None,
    steps: bool,
    recursive: bool,
) -> None:
    """Read the digits in pictures: files, folders, standard input.

    Photographs, scans, screenshots, drawings and PDFs, dark on light or light on dark; - is standard input.
    """
    if cluster or listed:
        path = common.open_model(model, talk)[0]
        read_on_cluster(cluster, images, listed, path, invert=invert, as_json=talk.as_json)
        return
    names = files(images, output, deep=recursive)
    _check(names, talk, steps=steps)
    network = common.open_model(model, talk)[1].model()
    answers = predict_view.names_of(network.classes)
    bars = not (talk.as_json or talk.quiet or steps) and len(names) == 1 and kind_at(images[0]) != "folder"
    for name, reading in readings(names, network, talk, invert=invert, steps=steps or bool(output)):
        click.echo(predict_view.told(name, reading, answers, as_json=talk.as_json))
        for line in predict_view.details(reading, answers) if bars else ():
            click.echo(f"  {line}")
        _draw(name, reading, answers, output, talk, steps=steps)


def _draw(
    file: str, reading: Reading, names: Sequence[str], output: Path | None, talk: common.Talk, *, steps: bool
) -> None:
    """How a picture was read, in the terminal and as a PNG, where these are asked for."""
    if steps:
        from hellodl.cli.steps import steps_report

        common.show(steps_report(reading, names, common.console()))
    if output:
        from hellodl.cli.sheets import steps_picture

        write_drawing(output, steps_picture(file, reading, names), talk, "steps")


def _check(names: list[str], talk: common.Talk, *, steps: bool) -> None:
    """Raise UsageError for what makes no sense together."""
    if steps and talk.as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give -o FILE.png")
    if steps and len(names) > 1 and names[-1] != STDIN and kind_at(names[-1]) == "nothing":
        raise UsageError(f"{names[-1]}: does not exist; to draw the steps into a file, give -o FILE.png")
