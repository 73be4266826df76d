"""What is seen while a network learns: where the run stands, loss and accuracy as curves that grow."""

import math
import os
import stat
import sys
import textwrap
import time
from collections.abc import Callable, Sequence

import click

from hellodl.cli.chart import Curve, Point, chart
from hellodl.cli.words import percent
from hellodl.training.loop import EpochRecord, Trainer

_HEIGHT = 5  # lines of a chart
_GAP = 1  # column between two charts
_SCALE = 12  # columns for the ends of a scale
_WIDEST = 100  # columns: wider charts of so few lines show no more
_MOST_POINTS = 1000  # of a curve; then every second one goes
_NARROW = math.log(1.2)  # the least height of a scale
_SMALLEST = 1e-4  # loss and share of errors shown; a logarithm knows no 0
_LEARNING, _HELD_OUT = "cyan", "green"
_MARKED = {"── loss": _LEARNING, "- - held out": _HELD_OUT, "- - accuracy": _HELD_OUT}  # the names of curves
_UP, _ERASE = "\x1b[{}A", "\r\x1b[J"  # cursor up so many lines; to column 0, erase from here to the end


class Course:
    """What has happened so far in a run."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.started, self.first = time.perf_counter(), trainer.step
        self.losses: list[Point] = []  # (step, mean loss since the point before)
        self.held_out: list[tuple[int, float, float]] = []  # (step, loss, accuracy)
        self._last = trainer.step, trainer.loss_sum  # at the last point
        self._loss = math.nan  # what is said of it: at the last point, or over the epoch that ended

    def note_step(self) -> None:
        """Add a point to the curve of the loss."""
        (step, total), trainer = self._last, self.trainer
        if trainer.step > step:
            self._loss = (trainer.loss_sum - total) / (trainer.step - step)
            self.losses.append((trainer.step, self._loss))
            self._last = trainer.step, trainer.loss_sum
        if len(self.losses) > _MOST_POINTS:
            self.losses = self.losses[::2]

    def note_epoch(self, record: EpochRecord) -> None:
        """Add an epoch's end: the sum of losses begins anew there."""
        self._last, self._loss = (self.trainer.step, 0.0), record.loss
        if record.validation_loss is not None and record.validation_accuracy is not None:
            self.held_out.append((self.trainer.step, record.validation_loss, record.validation_accuracy))

    def lines(self, columns: int, rows: int) -> list[str]:
        """All there is to see, in a terminal of this size: the charts only where there is room."""
        return [self._progress(columns - 1), *(self.charts(columns) if rows > _HEIGHT + 3 else [])]

    def charts(self, columns: int) -> list[str]:
        """Loss and accuracy beside each other; the loss alone where nothing is held out."""
        width = min(columns - 1, _WIDEST)
        if not self.held_out:
            return self._loss_chart(width)
        half = (width - _GAP) // 2
        left, right = self._loss_chart(half), self._accuracy_chart(half)
        return [a + " " * _GAP + b for a, b in zip(left, right, strict=True)]

    def _progress(self, columns: int) -> str:
        """Epoch, bar, time left, images a second."""
        from tqdm import tqdm

        trainer, images = self.trainer, self.trainer.plan.batch_size
        return tqdm.format_meter(
            trainer.step * images,
            trainer.plan.steps * images,
            time.perf_counter() - self.started,
            min(columns, _WIDEST),
            f"epoch {min(trainer.epoch + 1, trainer.settings.epochs)}/{trainer.settings.epochs}",
            ascii="─━",
            unit=" images",
            unit_scale=True,
            bar_format="{desc}  {bar}  {percentage:3.0f} %  {remaining} left  {rate_noinv_fmt}",
            initial=self.first * images,
            colour=_HELD_OUT,
        )

    def _loss_chart(self, width: int) -> list[str]:
        held_out = [(step, loss) for step, loss, _ in self.held_out]
        title = f"── loss {self._loss:.4f}" + (f", - - held out {held_out[-1][1]:.4f}" if held_out else "")
        curves = [[(step, _log(loss)) for step, loss in curve] for curve in (self.losses, held_out)]
        return self._chart(title, curves, width, lambda height: f"loss {math.exp(height):.3g}")

    def _accuracy_chart(self, width: int) -> list[str]:
        """Errors on a logarithmic scale, upside down: 99 % is as far from 90 % as that is from 0."""
        accuracies = [accuracy for *_, accuracy in self.held_out]
        best = max(accuracies)
        epoch = self.trainer.epoch - len(accuracies) + accuracies.index(best) + 1
        title = f"- - accuracy, best {percent(best)} in epoch {epoch}"
        curve = [(step, -_log(1 - accuracy)) for step, _, accuracy in self.held_out]
        return self._chart(title, [[], curve], width, lambda height: percent(1 - math.exp(-height)))

    def _chart(
        self, title: str, curves: Sequence[Curve], width: int, label: Callable[[float], str]
    ) -> list[str]:
        """A title, and below it curves of (step, height); the scale's ends stand at the right."""
        heights = [height for curve in curves for _, height in curve] or [0.0]
        bottom = min(heights)
        top = max(*heights, bottom + _NARROW)
        placed = [
            [(step / self.trainer.plan.steps, (height - bottom) / (top - bottom)) for step, height in curve]
            for curve in curves
        ]
        coloured = zip(placed, (_LEARNING, _HELD_OUT), strict=True)
        drawn = chart(coloured, width - _SCALE, _HEIGHT, _HELD_OUT)
        labels = [label(top), *[""] * (_HEIGHT - 2), label(bottom)]
        rows = [a + click.style(f"{b:>{_SCALE}}", dim=True) for a, b in zip(drawn, labels, strict=True)]
        heading = f"{textwrap.shorten(title, width, placeholder=''):<{width}}"  # whole words of it
        for name, colour in _MARKED.items():
            heading = heading.replace(name, click.style(name, fg=colour))
        return [heading, *rows]


def _log(value: float) -> float:
    return math.log(max(value, _SMALLEST))


def is_lively() -> bool:
    """Whether something may move on stderr: on a terminal that knows how, with nobody else writing there.

    Behind a pipe from stdout may be a `tee`, which writes to the same terminal when it likes.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    return sys.stdout.isatty() or not stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)


class Block:
    """Lines on stderr. The cursor rests behind the last one, so that what others say begins below.

    Once `left()` somebody has: then the lines stand.
    """

    def __init__(self, left: Callable[[], bool]) -> None:
        self._left, self._height = left, 0

    def draw(self, lines: Sequence[str]) -> None:
        """Put these lines in the place of the last ones; none of them may be wider than the terminal."""
        if self._left():
            self._height = 0
            return
        home = _UP.format(self._height - 1) if self._height > 1 else ""
        self._height = len(lines)
        click.echo(f"{home}{_ERASE}", err=True, nl=False, color=True)
        click.echo("\n".join(lines), err=True, nl=False)

    def clear(self) -> None:
        """Take the lines away, unless somebody has left: what was said then stands below them."""
        if self._height:
            self.draw([])
