"""`hellodl report`: everything about a model on one page."""

from dataclasses import fields
from pathlib import Path

from hellodl.cli import common
from hellodl.cli.drawing import HTML, check_drawing, write_drawing


@common.command(
    ("report", "your model, into report.html"),
    ("report -m shipped -o shipped.html", "the one that comes with hellodl"),
    ("report --json", "the numbers behind it"),
)
@common.output_option(help="Where the page goes.  [default: report.html]")
@common.model_argument
@common.data_dir_option
@common.talking
def report(output: Path | None, model: Path | None, data_dir: Path | None, talk: common.Talk) -> None:
    """Write a page about a model: its making, mistakes and inside.

    Settings, learning curves, accuracy, confusion matrix, what its layers see: one file of HTML that needs no
    network, for screens, phones, paper and screen readers.
    """
    from hellodl import datasets
    from hellodl.graphs import report
    from hellodl.graphs.record import finite
    from hellodl.system.processors import one_blas_thread
    from hellodl.training.settings import Settings, as_command

    target = output or (None if talk.as_json else Path("report.html"))
    check_drawing(target, HTML, ".htm")
    path, loaded = common.open_model(model, talk)
    data = datasets.load(common.dataset_of(loaded), "test", data_dir)
    one_blas_thread()
    gathered = report.report(path, loaded, data, as_command(loaded.about.settings))
    if talk.as_json:
        common.print_json(finite(gathered.for_json()))
    if target:
        meanings = {field.name: field.metadata["help"] for field in fields(Settings)}
        write_drawing(target, report.page(gathered, meanings), talk, "report")
