"""`hellodl explain`: which pixels spoke for a digit and which against, and the training digits like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
    DATASETS,
    FILE,
    PICTURE,
    choose_model,
    data_dir_option,
    json_option,
    model_option,
    options,
    print_json,
    quiet_option,
    say,
)
from hellodl.cli.help import Command
from hellodl.cli.predict import polarity_option, source_of
from hellodl.errors import DataError, PictureError
from hellodl.system.files import kind_at

if TYPE_CHECKING:
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
@click.argument("image", metavar="IMAGE", type=PICTURE)
@options(model_option, data_dir_option, polarity_option)
@click.option("-o", "--output", type=FILE, metavar="FILE.png", help="Draw the explanation there as well.")
@options(json_option, quiet_option)
def explain(
    image: str,
    model: Path | None,
    data_dir: Path | None,
    *,
    invert: bool | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain how a picture is read: the pixels that spoke for each digit and those against it.

    Integrated gradients say what each pixel added to the digit's score while the picture grew from an empty
    one. Beside them: the training digits that the last hidden layer takes to be most alike.
    """
    from hellodl import checkpoint

    if output:
        from hellodl.cli.canvas import check_free

        check_free(output, "--output")
    found = checkpoint.load(choose_model(model, quiet=quiet))
    network = found.model()
    reading = _read(image, network, invert=invert)
    training = _training(found, network, data_dir, quiet=quiet)
    whys = [_why(digit, network, training) for digit in reading.digits]
    if as_json:
        print_json(_fields(image, reading, whys))
    else:
        _show(image, reading, whys)
    if output:
        from hellodl.cli.canvas import save
        from hellodl.cli.explain_picture import explain_picture

        save(explain_picture(image, reading, whys), output)
        say(f"explanation: {output}", quiet=quiet)


def _read(image: str, network: DigitNet, *, invert: bool | None) -> Reading:
    from hellodl.reading.reader import read
    from hellodl.system.processors import one_blas_thread

    if kind_at(image) == "folder":
        raise PictureError(f"{image}: is a folder, expected one picture")
    one_blas_thread()  # as predict does
    return read(source_of(image), network, invert=invert)


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


def _show(image: str, reading: Reading, whys: list[Explanation]) -> None:
    """The explanation in the terminal."""
    from hellodl.cli.common import console
    from hellodl.cli.explain_view import draw
    from hellodl.cli.predict_view import as_text

    click.echo(as_text(image, reading))
    out = console()
    for number, (digit, why) in enumerate(zip(reading.digits, whys, strict=True), 1):
        for line in draw(digit, why, number if len(whys) > 1 else 0, out):
            out.print(line, soft_wrap=True)
