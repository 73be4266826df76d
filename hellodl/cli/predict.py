"""`hellodl predict`: read the digits in pictures."""

from pathlib import Path

import click

from hellodl.cli import common
from hellodl.errors import UsageError


@common.command(
    ("predict photo.jpg", "one picture"),
    ("predict --show-steps photo.jpg", "what the network saw"),
    ("predict --json scans/", "for scripts: one JSON object a picture"),
)
@common.pictures_argument
@common.model_option
@common.polarity_option
@click.option("--show-steps", "steps", is_flag=True, help="Draw in the terminal how each picture was read.")
@common.output_option(metavar="FILE.png", help="Draw there how a picture was read.")
@click.option("-r", "--recursive", is_flag=True, help="Read the pictures in folders within folders too.")
@click.option("--cluster", metavar="ADDRESS", help="Read on a Dask cluster, like tcp://scheduler:8786.")
@common.file_option(
    "--names", "listed", help="Read what this file names, a picture a line; - is standard input."
)
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
    from hellodl import upright  # noqa: F401 - NumPy loads 20 ms slower deeper in Python's stack
    from hellodl.cli import pictures, predict_cluster, predict_view

    if cluster is not None:
        wanted = predict_cluster.sendable(images, listed, deep=recursive, drawing=steps or bool(output))
        predict_cluster.read(cluster, wanted, common.open_model(model, talk)[0], talk, invert=invert)
        return
    if steps and talk.as_json:
        raise UsageError("--show-steps draws and --json does not: with both, give -o FILE.png")
    names = pictures.files(images, output, listed, deep=recursive)
    network = common.open_model(model, talk)[1].model()
    answers = predict_view.names_of(network.classes)
    for name, reading in pictures.readings(names, network, talk, invert=invert, steps=steps or bool(output)):
        pictures.tell(name, reading, answers, output, talk, bars=names == [*images[:1]], steps=steps)
