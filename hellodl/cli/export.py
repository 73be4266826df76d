"""`hellodl export`: the trained network as a file for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hellodl.cli import common
from hellodl.cli.words import percent, printable

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.checkpoint import Checkpoint


@common.command(
    ("export -o digits.onnx", "for ONNX runtimes and browsers"),
    ("export shipped -o digits.h --int8", "C, 8 bits a weight, for the smallest machines"),
)
@common.output_option(help="Write this file: .onnx, .npz or .h.", required=True)
@click.option("--int8", is_flag=True, help="Weights of 8 bits, a quarter of the size; for .h.")
@common.model_argument
@common.data_dir_option
@common.talking
def export(output: Path, model: Path | None, data_dir: Path | None, talk: common.Talk, *, int8: bool) -> None:
    """Write the network for other programs: ONNX, NumPy, or C.

    .onnx takes uint8 pictures (n, 28, 28) and gives probabilities (n, 10). .npz holds the weights by name,
    and whether pictures are turned upright first (hellodl.upright). .h is C99 for the smallest machines:
    weights and a forward pass that needs no library but C's own.
    """
    from hellodl.export import formats

    formats.check_name(output, int8=int8)
    loaded = common.open_model(model, talk)[1]
    written = formats.export(loaded.model(), output, int8=int8)
    accuracies = _accuracies(loaded, data_dir, talk) if int8 else {}
    sizes = f"{written.bytes:,} bytes; weights take {written.weight_bytes:,}"
    lines = [f"{printable(written.file)}: {written.format}, {sizes}"]
    if accuracies:
        rounded, exact = (percent(accuracies[name]) for name in ("accuracy", "float32"))
        lines.append(f"test accuracy {rounded}, in float32 {exact}")
    talk.tell(asdict(written) | accuracies, lines)


def _accuracies(loaded: Checkpoint, data_dir: Path | None, talk: common.Talk) -> dict[str, float]:
    """What rounding costs: the accuracy on the test set that belongs to the model, with and without it."""
    from hellodl import datasets
    from hellodl.errors import DataError
    from hellodl.evaluation import score, score_probabilities
    from hellodl.export.int8 import quantised

    try:
        test = datasets.load(common.dataset_of(loaded), "test", data_dir)
    except DataError as error:
        talk.say(f"its accuracy is not known: {error}")
        return {}
    network = loaded.model()
    rounded = score_probabilities(quantised(network).predict(test.images), test.labels)
    exact = score(network, test.images, test.labels)
    return {"accuracy": rounded.accuracy, "float32": exact.accuracy}
