"""`hellodl report`: everything about a model on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
from hellodl.cli.drawing import check_ending
from hellodl.cli.help import Command
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from hellodl.checkpoint import Checkpoint
    from hellodl.graphs.report import Report


@click.command(
    cls=Command,
    examples=(
        ("report", "your model, into report.html"),
        ("report -m shipped -o shipped.html", "the one that comes with hellodl"),
        ("report --json", "the numbers behind it"),
    ),
)
@click.argument("file", metavar="[MODEL]", type=FILE, required=False)
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="Where the page goes.  [default: report.html]"
)
@options(model_option, data_dir_option, json_option, quiet_option)
def report(
    file: Path | None,
    output: Path | None,
    model: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a page about a model: how it was made, how well it reads, its mistakes, what its layers see.

    One file of HTML that needs no network, for screens, phones, paper and screen readers.
    """
    from hellodl.graphs.page import page
    from hellodl.graphs.record import finite
    from hellodl.system.files import write_atomically

    if file and model:
        raise UsageError("report: expected one model, as an argument or with -m")
    check_ending(output, ".html", ".htm")
    gathered = gather(*open_model(file or model, quiet=quiet), data_dir)
    if as_json:
        print_json(finite(gathered.for_json()))
    if output or not as_json:
        target = output or Path("report.html")
        write_atomically(target, page(gathered).encode())
        say(f"report: {target}", quiet=quiet or as_json)


def gather(path: Path, loaded: Checkpoint, data_dir: Path | None) -> Report:
    """The numbers about a model, read on its own data set."""
    from hellodl import datasets
    from hellodl.graphs.report import report as numbers
    from hellodl.system.processors import one_blas_thread

    trained_on = loaded.about.dataset
    data = datasets.load(trained_on.name if trained_on else "mnist", "test", data_dir)
    one_blas_thread()
    return numbers(path, loaded, data, repeating(loaded))


def repeating(loaded: Checkpoint) -> str:
    """The command that repeats a model's training; "" if its settings are not known, or are no more."""
    from hellodl.graphs.report import command_for
    from hellodl.training.settings import PRESETS, Settings

    try:
        settings = Settings.from_dict(loaded.about.settings).as_dict()
    except (KeyError, TypeError, UsageError):
        return ""
    return command_for(settings, {name: Settings(**values).as_dict() for name, values in PRESETS.items()})
