"""`hellodl train`: learn from a data set, show how it goes, save the model."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from hellodl.cli import common
from hellodl.cli.signals import stop_on_signals
from hellodl.cli.train_log import log_file
from hellodl.cli.train_options import run_options, setting_options
from hellodl.cli.train_view import View
from hellodl.errors import Interrupted
from hellodl.training.settings import Settings


@common.command(
    ("train", "98 % on MNIST, in about a second"),
    ("train --preset best -o best.safetensors", "the most this network can do"),
    ("train --resume hellodl.safetensors --epochs 6", "go on, to six epochs in all"),
)
@setting_options
@run_options
def train(preset: str | None, log: Path | None, *, as_json: bool, quiet: bool, **given: Any) -> None:
    """Train the 784→128→64→10 network, on MNIST unless told otherwise.

    A preset is a set of values for the other options; options given override it.
    hill: the chapter's plain hill descent. fast: 98 % in about a second.
    good: 99 % in ten. best: the most this small network can do, in some minutes.
    """
    from hellodl.training import run as training

    settings, of_run = _sorted_out(given)
    told = training.choose_settings(preset, settings, given["resume"])
    of_run["output"] = output = given["output"] or given["resume"] or Path("hellodl.safetensors")
    talk = common.Talk(as_json, quiet or as_json)
    with stop_on_signals() as stop, log_file(log, output, append=bool(given["resume"])) as log_to:
        view = View(talk, stop.requested)
        run = training.Run(
            **of_run, progress=view.progress, watch=view.watch, should_stop=stop.requested, tell=talk.say
        )
        try:
            with closing(training.train(told, run)) as records:  # the run ends with this, whatever happens
                for record in records:
                    view.show(record)
                    log_to(record)
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
