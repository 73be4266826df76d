"""How `hellodl train` looks: records as JSON, or a row an epoch with curves that grow while it runs."""

import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, TypeAlias

import click

from hellodl.checkpoint import DEFAULT_NAME
from hellodl.cli.common import Talk, print_json, say
from hellodl.cli.train_display import Block, Course, is_lively
from hellodl.cli.words import command_name, counted, percent
from hellodl.training.batches import Batch
from hellodl.training.loop import EpochRecord, Trainer
from hellodl.training.run import DoneRecord

Record: TypeAlias = EpochRecord | DoneRecord

_HEADING = "  epoch     loss  held out  accuracy  seconds"
_REDRAWN = 0.2  # seconds: a drawing takes 3 ms, so that watching costs less than 2 % of the time


class View:
    """A row for each epoch on stdout; on a terminal, below them, where the run stands and its curves.

    With --json a record for each, and nothing else.
    """

    def __init__(self, talk: Talk, stopped: Callable[[], bool], started: float) -> None:
        self._talk, self._started = talk, started
        self._lively = not talk.quiet and is_lively()
        if self._lively:
            import tqdm  # noqa: F401 - takes 30 ms, in which the first step would wait
        self.block = Block(stopped)
        self._course: Course | None = None
        self._drawn = 0.0  # when the block was last drawn
        self._rows = 0

    def progress(self, trainer: Trainer, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches; what is seen moves along with them."""
        if self._course is None:
            self._course = Course(trainer)
            self._talk.say(_introduction(trainer), prose=True)
        if not self._lively:
            yield from batches
            return
        for batch in batches:
            yield batch
            if (now := time.perf_counter()) - self._drawn > _REDRAWN:
                self._drawn = now
                self._course.note_step()
                self.block.draw(self._course.lines(*shutil.get_terminal_size()))
        self._course.note_step()  # the loss of an epoch's last steps

    def show(self, record: Record) -> None:
        """A row for an epoch, the summary for the end."""
        if self._talk.as_json:
            print_json(self.as_fields(record))
            return
        self.block.clear()
        if isinstance(record, EpochRecord):
            self._show_row(record)
        else:
            self._show_summary(record)

    def as_fields(self, record: Record) -> dict[str, Any]:
        """A record as it goes to --json and --log."""
        fields = asdict(record)
        if isinstance(record, EpochRecord):
            return {"event": "epoch", **fields}
        del fields["validation_accuracy"], fields["earlier"]  # the last epoch's record has it; stderr tells
        return {"event": "done", **fields, "seconds": time.perf_counter() - self._started}

    def _show_row(self, record: EpochRecord) -> None:
        if self._talk.quiet:
            return
        if self._course is not None:
            self._course.note_epoch(record)
        loss, accuracy = record.validation_loss, record.validation_accuracy
        cells = (
            click.style(f"{f'{record.epoch}/{record.epochs}':>7}", fg="cyan"),
            f"{record.loss:7.4f}",
            f"{'–' if loss is None else f'{loss:.4f}':>8}",
            click.style(f"{'–' if accuracy is None else percent(accuracy):>8}", fg="green"),
            f"{record.seconds:7.2f}",
        )
        if not self._rows:
            click.echo(_HEADING)
        self._rows += 1
        click.echo("  ".join(cells))

    def _show_summary(self, record: DoneRecord) -> None:
        if self._lively and self._course is not None and self._rows > 1:
            charts = self._course.charts(shutil.get_terminal_size().columns)
            click.echo("\n" + "\n".join(charts), err=True)
        accuracies = f"test accuracy {click.style(percent(record.test_accuracy), bold=True)}"
        if record.validation_accuracy is not None:
            accuracies = f"validation accuracy {percent(record.validation_accuracy)}, {accuracies}"
        if self._talk.quiet:
            click.echo(accuracies)
            return
        epochs, steps = counted(record.epochs, "epoch"), counted(record.steps, "step")
        in_all = time.perf_counter() - self._started
        span = "in all" if in_all >= record.train_seconds else "this time"  # a resumed run took time before
        seconds = f"{record.train_seconds:.2f} s ({in_all:.2f} s {span}"
        head = "\n" if self._rows else "nothing was left to do: "
        click.echo(
            f"{head}{accuracies}\n{epochs}, {steps} in {seconds}, {counted(record.threads, 'processor')})"
        )
        flag = "" if record.model == DEFAULT_NAME else f" -m {shlex.quote(record.model)}"
        say(f"saved as {record.model}")
        if record.earlier:
            better = "better " * (record.earlier.test_accuracy > record.test_accuracy)
            accuracy = percent(record.earlier.test_accuracy)
            say(f"the {better}model that was there, {accuracy}, is kept as {record.earlier.path}")
        say(f"next: {command_name()} evaluate{flag}")
        say(f"      {command_name()} predict{flag} image.png")


def _introduction(trainer: Trainer) -> str:
    settings, images = trainer.settings, len(trainer.data.labels)
    name = " and ".join(filter(None, (settings.dataset, settings.also)))
    parts = [
        f"{name}: {images - settings.validation:,} images, {settings.validation:,} held out",
        f"network {'→'.join(map(str, (784, *settings.hidden, 10)))}",
        f"{counted(settings.epochs, 'epoch')} of {counted(trainer.plan.steps_per_epoch, 'step')}",
        f"batches of {trainer.plan.batch_size}",
        f"{settings.optimizer}, learning rate {settings.lr:g} {settings.schedule}",
        f"momentum {settings.momentum:g}" if settings.momentum else "",
        f"{settings.drawn:,} pictures in other hands an epoch" if settings.drawn else "",
        "turned upright" if settings.upright == "yes" else "",
        f"distorted: {settings.augment}" if settings.augment != "none" else "",
        f"seed {settings.seed}",
        counted(trainer.processes, "processor"),
    ]
    return "; ".join(part for part in parts if part)
