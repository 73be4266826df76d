"""`hellodl explain`: which pixels spoke for a digit and which against, and the training digits like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
    DATASETS,
    FILE,
    data_dir_option,
    json_option,
    model_option,
    open_model,
    options,
    print_json,
    quiet_option,
    say,
)
from hellodl.cli.help import Command
from hellodl.cli.pictures import files, pictures_argument, polarity_option, readings
from hellodl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hellodl.checkpoint import Checkpoint
    from hellodl.explaining import Explanation, Gallery
    from hellodl.nn import DigitNet
    from hellodl.reading.reader import Digit, Reading

NEIGHBOURS = 8


@click.command(
    cls=Command,
    examples=(
        ("explain photo.jpg", "in the terminal"),
        ("explain photo.jpg -o why.png", "as a picture, too"),
    ),
)
@options(pictures_argument, model_option, data_dir_option, polarity_option)
@click.option("-o", "--output", type=FILE, metavar="FILE.png", help="Draw the explanation there as well.")
@options(json_option, quiet_option)
def explain(
    images: tuple[str, ...],
    model: Path | None,
    data_dir: Path | None,
    *,
    invert: bool | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain how pictures are read: the pixels that spoke for each digit and those against it.

    Integrated gradients say what each pixel added to the digit's score while the picture grew from an empty
    one. Beside them: the training digits that the last hidden layer takes to be most alike.
    """
    names = files(images, output)
    _, found = open_model(model, quiet=quiet)
    network = found.model()
    training = _training(found, network, data_dir, quiet=quiet)
    for name, reading in readings(names, network, invert=invert, as_json=as_json, quiet=quiet):
        whys = [_why(digit, network, training) for digit in reading.digits]
        if as_json:
            print_json(_fields(name, reading, whys))
        else:
            _show(name, reading, whys, network.classes)
        if output:
            _draw(name, reading, whys, network.classes, output, quiet=quiet)


def _training(found: Checkpoint, network: DigitNet, data_dir: Path | None, *, quiet: bool) -> Gallery | None:
    """The data the model was trained on, to find neighbours among; None if it is not here."""
    from hellodl import datasets
    from hellodl.explaining import Gallery

    name = found.about.dataset.name if found.about.dataset else "mnist"
    if name not in DATASETS:
        say(f"without training digits to compare: {name!r:.80} is no data set known here", quiet=quiet)
        return None
    try:
        data = datasets.load(name, "train", data_dir)
    except DataError as error:
        if data_dir:
            raise
        say(f"without training digits to compare: {error}", quiet=quiet)
        return None
    return Gallery(network, data.images, data.labels)


def _why(digit: Digit, network: DigitNet, training: Gallery | None) -> Explanation:
    from hellodl.explaining import explain as explanation

    near = training.nearest(digit.seen, NEIGHBOURS) if training else ()
    return explanation(network, digit.seen, digit.digit, near)


def _fields(image: str, reading: Reading, whys: list[Explanation]) -> dict[str, Any]:
    """An explanation as it goes to --json."""
    return {
        "file": image,
        "text": reading.text,
        "verdict": reading.verdict,
        "digits": [_digit_fields(*both) for both in zip(reading.digits, whys, strict=True)],
        "warnings": list(reading.warnings),
    }


def _digit_fields(digit: Digit, why: Explanation) -> dict[str, Any]:
    return {
        "digit": digit.digit,
        "confidence": digit.confidence,
        "verdict": digit.verdict,
        "box": digit.box,
        "score": why.score,
        "empty_score": why.empty_score,
        "evidence": why.evidence.tolist(),
        "neighbours": [{"index": n.index, "label": n.label, "distance": n.distance} for n in why.neighbours],
    }


def _show(image: str, reading: Reading, whys: list[Explanation], classes: Sequence[str]) -> None:
    """The explanation in the terminal."""
    from hellodl.cli.common import console
    from hellodl.cli.explain_view import draw
    from hellodl.cli.predict_view import as_text

    click.echo(as_text(image, reading, classes))
    out = console()
    for number, (digit, why) in enumerate(zip(reading.digits, whys, strict=True), 1):
        for line in draw(digit, why, classes, number if len(whys) > 1 else 0, out):
            out.print(line, soft_wrap=True)


def _draw(
    name: str, reading: Reading, whys: list[Explanation], classes: Sequence[str], output: Path, *, quiet: bool
) -> None:
    """The explanation as a PNG."""
    from hellodl.cli.canvas import save
    from hellodl.cli.explain_picture import explain_picture

    save(explain_picture(name, reading, whys, classes), output)
    say(f"explanation: {output}", quiet=quiet)
