"""`hellodl train`: learn from a data set, show how it goes, save the model."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from hellodl.cli.common import say
from hellodl.cli.help import Command
from hellodl.cli.signals import stop_on_signals
from hellodl.cli.train_log import log_file
from hellodl.cli.train_options import run_options, setting_options
from hellodl.cli.train_view import JsonView, View
from hellodl.errors import Interrupted
from hellodl.training.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hellodl.training.loop import EpochRecord
    from hellodl.training.run import DoneRecord

    Record: TypeAlias = EpochRecord | DoneRecord


@click.command(
    cls=Command,
    examples=(
        ("train", "98 % on MNIST, in about a second"),
        ("train --preset best -o best.safetensors", "the most this network can do"),
        ("train --resume hellodl.safetensors --epochs 6", "go on, to six epochs in all"),
    ),
)
@setting_options
@run_options
def train(preset: str | None, log: Path | None, *, as_json: bool, quiet: bool, **given: Any) -> None:
    """Train the 784→128→64→10 network, on MNIST unless told otherwise.

    A preset is a set of values for the other options; options given override it.
    hill: the chapter's plain hill descent. fast: 98 % in about a second.
    good: 99 % in ten. best: the most this small network can do, in two minutes.
    """
    from hellodl.training import run as training

    settings, of_run = _sorted_out(given)
    told = training.choose_settings(preset, settings, given["resume"])
    of_run["output"] = output = given["output"] or given["resume"] or Path("hellodl.safetensors")
    with stop_on_signals() as stop, log_file(log, output, append=bool(given["resume"])) as log_to:
        view = JsonView() if as_json else View(quiet=quiet, stopped=stop.requested)
        run = training.Run(
            **of_run,
            progress=view.progress,
            watch=view.watch,
            should_stop=stop.requested,
            tell=partial(say, quiet=quiet or as_json),
        )
        try:
            _follow(training.train(told, run), view.show, log_to)
        except Interrupted as error:
            error.exit_code = stop.exit_code
            raise
        finally:
            view.close()


def _sorted_out(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings among the options, those that were given, and all others."""
    names = {field.name for field in fields(Settings)}
    settings = {name: value for name, value in given.items() if name in names and value is not None}
    return settings, {name: value for name, value in given.items() if name not in names}


def _follow(run: Generator[Record], *listeners: Callable[[Record], None]) -> None:
    """Hand each record of a run to the listeners; the run ends with this, whatever happens."""
    with closing(run) as records:
        for record in records:
            for listener in listeners:
                listener(record)
