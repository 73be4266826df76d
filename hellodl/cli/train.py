"""`hellodl train`: learn from a data set, show how it goes, save the model."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from hellodl.cli.common import DATASETS, FILE, data_dir_option, json_option, options, quiet_option
from hellodl.cli.help import Command
from hellodl.cli.signals import stop_on_signals
from hellodl.cli.train_log import log_file
from hellodl.cli.train_view import JsonView, View
from hellodl.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hellodl.training.loop import EpochRecord
    from hellodl.training.run import DoneRecord

    Record: TypeAlias = EpochRecord | DoneRecord


class Widths(click.ParamType[tuple[int, ...]]):
    """Layer widths like 128,64."""

    name = "N,N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Whole numbers between commas."""
        try:
            return tuple(int(width) for width in value.split(",")) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is no list of widths, expected something like 128,64", param, ctx)


class Threads(click.ParamType[Any]):
    """A number of threads, or auto."""

    name = "auto|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        """None stands for auto."""
        if value == "auto":
            return None
        if str(value).isdecimal() and 0 < int(value) <= 1024:
            return int(value)
        return self.fail(f"{value!r} is no number of threads, expected auto or a number from 1", param, ctx)


setting_options = options(
    click.option(
        "--preset",
        type=click.Choice(["hill", "fast", "best"]),
        help="Values for the settings below.  [default: fast]",
    ),
    click.option(
        "--dataset",
        type=click.Choice(DATASETS),
        help="What to learn from.  [default: mnist]",
    ),
    click.option("--epochs", type=int, help="How often to go through the training set."),
    click.option("--batch-size", type=int, help="Images a step."),
    click.option("--lr", type=float, help="Learning rate: how far a step goes down the hill."),
    click.option(
        "--momentum", type=float, help="How much of the last step is kept (Nesterov); 0 is plain descent."
    ),
    click.option(
        "--schedule", type=click.Choice(["constant", "linear", "cosine"]), help="How the learning rate falls."
    ),
    click.option("--warmup", type=float, help="Share of the run in which the learning rate rises from 0."),
    click.option("--optimizer", type=click.Choice(["sgd", "adam"]), help="The rule that moves the weights."),
    click.option("--weight-decay", type=float, help="Pulls the weights towards 0."),
    click.option(
        "--average", type=float, help="Use a running average of the weights with this decay a step."
    ),
    click.option(
        "--augment",
        type=click.Choice(["none", "shift", "affine", "elastic"]),
        help="Distort the training images at random.",
    ),
    click.option(
        "--drawn", type=int, help="Pictures by a random pen that join each epoch, to read real ones."
    ),
    click.option("--hidden", type=Widths(), help="Widths of the hidden layers.  [default: 128,64]"),
    click.option(
        "--validation",
        type=int,
        help="Images held out of the training set; 0 trains on all.  [default: 5000]",
    ),
    click.option("--seed", type=int, help="Where all random numbers come from.  [default: 0]"),
    click.option(
        "--target-accuracy", type=float, help="Stop once the validation accuracy reaches this, like 0.98."
    ),
)


@click.command(
    cls=Command,
    examples=(
        ("train", "98 % on MNIST, in about a second"),
        ("train --preset best -o best.safetensors", "the most this network can do"),
        ("train --resume hellodl.safetensors --epochs 6", "go on, to six epochs in all"),
    ),
)
@click.option("-o", "--output", type=FILE, help="Where the model goes.  [default: hellodl.safetensors]")
@setting_options
@click.option(
    "--threads",
    type=Threads(),
    default="auto",
    show_default=True,
    help="Processors to use; more than 2 are not.",
)
@data_dir_option
@click.option("--resume", type=FILE, help="Go on where this checkpoint stands, with its settings.")
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How often the run is saved.",
)
@click.option("--log", type=FILE, help="Write each record to this file too, as JSON lines.")
@click.option("--force", is_flag=True, help="Replace a file that holds another network, or no model at all.")
@json_option
@quiet_option
def train(
    output: Path | None,
    preset: str | None,
    threads: int | None,
    data_dir: Path | None,
    resume: Path | None,
    checkpoint_every: float,
    log: Path | None,
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train the 784→128→64→10 network, on MNIST unless told otherwise.

    A preset is a set of values for the other options; options given override it.
    hill: the chapter's plain hill descent. fast: 98 % in about a second.
    best: the most this small network can do, in a minute or two.
    """
    from hellodl.training import run as training

    given = {name: value for name, value in given.items() if value is not None}
    settings = training.choose_settings(preset, given, resume)
    output = output or resume or Path("hellodl.safetensors")
    with stop_on_signals() as stop, log_file(log, output, append=resume is not None) as log_to:
        view = JsonView() if as_json else View(quiet=quiet, stopped=stop.requested)
        run = training.Run(
            output=output,
            data_dir=data_dir,
            resume=resume,
            force=force,
            threads=threads,
            checkpoint_every=checkpoint_every,
            progress=view.progress,
            should_stop=stop.requested,
        )
        try:
            _follow(training.train(settings, run), view.show, log_to)
        except Interrupted as error:
            error.exit_code = stop.exit_code
            raise
        finally:
            view.close()


def _follow(run: Generator[Record], *listeners: Callable[[Record], None]) -> None:
    """Hand each record of a run to the listeners; the run ends with this, whatever happens."""
    with closing(run) as records:
        for record in records:
            for listener in listeners:
                listener(record)
