"""`hellodl evaluate`: how good a model is, and where it fails."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hellodl.cli import common
from hellodl.cli.drawing import PNG, SVG, check_drawing, write_drawing
from hellodl.cli.words import percent
from hellodl.errors import PictureError, UsageError

if TYPE_CHECKING:
    from hellodl.checkpoint import Checkpoint
    from hellodl.datasets import Dataset


@common.command(
    ("evaluate", "your model on its data set's test images"),
    ("evaluate photos/", "pictures of your own: sub-folders named 0 to 9, or a labels.csv"),
    ("evaluate -m shipped --json", "for scripts: one JSON object"),
    ("evaluate -o confusion.png", "the confusion matrix, drawn"),
)
@click.argument("folders", nargs=-1, metavar="[FOLDER…]", type=common.FILE)
@common.model_option
@click.option(
    "--dataset", type=click.Choice(common.DATASETS), help="Which data set.  [default: the model's own]"
)
@common.data_dir_option
@common.output_option(help="Draw the confusion matrix into this file: .png or .svg.")
@common.talking
def evaluate(
    folders: tuple[Path, ...],
    model: Path | None,
    dataset: str | None,
    data_dir: Path | None,
    output: Path | None,
    talk: common.Talk,
) -> None:
    """Show how well a model reads, and what it gets wrong.

    On a test set, or on FOLDERs of your own pictures. A folder holds sub-folders named by what their pictures
    show (0 to 9, 42, none), or a labels.csv with the columns file and label; or it holds such folders.
    """
    from hellodl import datasets
    from hellodl.system.processors import one_blas_thread

    check_drawing(output, PNG, SVG)
    if folders and (dataset or output):
        raise UsageError("folders of pictures have no --dataset and no confusion matrix for --output")
    path, loaded = common.open_model(model, talk)
    one_blas_thread()
    own = common.dataset_of(loaded)
    if folders or (dataset is None and own not in common.DATASETS):
        _on_folders(path, loaded, folders or (Path(own),), talk)
        return
    if dataset and own != dataset:
        talk.say(f"note: this model was trained on {own:.40}, not on {dataset}")
    data = datasets.load(dataset or own, "test", data_dir)
    _on_images(path, loaded, data, output, talk)


def _on_images(path: Path, loaded: Checkpoint, data: Dataset, output: Path | None, talk: common.Talk) -> None:
    from hellodl import evaluation
    from hellodl.graphs.charts import confusion_matrix

    result = evaluation.evaluate(loaded.model(), data)
    if output:
        title = f"{path.name[:24]} on {result.dataset}: {percent(result.accuracy)}"
        write_drawing(output, confusion_matrix(result.confusion, title, alone=True), talk)
    if talk.as_json:
        common.print_json({"model": str(path), **asdict(result)})
    else:
        from hellodl.cli.evaluate_view import report

        common.show(report(path, result, data, common.console()))


def _on_folders(path: Path, loaded: Checkpoint, folders: tuple[Path, ...], talk: common.Talk) -> None:
    from hellodl.datasets.labelled import labelled_pictures
    from hellodl.reading.scoring import score_folder

    learned = common.dataset_of(loaded), loaded.about.settings.get("also")
    if set(folders) & {Path(name) for name in learned if name}:
        talk.say("note: the model has learned from these pictures; others it reads less well")
    pictures = [picture for folder in folders for picture in labelled_pictures(folder)]
    result = score_folder(pictures, loaded.model())
    if talk.as_json:
        common.print_json({"model": str(path), **asdict(result)})
    else:
        from hellodl.cli.evaluate_view import folder_report

        common.show(folder_report(path, result))
    for unread in result.errors:
        common.say(f"hellodl: {unread['error']}")
    if result.errors:
        click.get_current_context().exit(PictureError.exit_code)
