"""`hellodl explain`: which pixels spoke for a digit and which against, and the training digits like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hellodl.cli import common
from hellodl.cli.drawing import write_drawing
from hellodl.cli.pictures import files, pictures_argument, polarity_option, readings
from hellodl.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.checkpoint import Checkpoint, TrainedNet
    from hellodl.explaining import Explanation, Gallery
    from hellodl.reading.readings import Digit

_NEIGHBOURS = 8


@common.command(
    ("explain photo.jpg", "in the terminal"),
    ("explain photo.jpg -o why.png", "as a picture, too"),
)
@pictures_argument
@common.model_option
@common.data_dir_option
@polarity_option
@common.output_option(metavar="FILE.png", help="Draw the explanation there as well.")
@common.talking
def explain(
    images: tuple[str, ...],
    model: Path | None,
    data_dir: Path | None,
    output: Path | None,
    talk: common.Talk,
    *,
    invert: bool | None,
) -> None:
    """Show which pixels spoke for a digit and which against it.

    Integrated gradients say what each pixel added to the digit's score while the picture grew from an empty
    one. Beside them: the training digits that the last hidden layer takes to be most alike.
    """
    from hellodl.cli import predict_view, sheets, steps

    names = files(images, output)
    loaded = common.open_model(model, talk)[1]
    network = loaded.model()
    answers = predict_view.names_of(network.classes)
    gallery = _gallery(loaded, data_dir, talk)
    for name, reading in readings(names, network, talk, invert=invert):
        whys = [_why(digit, network, gallery) for digit in reading.digits]
        if talk.as_json:
            common.print_json(predict_view.as_fields(name, reading, list(map(_fields, whys))))
        else:
            click.echo(predict_view.as_text(name, reading, answers))
            common.show(steps.explain_report(reading, whys, answers, common.console()))
        if output:
            write_drawing(output, sheets.explain_picture(name, reading, whys, answers), talk, "explanation")


def _gallery(loaded: Checkpoint, data_dir: Path | None, talk: common.Talk) -> Gallery | None:
    """The data the model was trained on, to find neighbours among; None if it is not here."""
    from hellodl import datasets
    from hellodl.explaining import Gallery

    name = common.dataset_of(loaded)
    try:
        if name not in common.DATASETS:
            raise DataError(f"{name!r:.80} is no data set known here")
        data = datasets.load(name, "train", data_dir)
    except DataError as error:
        if data_dir and name in common.DATASETS:
            raise
        talk.say(f"without training digits to compare: {error}")
        return None
    return Gallery(loaded.model(), data.images, data.labels)


def _why(digit: Digit, network: TrainedNet, gallery: Gallery | None) -> Explanation:
    from hellodl.explaining import explain as explanation

    near = gallery.nearest(digit.seen, _NEIGHBOURS) if gallery else ()
    return explanation(network, digit.seen, digit.digit, near)


def _fields(why: Explanation) -> dict[str, Any]:
    """A digit's explanation as it goes to --json."""
    return {
        "score": why.score,
        "empty_score": why.empty_score,
        "evidence": why.evidence.tolist(),
        "neighbours": [
            {key: getattr(n, key) for key in ("index", "label", "distance")} for n in why.neighbours
        ],
    }
