"""`hellodl export`: the trained network as a file for other programs."""

from dataclasses import asdict
from pathlib import Path

import click

from hellodl.cli import common
from hellodl.cli.drawing import check_drawing
from hellodl.cli.words import percent, printable
from hellodl.errors import DataError


@common.command(
    ("export -o digits.onnx", "for ONNX runtimes and browsers"),
    ("export shipped -o digits.h --int8", "C, 8 bits a weight, for the smallest machines"),
)
@common.output_option(help="Write this file: .onnx, .npz or .h.", required=True)
@click.option("--int8", is_flag=True, help="Weights of 8 bits, a quarter of the size; for .h.")
@click.option("--force", is_flag=True, help="Replace a file that hellodl did not write.")
@common.model_argument
@common.data_dir_option
@common.talking
def export(
    output: Path, model: Path | None, data_dir: Path | None, talk: common.Talk, *, int8: bool, force: bool
) -> None:
    """Write the network for other programs: ONNX, NumPy, or C.

    .onnx takes uint8 pictures (n, 28, 28) and gives probabilities (n, 10). .npz holds the weights by name,
    and whether pictures are turned upright first (hellodl.upright). .h is C99 for the smallest machines:
    weights and a forward pass that needs no library but C's own.
    """
    from hellodl import datasets
    from hellodl.export import formats
    from hellodl.export.int8 import accuracies

    formats.check_name(output, int8=int8)
    check_drawing(output, *formats.FORMATS, force=force)
    loaded = common.open_model(model, talk)[1]
    network = loaded.model()
    written = formats.export(network, output, int8=int8)
    sizes = f"{written.bytes:,} bytes; weights take {written.weight_bytes:,}"
    found, lines = {}, [f"{printable(written.file)}: {written.format}, {sizes}"]
    if int8:
        try:
            found = accuracies(network, datasets.load(common.dataset_of(loaded), "test", data_dir))
            rounded, exact = map(percent, found.values())
            lines.append(f"test accuracy {rounded}, in float32 {exact}")
        except DataError as error:
            talk.say(f"its accuracy is not known: {error}")
    talk.tell(asdict(written) | found, lines)
