"""`hellodl evaluate`: how good a model is, and where it fails."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hellodl.cli.common import (
    FILE,
    console,
    data_dir_option,
    dataset_option,
    json_option,
    model_option,
    open_model,
    print_json,
    quiet_option,
    say,
)
from hellodl.cli.drawing import PNG, SVG, check_ending, write_drawing
from hellodl.cli.help import Command
from hellodl.cli.words import percent

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.about import DataIdentity


@click.command(
    cls=Command,
    examples=(
        ("evaluate", "your model on its data set's test images"),
        ("evaluate -m shipped --json", "for scripts: one JSON object"),
        ("evaluate -o confusion.png", "the confusion matrix, drawn"),
    ),
)
@model_option
@dataset_option
@data_dir_option
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help="Draw the confusion matrix into this file: .png or .svg.",
)
@json_option
@quiet_option
def evaluate(
    model: Path | None,
    dataset: str,
    data_dir: Path | None,
    output: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show how well a model reads the test set, and what it gets wrong."""
    from hellodl import datasets, evaluation
    from hellodl.graphs.charts import confusion_matrix
    from hellodl.system.processors import one_blas_thread

    check_ending(output, PNG, SVG)
    path, loaded = open_model(model, quiet=quiet)
    network = loaded.model()
    data = datasets.load(dataset, "test", data_dir)
    _note_other_dataset(loaded.about.dataset, dataset, quiet=quiet)
    one_blas_thread()
    result = evaluation.evaluate(network, data)
    if output:
        title = f"{path.name[:24]} on {result.dataset}: {percent(result.accuracy)}"
        quiet = quiet or as_json
        write_drawing(output, lambda: confusion_matrix(result.confusion, title, alone=True), quiet=quiet)
    if as_json:
        print_json({"model": str(path), **asdict(result)})
        return
    from hellodl.cli import evaluate_view

    out = console()
    for part in evaluate_view.report(path, result, data, out):
        out.print(part)


def _note_other_dataset(trained_on: DataIdentity | None, dataset: str, *, quiet: bool) -> None:
    """Say so where a model is asked about something it never learned."""
    if trained_on and trained_on.name != dataset:
        say(f"note: this model was trained on {trained_on.name:.40}, not on {dataset}", quiet=quiet)
