"""`hellodl sweep`: many trainings with different settings, compared."""

from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import click

from hellodl.cli import common
from hellodl.cli.train_options import setting_options, threads_option
from hellodl.errors import Interrupted

_ONE_EACH = ("preset", "dataset", "validation", "seed", "target_accuracy")  # what stays the same in a sweep


class Several(click.ParamType[Any]):
    """Values between commas (slashes, where a value has commas), each as the option takes it; or LOW:HIGH."""

    name = "several"

    def __init__(self, one: click.ParamType[Any], separator: str) -> None:
        self.one, self.separator = one, separator

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A tuple of values, or a range of numbers."""
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
    from hellodl.cli import sweep_view as view
    from hellodl.sweep.run import sweeping

    picture = view.place_of_picture(plot, output)
    workers = view.hire(given.pop("threads"), cluster)
    planned = view.plan({name: value for name, value in given.items() if value is not None}, output)
    talk = common.Talk(talk.as_json, talk.quiet or talk.as_json)
    with sweeping(planned, workers) as (standing, trials), closing(trials):
        try:
            view.tell_trials(standing, trials, talk)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped after {standing.done} of {planned.trainings} trainings; "
                f"the same command goes on from {output}"
            ) from None
    view.tell_ranking(standing, picture, talk)
