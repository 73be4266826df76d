"""How `hellodl sweep` looks: a table that fills as trainings end, or their records as JSON."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import Talk, console, print_json
from hellodl.cli.words import as_typed, counted, percent, printable
from hellodl.training.settings import as_option

if TYPE_CHECKING:
    from typing import Self

    from rich.table import Table

    from hellodl.sweep.ranking import Row
    from hellodl.sweep.run import Standing
    from hellodl.sweep.trial import Trial

_MOST_LIVE = 15  # rows of the table while it fills


def named(varied: dict[str, Any]) -> str:
    """What varies, in words: lr 0.1, batch-size 64."""
    return ", ".join(f"{name.replace('_', '-')} {as_option(value)}" for name, value in varied.items())


class View:
    """The ranking on stdout at the end; until then it fills on a terminal, or each end is a remark.

    With --json a record for each training and one for the ranking.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._live: Any = None
        self._started, self._at_start = time.monotonic(), 0

    def __enter__(self) -> Self:
        if not self.talk.quiet and sys.stderr.isatty():
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
        combinations = counted(len(standing.sweep.points), "combination")
        self.talk.say(f"{combinations}, {counted(standing.sweep.trainings, 'training')}{before}")

    def show(self, standing: Standing, trial: Trial) -> None:
        """Another training has ended."""
        if self.talk.as_json:
            print_json({"event": "trial", "done": standing.done, **asdict(trial)})
            return
        if self._live is not None:
            table = _ranking(standing.rows()[:_MOST_LIVE])
            table.caption = f"{standing.done:,} of {standing.sweep.trainings:,}, {self._left(standing)} left"
            self._live.update(table)
            return
        accuracy = trial.validation_accuracy
        what = trial.error if accuracy is None else percent(accuracy)
        varied = {name: trial.settings[name] for name in standing.sweep.points[0].varied}
        place = f"{standing.done}/{standing.sweep.trainings}"
        words = ", ".join(filter(None, [named(varied), f"seed {trial.settings['seed']}"]))
        self.talk.say(f"{place}  {words}: {what}")

    def _left(self, standing: Standing) -> str:
        done = standing.done - self._at_start
        seconds = (time.monotonic() - self._started) / done * (standing.sweep.trainings - standing.done)
        return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"

    def finish(self, standing: Standing, rows: list[Row], command: str | None) -> None:
        """The ranking, and how to repeat the best."""
        if self.talk.as_json:
            records = [asdict(row) for row in rows]
            print_json({"event": "done", "trainings": standing.done, "ranking": records, "command": command})
            return
        console().print(_ranking(rows))
        for row in rows:
            for why in dict.fromkeys(row.failed):
                click.echo(f"{printable(named(row.varied))}: {printable(why)}")
        if command:
            first = standing.sweep.seeds[0]
            click.echo(f"\nthe best again, with seed {first}:\n  {as_typed(f'`{command}`')[1:-1]}")


def _ranking(rows: list[Row]) -> Table:
    """The table: what varied, mean accuracy, its interval, seeds, time."""
    from rich.text import Text

    from hellodl.cli.terminal import plain_table

    varied = list(rows[0].varied) if rows else []
    names = (name.replace("_", "-") for name in varied)
    table = plain_table(*names, "accuracy", "95 % interval", "seeds", "seconds")
    table.columns[len(varied)].style = "bold green"
    for row in rows:
        cells = [as_option(row.varied[name]) for name in varied]
        low, high = (f"{100 * end:.2f}" for end in row.interval)
        cells += [percent(row.mean), f"{low}–{high}"] if row.accuracies else ["–", "failed"]
        seeds = str(len(row.accuracies)) + (f" of {len(row.accuracies) + len(row.failed)}" * bool(row.failed))
        table.add_row(*map(Text, (*cells, seeds, f"{row.seconds:.2f}")))
    return table
