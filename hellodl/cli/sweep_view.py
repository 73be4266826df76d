"""How `hellodl sweep` looks: a table that fills as trainings end, or their records as JSON."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import console, print_json, say
from hellodl.cli.words import as_typed, counted, percent, printable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from rich.table import Table

    from hellodl.sweep.ranking import Row
    from hellodl.sweep.run import Standing
    from hellodl.sweep.trial import Trial

BAR = 24  # characters of the column that shows intervals
MOST_LIVE = 15  # rows of the table while it fills


def named(varied: dict[str, Any]) -> str:
    """What varies, in words: lr 0.1, batch-size 64."""
    return ", ".join(f"{name.replace('_', '-')} {value_text(value)}" for name, value in varied.items())


def value_text(value: Any) -> str:
    """A setting's value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


class JsonView:
    """Records on stdout, a line each; the last is the ranking."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, standing: Standing) -> None:
        """Nothing to say yet."""

    def show(self, standing: Standing, trial: Trial) -> None:
        """Print a training's record."""
        print_json({"event": "trial", "done": standing.done, **asdict(trial)})

    def finish(self, standing: Standing, rows: list[Row], command: str | None) -> None:
        """Print the ranking."""
        ranking = [asdict(row) for row in rows]
        print_json({"event": "done", "trainings": standing.done, "ranking": ranking, "command": command})

    def drawn(self, picture: Path) -> None:
        """Nothing to say."""


class View:
    """The ranking on stdout at the end; until then it fills on a terminal, or each end is a remark."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._started, self._at_start = time.monotonic(), 0

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True, highlight=False), transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, standing: Standing) -> None:
        """Say how much there is to do."""
        self._at_start = standing.done
        before = f", {standing.done:,} of them done before" if standing.done else ""
        say(
            f"{counted(len(standing.sweep.points), 'combination')}, "
            f"{counted(standing.sweep.trainings, 'training')}{before}",
            quiet=self._quiet,
        )

    def show(self, standing: Standing, trial: Trial) -> None:
        """Another training has ended."""
        if self._live is not None:
            table = ranking(standing.rows()[:MOST_LIVE], wide=self._live.console.width)
            table.caption = f"{standing.done:,} of {standing.sweep.trainings:,}, {self._left(standing)} left"
            self._live.update(table)
            return
        accuracy = trial.validation_accuracy
        what = trial.error if accuracy is None else percent(accuracy)
        point = next(p for p in standing.sweep.points if _fits(p.settings.as_dict(), trial.settings))
        place = f"{standing.done}/{standing.sweep.trainings}"
        words = ", ".join(filter(None, [named(point.varied), f"seed {trial.settings['seed']}"]))
        say(f"{place}  {words}: {what}", quiet=self._quiet)

    def _left(self, standing: Standing) -> str:
        done = standing.done - self._at_start
        seconds = (time.monotonic() - self._started) / done * (standing.sweep.trainings - standing.done)
        return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"

    def finish(self, standing: Standing, rows: list[Row], command: str | None) -> None:
        """The ranking, and how to repeat the best."""
        out = console()
        out.print(ranking(rows, wide=out.width))
        for row in rows:
            for why in dict.fromkeys(row.failed):
                click.echo(f"{printable(named(row.varied))}: {printable(why)}")
        if command:
            first = standing.sweep.seeds[0]
            click.echo(f"\nthe best again, with seed {first}:\n  {as_typed(f'`{command}`')[1:-1]}")

    def drawn(self, picture: Path) -> None:
        """Say where the picture is."""
        say(f"plot: {picture}", quiet=self._quiet)


def _fits(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(_plain(one[name]) == _plain(other[name]) for name in one if name != "seed")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def ranking(rows: list[Row], wide: int) -> Table:
    """The table: what varied, mean accuracy, its interval as numbers and as a picture, seeds, time."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    varied = list(rows[0].varied) if rows else []
    for name in varied:
        table.add_column(name.replace("_", "-"), justify="right")
    table.add_column("accuracy", justify="right", style="bold green")
    table.add_column("95 % interval", justify="right")
    bars = _bars(rows) if wide >= 40 + 12 * len(varied) + BAR else None
    if bars:
        table.add_column("", style="cyan", no_wrap=True)
    table.add_column("seeds", justify="right")
    table.add_column("seconds", justify="right", style="dim")
    for i, row in enumerate(rows):
        cells = [value_text(row.varied[name]) for name in varied]
        low, high = (f"{100 * end:.2f}" for end in row.interval)
        cells += [percent(row.mean), f"{low}–{high}"] if row.accuracies else ["–", "failed"]
        cells += [bars[i]] if bars else []
        seeds = str(len(row.accuracies)) + (f" of {len(row.accuracies) + len(row.failed)}" * bool(row.failed))
        table.add_row(*map(Text, (*cells, seeds, f"{row.seconds:.2f}")))
    return table


def _bars(rows: list[Row]) -> list[str]:
    """Each row's interval on one scale: ├──●──┤, cut off where it is far wider than the means differ."""
    means = [row.mean for row in rows if row.accuracies]
    if not means:
        return [""] * len(rows)
    widest = max(max(means) - min(means), 1e-3)
    low, high = min(means) - widest / 2, min(1.0, max(means) + widest / 2)

    def column(value: float) -> int:
        return round((BAR - 1) * min(max((value - low) / (high - low), 0), 1))

    bars = []
    for row in rows:
        cells = [" "] * BAR
        if row.accuracies:
            start, end = map(column, row.interval)
            cells[start : end + 1] = ["├", *"─" * (end - start - 1), "┤"][: end - start + 1]
            cells[column(row.mean)] = "●"
        bars.append("".join(cells))
    return bars
