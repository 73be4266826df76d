"""How `hellodl train` looks: records as JSON, or a row an epoch with a bar that moves while it runs."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from hellodl.cli.common import print_json
from hellodl.cli.words import counted, percent, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hellodl.training.loop import EpochRecord, Rows, Trainer
    from hellodl.training.run import DoneRecord

    Record: TypeAlias = EpochRecord | DoneRecord

_PROCESS_STARTED = time.perf_counter()  # as nearly as can be told: this file is imported first thing


def as_fields(record: Record) -> dict[str, Any]:
    """A record as it goes to --json and --log."""
    fields = asdict(record)
    if "epoch" in fields:
        return {"event": "epoch", **fields}
    del fields["validation_accuracy"]  # the last epoch's record has it
    return {"event": "done", **fields, "seconds": _seconds_in_all()}


def _seconds_in_all() -> float:
    return time.perf_counter() - _PROCESS_STARTED


class JsonView:
    """Records on stdout, a line each."""

    def progress(self, _trainer: Trainer, batches: Iterable[Rows]) -> Iterable[Rows]:
        """The batches, nothing shown."""
        return batches

    def show(self, record: Record) -> None:
        """Print a record."""
        print_json(as_fields(record))

    def close(self) -> None:
        """Nothing to tidy up."""


class View:
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
        """A row for an epoch, the summary for the end."""
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
