"""`hellodl sweep`: many trainings with different settings, compared."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli import common
from hellodl.cli.drawing import SVG, check_drawing, write_drawing
from hellodl.cli.train_options import setting_options, threads_option
from hellodl.cli.words import as_typed, counted, percent, printable
from hellodl.errors import Interrupted, UsageError
from hellodl.training.settings import as_command, as_option

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.table import Table

    from hellodl.sweep.ranking import Row
    from hellodl.sweep.run import Hire, Standing, Sweep
    from hellodl.sweep.trial import Trial

_ONE_EACH = ("preset", "dataset", "validation", "seed", "target_accuracy")  # what stays the same in a sweep


class Several(click.ParamType[Any]):
    """Values between commas (slashes, where a value has commas), each as the option takes it; or LOW:HIGH."""

    name = "several"

    def __init__(self, one: click.ParamType[Any], separator: str) -> None:
        self.one, self.separator = one, separator

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A tuple of values, or a range of numbers."""
        if not isinstance(value, str):
            return value
        low, colon, high = value.partition(":")
        if colon and self.one in (click.INT, click.FLOAT):
            from hellodl.sweep.grid import Range

            least, most = (float(self.one(end, param, ctx)) for end in (low, high))
            if not -inf < least < most < inf:
                self.fail(f"{value!r} is no range, expected LOW:HIGH", param, ctx)
            return Range(least, most, whole=self.one is click.INT)
        values = [self.one.convert(v.strip(), param, ctx) for v in value.split(self.separator)]
        return tuple(dict.fromkeys(values))


def _settings_of_train(command: Any) -> Any:
    """Add the options of `train` that are settings, each for several values where that makes sense."""
    command = setting_options(command)
    for option in command.__click_params__:  # as in `options`
        if option.name not in _ONE_EACH:
            one = option.metavar or "|".join(option.type.choices)
            separator = "/" if "," in one else ","
            option.type, option.metavar = Several(option.type, separator), f"{one}{separator}…"
    return command


@common.command(
    ("sweep --lr 0.01,0.03,0.1 --batch-size 64,128 --seeds 5", "six combinations, five seeds each"),
    ("sweep --lr 0.01:1 --weight-decay 1e-5:1e-2 --random 20", "twenty drawn from these ranges"),
    ("sweep --hidden 128,64/256,128 --preset best", "two shapes of the network"),
)
@common.output_option(
    default="sweep.jsonl",
    show_default=True,
    help="Where results are kept; what it already holds is not done again.",
)
@common.file_option("--plot", help="The picture of the ranking.  [default: the output's name, .svg]")
@common.number_option(
    "--seeds", 1, 1000, default=3, help="Trainings of each combination, with seeds from --seed on."
)
@click.option(
    "--random", "draws", type=click.IntRange(1), metavar="N", help="Draw so many combinations at random."
)
@threads_option("Processors: trainings at a time.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster, like tcp://scheduler:8786.")
@common.data_dir_option
@common.talking
@_settings_of_train
def sweep(output: Path, plot: Path | None, cluster: str | None, talk: common.Talk, **given: Any) -> None:
    """Compare settings of `train`, each with several seeds.

    Give options several values, as in --lr 0.01,0.03,0.1. Every combination is trained on all processors, and
    they are ranked by their accuracy on the images held out; the test set is not looked at. Whoever stops
    half-way goes on with the same command.
    """
    from hellodl.sweep.ranking import plot as drawn
    from hellodl.sweep.run import sweeping

    picture = _place_of_picture(plot, output)
    workers = _hire(given.pop("threads"), cluster)
    planned = _plan({name: value for name, value in given.items() if value is not None}, output)
    talk = common.Talk(talk.as_json, talk.quiet or talk.as_json)
    with sweeping(planned, workers) as (standing, trials), closing(trials):
        talk.say(_introduction(standing))
        try:
            _tell_trials(standing, trials, talk)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped after {standing.done} of {planned.trainings} trainings; "
                f"the same command goes on from {output}"
            ) from None
    rows = standing.rows()
    best = rows[0].settings | {"seed": planned.seeds[0]}
    _tell_ranking(standing, rows, as_command(best) if rows[0].accuracies else None, talk)
    write_drawing(picture, drawn(rows, [_named(row.varied) for row in rows]), talk, "plot")


def _place_of_picture(plot: Path | None, output: Path) -> Path:
    """Where the ranking is drawn. Raises UsageError where results are to be kept, or could not be."""
    from hellodl.system.files import kind_at

    if kind_at(output) in {"folder", "other"}:
        raise UsageError(f"{output}: is no file, expected one to keep results in")
    picture = plot or output.with_suffix(SVG)
    if picture.resolve() == output.resolve():
        raise UsageError(f"{output}: results are kept as .jsonl; the picture goes where --plot says")
    check_drawing(picture, SVG)
    return picture


def _plan(told: dict[str, Any], output: Path) -> Sweep:
    """What to compare. Raises UsageError for settings that do not go together."""
    from hellodl.sweep.grid import Range, points
    from hellodl.sweep.run import Sweep
    from hellodl.training.run import choose_settings

    seeds, draws, data_dir = (told.pop(name, None) for name in ("seeds", "draws", "data_dir"))
    axes = {name: value for name, value in told.items() if name not in _ONE_EACH}
    varied = {name: v for name, v in axes.items() if isinstance(v, Range) or len(v) > 1}
    fixed = {name: told[name] if name in _ONE_EACH else told[name][0] for name in told if name not in varied}
    base = choose_settings(fixed.pop("preset", None), fixed, None)
    first = base.seed
    return Sweep(points(base, varied, draws or 0, first), range(first, first + seeds), output, data_dir)


def _hire(threads: int | None, cluster: str | None) -> Hire:
    """Who does the work: processes here, or the workers of a cluster."""
    if cluster:
        from hellodl.tasks.cluster import ClusterWorkers

        return partial(ClusterWorkers, address=cluster)
    from hellodl.system.processors import available_cpus
    from hellodl.tasks.local import LocalWorkers

    return partial(LocalWorkers, count=threads or available_cpus())


def _named(varied: dict[str, Any]) -> str:
    """What varies, in words: lr 0.1, batch-size 64."""
    return ", ".join(f"{name.replace('_', '-')} {as_option(value)}" for name, value in varied.items())


def _introduction(standing: Standing) -> str:
    """How much there is to do."""
    before = f", {standing.done:,} of them done before" if standing.done else ""
    combinations = counted(len(standing.sweep.points), "combination")
    return f"{combinations}, {counted(standing.sweep.trainings, 'training')}{before}"


def _tell_trials(standing: Standing, trials: Iterable[Trial], talk: common.Talk) -> None:
    """Tell of each training that has ended: as JSON, or in a line on stderr, on a terminal above a bar."""
    from tqdm import tqdm

    total, off = standing.sweep.trainings, talk.quiet or None  # None: off where there is no terminal
    for trial in tqdm(
        trials, total=total, initial=standing.done, unit=" trainings", leave=False, disable=off
    ):
        if talk.as_json:
            common.print_json({"event": "trial", "done": standing.done, **asdict(trial)})
        with tqdm.external_write_mode(file=sys.stderr):
            talk.say(_ended(standing, trial))


def _ended(standing: Standing, trial: Trial) -> str:
    """A training that has ended, in words."""
    accuracy = trial.validation_accuracy
    what = trial.error if accuracy is None else percent(accuracy)
    varied = {name: trial.settings[name] for name in standing.sweep.points[0].varied}
    words = ", ".join(filter(None, [_named(varied), f"seed {trial.settings['seed']}"]))
    return f"{standing.done}/{standing.sweep.trainings}  {words}: {what}"


def _tell_ranking(standing: Standing, rows: list[Row], command: str | None, talk: common.Talk) -> None:
    """The ranking, and how to repeat the best."""
    if talk.as_json:
        records = [asdict(row) for row in rows]
        common.print_json(
            {"event": "done", "trainings": standing.done, "ranking": records, "command": command}
        )
        return
    from hellodl.sweep.ranking import SAYS

    common.console().print(_ranking(rows))
    click.echo("\n".join(("", *SAYS)))
    for row in rows:
        for why in dict.fromkeys(row.failed):
            click.echo(f"{printable(_named(row.varied))}: {printable(why)}")
    if command:
        first = standing.sweep.seeds[0]
        click.echo(f"\nthe best again, with seed {first}:\n  {as_typed(f'`{command}`')[1:-1]}")


def _ranking(rows: list[Row]) -> Table:
    """The table: what varied, mean accuracy, its interval, seeds, time."""
    from rich.text import Text

    from hellodl.cli.terminal import plain_table

    varied = list(rows[0].varied)
    names = (name.replace("_", "-") for name in varied)
    table = plain_table(*names, "accuracy", "95 % interval", "seeds", "seconds")
    table.columns[len(varied)].style = "bold green"
    for row in rows:
        cells = [as_option(row.varied[name]) for name in varied]
        low, high = (f"{100 * end:.2f}" for end in row.interval)
        mark = "* " * (len(row.accuracies) == 1)
        cells += [percent(row.mean), f"{mark}{low}–{high}"] if row.accuracies else ["–", "failed"]
        seeds = str(len(row.accuracies)) + (f" of {len(row.accuracies) + len(row.failed)}" * bool(row.failed))
        table.add_row(*map(Text, (*cells, seeds, f"{row.seconds:.2f}")))
    return table
