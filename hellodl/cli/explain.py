"""`hellodl explain`: which pixels spoke for a digit and which against, and the training digits like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hellodl.cli import common
from hellodl.cli.drawing import write_drawing
from hellodl.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hellodl.checkpoint import TrainedNet
    from hellodl.explaining import Explanation
    from hellodl.reading.readings import Digit, Reading


@common.command(
    ("explain photo.jpg", "in the terminal"),
    ("explain photo.jpg -o why.png", "as a picture, too"),
)
@common.pictures_argument
@common.model_option
@common.data_dir_option
@common.polarity_option
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

    Integrated gradients: what each pixel with ink added to the digit's score (its output before the softmax,
    less the mean of all ten) as the picture grew. Beside: training digits like it, to the last hidden layer.
    """
    from hellodl.cli import pictures, predict_view, sheets, steps

    names = pictures.files(images, output)
    loaded = common.open_model(model, talk)[1]
    network = loaded.model()
    answers = predict_view.names_of(network.classes)
    explained = _explainer(network, common.dataset_of(loaded), data_dir, talk)
    for name, reading in pictures.readings(names, network, talk, invert=invert):
        whys = [explained(digit) for digit in reading.digits]
        if talk.as_json:
            common.print_json({"file": name} | _told(reading, whys))
        else:
            click.echo(predict_view.as_text(name, reading, answers))
            common.show(steps.explain_report(reading, whys, answers, common.console()))
        if output:
            write_drawing(output, sheets.explain_picture(name, reading, whys, answers), talk, "explanation")


def _explainer(
    network: TrainedNet, dataset: str, data_dir: Path | None, talk: common.Talk
) -> Callable[[Digit], Explanation]:
    """What explains a digit; without neighbours where the data that the model was trained on is not here."""
    from hellodl import datasets, explaining

    gallery: explaining.Gallery | None = None
    try:
        data = datasets.load(dataset, "train", data_dir)
        gallery = explaining.Gallery(network, data.images, data.labels)
    except (DataError, UsageError) as error:  # the latter where the model names none that is known here
        if data_dir and isinstance(error, DataError):
            raise
        talk.say(f"without training digits to compare: {error}")
    nearest = gallery.nearest if gallery else lambda _image: ()
    return lambda digit: explaining.explain(network, digit.seen, digit.digit, nearest(digit.seen))


def _told(reading: Reading, whys: Sequence[Explanation]) -> dict[str, Any]:
    """A reading with its digits' explanations, as it goes to --json."""
    told = reading.for_json()
    for digit, why in zip(told["digits"], whys, strict=True):
        near = [{"index": n.index, "label": n.label, "distance": n.distance} for n in why.neighbours]
        digit |= {"score": why.score, "empty_score": why.empty_score}
        digit |= {"evidence": why.evidence.tolist(), "neighbours": near}
    return told
