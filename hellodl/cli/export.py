"""`hellodl export`: the trained network as a file for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
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
from hellodl.cli.words import percent, printable
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.checkpoint import Checkpoint
    from hellodl.export.formats import Exported
    from hellodl.nn import DigitNet


@click.command(
    cls=Command,
    examples=(
        ("export -o digits.onnx", "for ONNX runtimes and browsers"),
        ("export shipped -o digits.h --int8", "C, 8 bits a weight, for the smallest machines"),
    ),
)
@click.argument("file", metavar="[MODEL]", type=FILE, required=False)
@click.option("-o", "--output", type=FILE, required=True, help="Write this file: .onnx, .npz or .h.")
@click.option("--int8", is_flag=True, help="Weights of 8 bits, a quarter of the size; for .h.")
@options(model_option, data_dir_option, json_option, quiet_option)
def export(
    file: Path | None, output: Path, model: Path | None, *, int8: bool, quiet: bool, **given: Any
) -> None:
    """Write the network for other programs: ONNX, NumPy, or C for the smallest machines.

    .onnx takes uint8 pictures (n, 28, 28) and gives probabilities (n, 10). .npz holds the weights by name.
    .h is C99: weights and a forward pass that needs nothing but expf.
    """
    from hellodl.export import formats

    if file and model and file != model:
        raise UsageError(f"two models are named, {file} and {model}; expected one")
    formats.check_name(output, int8=int8)
    _, loaded = open_model(file or model, quiet=quiet or given["as_json"])
    network = loaded.model()
    written = formats.export(network, output, int8=int8)
    show(written, _accuracies(network, loaded, given["data_dir"]) if int8 else {}, as_json=given["as_json"])


def show(written: Exported, accuracies: dict[str, float], *, as_json: bool) -> None:
    """What was written, how large it is, and what rounding cost."""
    if as_json:
        print_json(asdict(written) | accuracies)
        return
    sizes = f"{written.bytes:,} bytes; weights take {written.weight_bytes:,}"
    click.echo(f"{printable(written.file)}: {written.format}, {sizes}")
    if accuracies:
        rounded, exact = (percent(accuracies[name]) for name in ("accuracy", "float32"))
        click.echo(f"test accuracy {rounded}, in float32 {exact}")


def _accuracies(network: DigitNet, loaded: Checkpoint, data_dir: Path | None) -> dict[str, float]:
    """What rounding costs: the accuracy on the test set that belongs to the model, with and without it."""
    from hellodl import datasets
    from hellodl.errors import DataError
    from hellodl.evaluation import score, score_probabilities
    from hellodl.export.int8 import quantised

    try:
        test = datasets.load(loaded.about.dataset.name if loaded.about.dataset else "mnist", "test", data_dir)
    except DataError as error:
        say(f"its accuracy is not known: {error}")
        return {}
    rounded = score_probabilities(quantised(network).predict(test.images), test.labels)
    return {
        "accuracy": rounded.accuracy,
        "float32": score(network, test.images, test.labels).accuracy,
    }
