"""`hellodl train`: learn from a data set, show how it goes, save the model."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from hellodl.cli.common import (
    DATASETS,
    FILE,
    counted,
    data_dir_option,
    json_option,
    options,
    percent,
    print_json,
    printable,
    quiet_option,
)
from hellodl.errors import HellodlError, Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import FrameType

    from hellodl.training.loop import EpochRecord, Rows, Trainer
    from hellodl.training.run import DoneRecord

    Record: TypeAlias = EpochRecord | DoneRecord

_PROCESS_STARTED = time.perf_counter()  # as nearly as can be told: this file is imported first thing


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
    click.option("--label-smoothing", type=float, help="Share of each target spread over all ten digits."),
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
        "--patience",
        type=int,
        help="Stop after N epochs without a better validation accuracy; keep the best.",
    ),
    click.option(
        "--target-accuracy", type=float, help="Stop once the validation accuracy reaches this, like 0.98."
    ),
)


@click.command()
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
    view = _JsonView() if as_json else _View(quiet=quiet)
    with _stop_on_signals() as stop, _log_file(log, output, append=resume is not None) as log_to:
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


def _fields(record: Record) -> dict[str, Any]:
    """A record as it goes to --json and --log."""
    fields = asdict(record)
    if "epoch" in fields:
        return {"event": "epoch", **fields}
    del fields["validation_accuracy"]  # the last epoch's record has it
    return {"event": "done", **fields, "seconds": _seconds_in_all()}


def _seconds_in_all() -> float:
    return time.perf_counter() - _PROCESS_STARTED


class _JsonView:
    """Records on stdout, a line each."""

    def progress(self, _trainer: Trainer, batches: Iterable[Rows]) -> Iterable[Rows]:
        return batches

    def show(self, record: Record) -> None:
        print_json(_fields(record))

    def close(self) -> None:
        """Nothing to tidy up."""


class _View:
    """A row for each epoch on stdout, and on a terminal a bar on stderr while it runs."""

    HEADINGS = ("epoch", "loss", "validation loss", "accuracy", "seconds")

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._show_bar = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._shown = 0.0  # when the bar was last moved
        self._rows = 0

    def progress(self, trainer: Trainer, batches: Iterable[Rows]) -> Iterator[Rows]:
        """The batches, a bar moving along with them: loss, accuracy, and the time left of the whole run."""
        if not self._show_bar:
            yield from batches
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=trainer.steps, initial=trainer.step, unit=" steps", leave=False, dynamic_ncols=True
            )
        self._bar.set_description(f"epoch {trainer.epoch + 1}/{trainer.settings.epochs}", refresh=False)
        for rows in batches:
            yield rows
            if (now := time.perf_counter()) - self._shown > 0.1:
                self._shown = now
                values = f"loss {trainer.mean_loss:.4f}, accuracy {percent(trainer.batch_accuracy(), 1)}"
                self._bar.set_postfix_str(values, refresh=False)
                self._bar.update(trainer.step - self._bar.n)

    def show(self, record: Record) -> None:
        if self._bar is not None:
            self._bar.clear()
        from hellodl.training.loop import EpochRecord

        if isinstance(record, EpochRecord):
            self._show_row(record)
        else:
            self.close()
            self._show_summary(record)

    def _show_row(self, record: EpochRecord) -> None:
        if self._quiet:
            return
        loss, accuracy = record.validation_loss, record.validation_accuracy
        cells = (
            f"{record.epoch}/{record.epochs}",
            f"{record.loss:.4f}",
            "–" if loss is None else f"{loss:.4f}",
            "–" if accuracy is None else percent(accuracy),
            f"{record.seconds:.2f}",
        )
        self._print_row(cells)

    def _print_row(self, cells: tuple[str, ...]) -> None:
        """One row of the table; rich draws it on a terminal, elsewhere it is plain text."""
        first, self._rows = self._rows == 0, self._rows + 1
        if not sys.stdout.isatty():
            widths = [max(len(heading), 9) for heading in self.HEADINGS]
            for row in (self.HEADINGS, cells) if first else (cells,):
                click.echo("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
            return
        from rich.table import Table

        from hellodl.cli.common import console

        table = Table(box=None, show_header=first, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        for heading, style in zip(self.HEADINGS, ("cyan", "", "", "bold green", "dim"), strict=True):
            width = max(len(heading), 9)
            table.add_column(heading, justify="right", style=style, min_width=width, max_width=width)
        table.add_row(*cells)
        console().print(table)

    def _show_summary(self, record: DoneRecord) -> None:
        accuracies = f"test accuracy {click.style(percent(record.test_accuracy), bold=True)}"
        if record.validation_accuracy is not None:
            accuracies = f"validation accuracy {percent(record.validation_accuracy)}, {accuracies}"
        epochs, processors = counted(record.epochs, "epoch"), counted(record.threads, "processor")
        click.echo(f"\n{accuracies}")
        click.echo(
            f"{epochs}, {record.steps} steps in {record.train_seconds:.2f} s "
            f"({_seconds_in_all():.2f} s in all, {processors})"
        )
        click.echo(f"saved as {printable(record.model)}")
        if not self._quiet:
            flag = (
                "" if record.model == "hellodl.safetensors" else f" -m {shlex.quote(printable(record.model))}"
            )
            click.echo(f"next: hellodl evaluate{flag}\n      hellodl predict{flag} image.png")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Stop:
    """Remembers that Ctrl-C was pressed or the system asked us to end; the second time it ends at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        with suppress(OSError):  # whoever read our stderr may have had the same Ctrl-C
            os.write(2, b"\nhellodl: finishing this step and saving (again to leave at once)\n")

    def requested(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)


@contextmanager
def _stop_on_signals() -> Iterator[_Stop]:
    """Inside, Ctrl-C and SIGTERM are noted; the loop looks between steps."""
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _log_file(path: Path | None, model: Path, *, append: bool) -> Iterator[Any]:
    """A function that writes records to a file, a line each; one that does nothing without a path.

    What was in the file stays until there is a first record to write.
    """
    if path is None:
        yield lambda _record: None
        return
    if path.absolute() == model.absolute():
        raise UsageError(f"{path}: is the model's file, expected --log to name another")
    lines = 0

    def write(record: Record) -> None:
        nonlocal lines
        with _complaint_about(path):
            if not (lines or append):
                with suppress(OSError):  # a device
                    file.truncate(0)
            file.write(json.dumps(_fields(record)).encode() + b"\n")
        lines += 1

    with _complaint_about(path):
        is_new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)
    try:
        yield write
    finally:
        file.close()
        if is_new and not lines:
            path.unlink(missing_ok=True)


@contextmanager
def _complaint_about(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HellodlError(f"{path}: cannot be written: {error.strerror or error}") from None
