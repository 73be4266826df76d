"""What is seen while a network learns: where the run stands, loss and accuracy as curves that grow."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from hellodl.cli.chart import chart
from hellodl.cli.live import has_blocks
from hellodl.cli.words import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hellodl.cli.chart import Point
    from hellodl.training.loop import EpochRecord, Trainer

_HEIGHT = 5  # lines of a chart
_GAP = 2  # columns between two charts
_SCALE = 8  # columns for the ends of a scale
WIDEST = 100  # columns: wider charts of so few lines show no more
_MOST_POINTS = 1000  # of a curve; then every second one goes
_NARROW = 1.2  # the least ratio between the ends of a scale
_SMALLEST = 1e-4  # loss and share of errors shown; a logarithm knows no 0
_LEARNING, _HELD_OUT = "cyan", "green"


@dataclass
class Course:
    """What has happened so far in a run of `steps` steps."""

    trainer: Trainer
    started: float = field(default_factory=time.perf_counter)
    losses: list[Point] = field(default_factory=list)  # (step, mean loss since the point before)
    held_out: list[tuple[int, float, float]] = field(default_factory=list)  # (step, loss, accuracy)
    _last: tuple[int, float] = (0, 0.0)  # step and sum of losses at the last point

    def __post_init__(self) -> None:
        self.first = self.trainer.step
        self._last = self.first, self.trainer.loss_sum

    def note_step(self) -> None:
        """Add a point to the curve of the loss."""
        (step, total), trainer = self._last, self.trainer
        if trainer.step > step:
            self.losses.append((trainer.step, (trainer.loss_sum - total) / (trainer.step - step)))
            self._last = trainer.step, trainer.loss_sum
        if len(self.losses) > _MOST_POINTS:
            self.losses = self.losses[::2]

    def note_epoch(self, record: EpochRecord) -> None:
        """Add an epoch's end: the sum of losses begins anew there."""
        self._last = self.trainer.step, 0.0
        if record.validation_loss is not None and record.validation_accuracy is not None:
            self.held_out.append((self.trainer.step, record.validation_loss, record.validation_accuracy))

    def lines(self, columns: int, rows: int) -> list[str]:
        """All there is to see, in a terminal of this size: the charts only where there is room."""
        width = min(columns - 1, WIDEST)
        lines = [self._progress(width)]
        if rows > _HEIGHT + 3:
            lines += self.charts(width)
        return lines

    def charts(self, width: int) -> list[str]:
        """Loss and accuracy beside each other; the loss alone where nothing is held out."""
        if not self.held_out:
            return self._loss_chart(width)
        half = (width - _GAP) // 2
        left, right = self._loss_chart(half), self._accuracy_chart(half)
        return [a + " " * _GAP + b for a, b in zip(left, right, strict=True)]

    def _progress(self, width: int) -> str:
        """Epoch, bar, images a second and time left, as far as there is room for them."""
        trainer = self.trainer
        done, elapsed = trainer.step - self.first, time.perf_counter() - self.started
        share = trainer.step / trainer.steps
        left = _clock(elapsed / done * (trainer.steps - trainer.step)) if done else "–:––"
        speed = f"{done * trainer.plan.batch_size / elapsed:,.0f} images/s" if done else ""
        epoch = f"epoch {min(trainer.epoch + 1, trainer.settings.epochs)}/{trainer.settings.epochs}"
        words = [f"{int(100 * share):3d} %", f"{left} left", *([speed] if speed else [])]
        while len(words) > 1 and len(epoch) + sum(len(word) + _GAP for word in words) + _HEIGHT > width:
            words.pop()
        room = width - len(epoch) - sum(len(word) + _GAP for word in words) - _GAP
        full, empty = "━─" if has_blocks(sys.stderr) else "=-"
        length = round(share * room)
        bar = click.style(full * length, fg=_HELD_OUT) + click.style(empty * (room - length), dim=True)
        return "  ".join([epoch, bar, *words])

    def _loss_chart(self, width: int) -> list[str]:
        curves: list[list[Point]] = [self.losses, [(step, loss) for step, loss, _ in self.held_out]]
        now = f"{self.losses[-1][1]:.4f}" if self.losses else ""
        titles = [f"loss {now}"]
        if self.held_out:
            held_out = f"{self.held_out[-1][1]:.4f}"
            titles = [f"loss {now}, held out {held_out}", *titles]
        return self._chart(titles, curves, width, lambda v: v, lambda v: f"{v:.3g}")

    def _accuracy_chart(self, width: int) -> list[str]:
        """Errors on a logarithmic scale, upside down: 99 % is as far from 90 % as that is from 0."""
        accuracies = [accuracy for *_, accuracy in self.held_out]
        best = max(accuracies)
        epoch = self.trainer.epoch - len(accuracies) + accuracies.index(best) + 1
        titles = [
            f"accuracy {percent(accuracies[-1])}, best {percent(best)} in epoch {epoch}",
            f"accuracy {percent(accuracies[-1])}, best {percent(best)}",
            f"accuracy, best {percent(best)}",
            f"best {percent(best)}",
        ]
        errors = [(step, 1 - accuracy) for step, _, accuracy in self.held_out]
        return self._chart(titles, [[], errors], width, lambda v: 1 / v, lambda v: percent(1 - v))

    def _chart(
        self,
        titles: Sequence[str],
        curves: Sequence[Sequence[Point]],
        width: int,
        upwards: Callable[[float], float],
        label: Callable[[float], str],
    ) -> list[str]:
        """A title and a chart on a logarithmic scale, whose ends are written at its right."""
        values = [max(value, _SMALLEST) for curve in curves for _, value in curve] or [1.0]
        ends = sorted((min(values), max(*values, _NARROW * min(values))), key=upwards)
        bottom, top = (math.log(end) for end in ends)

        def place(step: float, value: float) -> Point:
            height = (math.log(max(value, _SMALLEST)) - bottom) / (top - bottom)
            return step / self.trainer.steps, height

        scaled = [[place(*point) for point in curve] for curve in curves]
        unicode = has_blocks(sys.stderr)
        drawn = chart(scaled, (_LEARNING, _HELD_OUT), width - _SCALE, _HEIGHT, unicode=unicode)
        labels = [label(ends[1]), *[""] * (_HEIGHT - 2), label(ends[0])]
        title = next((title for title in titles if len(title) <= width), titles[-1][:width])
        rows = [a + click.style(f"{b:>{_SCALE}}", dim=True) for a, b in zip(drawn, labels, strict=True)]
        return [f"{title:<{width}}", *rows]


def _clock(seconds: float) -> str:
    """A time left: 0:07, 12:34, 3:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
