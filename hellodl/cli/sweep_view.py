"""How `hellodl sweep` looks: a line for each training that has ended, then the ranking; or both as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import console, print_json
from hellodl.cli.words import as_typed, counted, percent, printable
from hellodl.training.settings import as_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from hellodl.cli.common import Talk
    from hellodl.sweep.ranking import Row
    from hellodl.sweep.run import Standing
    from hellodl.sweep.trial import Trial


def named(varied: dict[str, Any]) -> str:
    """What varies, in words: lr 0.1, batch-size 64."""
    return ", ".join(f"{name.replace('_', '-')} {as_option(value)}" for name, value in varied.items())


def introduction(standing: Standing) -> str:
    """How much there is to do."""
    before = f", {standing.done:,} of them done before" if standing.done else ""
    combinations = counted(len(standing.sweep.points), "combination")
    return f"{combinations}, {counted(standing.sweep.trainings, 'training')}{before}"


def tell_trials(standing: Standing, trials: Iterable[Trial], talk: Talk) -> None:
    """Tell of each training that has ended: as JSON, or in a line on stderr, on a terminal above a bar."""
    from tqdm import tqdm

    bar = tqdm(
        trials,
        total=standing.sweep.trainings,
        initial=standing.done,
        unit=" trainings",
        leave=False,
        disable=talk.quiet or None,  # None: on a terminal alone
    )
    for trial in bar:
        if talk.as_json:
            print_json({"event": "trial", "done": standing.done, **asdict(trial)})
        with tqdm.external_write_mode(file=sys.stderr):
            talk.say(_ended(standing, trial))


def _ended(standing: Standing, trial: Trial) -> str:
    """A training that has ended, in words."""
    accuracy = trial.validation_accuracy
    what = trial.error if accuracy is None else percent(accuracy)
    varied = {name: trial.settings[name] for name in standing.sweep.points[0].varied}
    words = ", ".join(filter(None, [named(varied), f"seed {trial.settings['seed']}"]))
    return f"{standing.done}/{standing.sweep.trainings}  {words}: {what}"


def tell_ranking(standing: Standing, rows: list[Row], command: str | None, talk: Talk) -> None:
    """The ranking, and how to repeat the best."""
    if talk.as_json:
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
