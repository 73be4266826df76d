"""The options of `hellodl train`: one for each setting, made of the setting itself, and those of a run."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import FILE, options
from hellodl.cli.help import Option
from hellodl.training.settings import DATA, DEFAULT_PRESET, PRESETS, RUN, Settings, as_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

METAVARS = {int: "N", float: "F", str: "NAME"}


class Widths(click.ParamType[tuple[int, ...]]):
    """Layer widths like 128,64."""

    name = "N,N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Whole numbers between commas."""
        try:
            return tuple(int(width) for width in value.split(",")) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is no list of widths, expected something like 128,64", param, ctx)


class Threads(click.ParamType[Any]):
    """A number of threads, or auto."""

    name = "auto|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        """None stands for auto."""
        if value == "auto":
            return None
        if str(value).isdecimal() and 0 < int(value) <= 1024:
            return int(value)
        return self.fail(f"{value!r} is no number of threads, expected auto or a number from 1", param, ctx)


def _option(setting: Field[Any]) -> Callable[[Any], Any]:
    """The option of a setting: its type, its help, and the values that it has in the presets."""
    limit, default = setting.metadata["limit"], setting.default
    kind: Any = float if default is None else type(default)
    return click.option(
        f"--{setting.name.replace('_', '-')}",
        cls=Option,
        group=setting.metadata["group"],
        type=click.Choice(limit.choices) if limit.choices else Widths() if kind is tuple else kind,
        metavar=None if limit.choices else setting.metadata.get("metavar", METAVARS.get(kind)),
        help=f"{setting.metadata['help']}{_preset_values(setting.name, default)}",
    )


def _preset_values(name: str, default: Any) -> str:
    """What a setting is where nothing is said: in all presets, or in each."""
    values = {preset: told.get(name, default) for preset, told in PRESETS.items()}
    words = {preset: as_option(value) for preset, value in values.items()}
    if default in (None, ""):
        return ""
    if len(set(words.values())) == 1:
        return f"  [default: {words[DEFAULT_PRESET]}]"
    return f"  [{', '.join(f'{preset}: {word}' for preset, word in words.items())}]"


setting_options = options(
    click.option(
        "--preset",
        cls=Option,
        group=RUN,
        type=click.Choice([*PRESETS]),
        help=f"Values for the other settings; those given override it.  [default: {DEFAULT_PRESET}]",
    ),
    *map(_option, fields(Settings)),
)


_of_run = partial(click.option, cls=Option, group=RUN)
_of_output = partial(click.option, cls=Option, group="Output")

run_options = options(
    click.option(
        "--data-dir", cls=Option, group=DATA, type=FILE, help="Folder that holds the data set's files."
    ),
    _of_run(
        "--threads",
        type=Threads(),
        default="auto",
        show_default=True,
        help="Processors to use: 2 share out each step, 2 more distort pictures.",
    ),
    _of_run("--resume", type=FILE, help="Go on where this checkpoint stands, with its settings."),
    _of_output("-o", "--output", type=FILE, help="Where the model goes.  [default: hellodl.safetensors]"),
    _of_output(
        "--checkpoint-every",
        type=click.FloatRange(0),
        default=5.0,
        metavar="SECONDS",
        help="How often the run is saved.  [default: 5]",
    ),
    _of_output(
        "--force", is_flag=True, help="Replace a file that holds another network, or no model at all."
    ),
    _of_output("--log", type=FILE, help="Write each record to this file too, as JSON lines."),
    _of_output("--json", "as_json", is_flag=True, help="Print records as JSON and nothing else."),
    _of_output("-q", "--quiet", is_flag=True, help="No progress and no remarks."),
)
