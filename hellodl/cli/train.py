"""`hellodl train`: learn from a data set, show how it goes, save the model."""

import time
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from hellodl.cli import common
from hellodl.cli.signals import SIGNALS
from hellodl.cli.train_options import run_options, setting_options
from hellodl.training.settings import Settings

_STARTED = time.perf_counter()  # as nearly as can be told: this file is imported first thing


@common.command(
    ("train", "98 % on MNIST, in about a second"),
    ("train --preset best -o best.safetensors", "the most this network can do"),
    ("train --resume hellodl.safetensors --epochs 6", "go on, to six epochs in all"),
)
@setting_options
@run_options
def train(preset: str | None, log: Path | None, talk: common.Talk, **given: Any) -> None:
    """Train the 784→128→64→10 network, on MNIST unless told otherwise.

    A preset is a set of values for the other options; options given override it.
    hill: the chapter's plain hill descent. fast: 98 % in about a second.
    good: 99 % in ten. best: the most this small network can do, in some minutes.
    """
    from hellodl.cli.train_log import log_file, tell_all
    from hellodl.cli.train_view import View
    from hellodl.training import run as training

    options = {field.name: given.pop(field.name) for field in fields(Settings)}  # the others are of the run
    settings = {name: value for name, value in options.items() if value is not None}
    told = training.choose_settings(preset, settings, given["resume"])
    given["output"] = given["output"] or given["resume"] or Path("hellodl.safetensors")
    talk = common.Talk(talk.as_json, talk.quiet or talk.as_json)
    with log_file(log, given, told.init) as log_to, SIGNALS.deferring():
        view = View(talk, SIGNALS.requested, _STARTED)
        tell = partial(talk.say, prose=True)
        run = training.Run(**given, progress=view.progress, should_stop=SIGNALS.requested, tell=tell)
        try:
            with closing(training.train(told, run)) as records:  # the run ends with this, whatever happens
                tell_all(records, view.show, lambda record: log_to(view.as_fields(record)))
        finally:
            view.block.clear()
