"""How `hellodl sweep` goes: what is compared and by whom, each training as it ends, the ranking."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from hellodl.cli.common import Talk, console, print_json
from hellodl.cli.drawing import SVG, check_drawing, write_drawing
from hellodl.cli.terminal import plain_table
from hellodl.cli.words import as_typed, counted, percent, printable
from hellodl.errors import HellodlError, UsageError
from hellodl.sweep.grid import Range, points
from hellodl.sweep.ranking import SAYS, Row, plot
from hellodl.sweep.run import Hire, Standing, Sweep
from hellodl.sweep.trial import Trial
from hellodl.system.files import kind_at
from hellodl.system.processors import available_cpus
from hellodl.tasks.local import LocalWorkers
from hellodl.training.run import choose_settings
from hellodl.training.settings import as_command, as_option


def place_of_picture(plot: Path | None, output: Path) -> Path:
    """Where the ranking is drawn. Raises UsageError where results are to be kept, or could not be."""
    if kind_at(output) in {"folder", "other"}:
        raise UsageError(f"{output}: is no file, expected one to keep results in")
    picture = plot or output.with_suffix(SVG)
    if picture.resolve() == output.resolve():
        raise UsageError(f"{output}: results are kept as .jsonl; the picture goes where --plot says")
    check_drawing(picture, SVG)
    return picture


def plan(told: dict[str, Any], output: Path) -> Sweep:
    """What to compare. Raises UsageError for settings that do not go together."""
    seeds, draws, data_dir = (told.pop(name, None) for name in ("seeds", "draws", "data_dir"))
    varied = {n: v for n, v in told.items() if isinstance(v, Range) or (isinstance(v, tuple) and len(v) > 1)}
    fixed = {n: v[0] if isinstance(v, tuple) else v for n, v in told.items() if n not in varied}
    preset, first = fixed.pop("preset", None), fixed.get("seed", 0)
    tried = points(lambda values: choose_settings(preset, fixed | values, None), varied, draws or 0, first)
    return Sweep(tried, range(first, first + seeds), output, data_dir)


def hire(threads: int | None, cluster: str | None) -> Hire:
    """Who does the work: processes here, or the workers of a cluster."""
    if cluster is not None:
        from hellodl.tasks.cluster import ClusterWorkers

        return partial(ClusterWorkers, address=cluster)
    return partial(LocalWorkers, count=threads or available_cpus())


def _named(varied: dict[str, Any]) -> str:
    """What varies, in words: lr 0.1, batch-size 64."""
    return ", ".join(f"{name.replace('_', '-')} {as_option(value)}" for name, value in varied.items())


def tell_trials(standing: Standing, trials: Iterable[Trial], talk: Talk) -> None:
    """Tell what there is to do, and of each training that has ended: as JSON, or in a line above a bar."""
    total, done = standing.sweep.trainings, standing.done
    before = f", {done:,} of them done before" if done else ""
    talk.say(f"{counted(len(standing.sweep.points), 'combination')}, {counted(total, 'training')}{before}")
    off = talk.quiet or None  # None: off where there is no terminal
    for trial in tqdm(trials, total=total, initial=done, unit=" trainings", leave=False, disable=off):
        if talk.as_json:
            print_json({"event": "trial", "done": standing.done, **asdict(trial)})
        accuracy, told = trial.validation_accuracy, trial.settings
        what = trial.error if accuracy is None else percent(accuracy)
        varied = _named({name: told[name] for name in standing.sweep.points[0].varied})
        words = ", ".join(filter(None, [varied, f"seed {told['seed']}"]))
        with tqdm.external_write_mode(file=sys.stderr):
            talk.say(f"{standing.done}/{total}  {words}: {what}")


def tell_ranking(standing: Standing, picture: Path, talk: Talk) -> None:
    """The ranking, in words or as JSON, how to repeat the best, and the ranking drawn."""
    rows, first = standing.rows(), standing.sweep.seeds[0]
    command = as_command(rows[0].settings | {"seed": first}) if rows[0].accuracies else None
    if talk.as_json:
        ranking = [asdict(row) for row in rows]
        print_json({"event": "done", "trainings": standing.done, "ranking": ranking, "command": command})
    else:
        console().print(_ranking(rows))
        click.echo("\n".join(("", *SAYS)))
        for row in rows:
            for why in dict.fromkeys(row.failed):
                click.echo(f"{printable(_named(row.varied))}: {printable(why)}")
        if command:
            click.echo(f"\nthe best again, with seed {first}:\n  {as_typed(f'`{command}`')[1:-1]}")
    if not rows[0].accuracies:
        raise HellodlError(f"every training failed: {rows[0].failed[0]}")
    write_drawing(picture, plot(rows, [_named(row.varied) for row in rows]), talk, "plot")


def _ranking(rows: list[Row]) -> Table:
    """The table: what varied, mean accuracy, its interval, seeds, time."""
    varied = list(rows[0].varied)
    names = (name.replace("_", "-") for name in varied)
    table = plain_table(*names, "accuracy", "95 % interval", "seeds", "seconds")
    table.columns[len(varied)].style = "bold green"
    for row in rows:
        cells = [as_option(row.varied[name]) for name in varied]
        low, high = (f"{100 * end:.2f}" for end in row.interval or (0, 1))
        mark = "* " * (len(row.accuracies) == 1)
        cells += ["–", "failed"] if row.mean is None else [percent(row.mean), f"{mark}{low}–{high}"]
        seeds = str(len(row.accuracies)) + (f" of {len(row.accuracies) + len(row.failed)}" * bool(row.failed))
        table.add_row(*map(Text, (*cells, seeds, f"{row.seconds:.2f}")))
    return table
