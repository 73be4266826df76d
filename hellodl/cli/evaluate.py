"""`hellodl evaluate`: how good a model is, and where it fails."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
    DATASETS,
    FILE,
    console,
    data_dir_option,
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
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from hellodl.checkpoint import TrainedNet
    from hellodl.nn import DigitNet


@click.command(
    cls=Command,
    examples=(
        ("evaluate", "your model on its data set's test images"),
        ("evaluate photos/", "pictures of your own: sub-folders named 0 to 9, or a labels.csv"),
        ("evaluate -m shipped --json", "for scripts: one JSON object"),
        ("evaluate -o confusion.png", "the confusion matrix, drawn"),
    ),
)
@click.argument("folders", nargs=-1, metavar="[FOLDER…]", type=FILE)
@model_option
@click.option("--dataset", type=click.Choice(DATASETS), help="Which data set.  [default: the model's own]")
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
def evaluate(folders: tuple[Path, ...], model: Path | None, dataset: str | None, **options: Any) -> None:
    """Show how well a model reads, and what it gets wrong: a test set, or folders of your own pictures.

    A folder holds sub-folders named by what their pictures show (0 to 9, 42, none), or a labels.csv with the
    columns file and label; or it holds such folders.
    """
    from hellodl.system.processors import one_blas_thread

    check_ending(options["output"], PNG, SVG)
    if folders and (dataset or options["output"]):
        raise UsageError("folders of pictures have no --dataset and no confusion matrix for --output")
    path, loaded = open_model(model, quiet=options["quiet"])
    one_blas_thread()
    own = loaded.about.dataset.name if loaded.about.dataset else DATASETS[0]
    if not folders and dataset is None and own not in DATASETS:
        folders = (Path(own),)
    if folders:
        _on_folders(path, loaded.model(), folders, as_json=options["as_json"])
        return
    _note_other_dataset(own, dataset or own, quiet=options["quiet"])
    _on_test_set(path, loaded.model(), dataset or own, **options)


def _on_test_set(
    path: Path,
    network: DigitNet,
    dataset: str,
    *,
    data_dir: Path | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from hellodl import datasets, evaluation
    from hellodl.graphs.charts import confusion_matrix

    data = datasets.load(dataset, "test", data_dir)
    result = evaluation.evaluate(network, data)
    if output:
        title = f"{path.name[:24]} on {result.dataset}: {percent(result.accuracy)}"
        quiet = quiet or as_json
        write_drawing(output, lambda: confusion_matrix(result.confusion, title, alone=True), quiet=quiet)
    if as_json:
        print_json({"model": str(path), **asdict(result)})
        return
    from hellodl.cli import evaluate_view

    _print(evaluate_view.report(path, result, data, console()))


def _on_folders(path: Path, network: TrainedNet, folders: tuple[Path, ...], *, as_json: bool) -> None:
    from hellodl.reading.labelled import labelled_pictures, score_folder

    pictures = [picture for folder in folders for picture in labelled_pictures(folder)]
    result = score_folder(pictures, network)
    if as_json:
        print_json({"model": str(path), **asdict(result)})
        return
    from hellodl.cli import folder_view

    _print(folder_view.report(path, result, console()))


def _print(parts: Iterable[RenderableType]) -> None:
    out = console()
    for part in parts:
        out.print(part)


def _note_other_dataset(own: str, dataset: str, *, quiet: bool) -> None:
    """Say so where a model is asked about something it never learned."""
    if own != dataset:
        say(f"note: this model was trained on {own:.40}, not on {dataset}", quiet=quiet)
