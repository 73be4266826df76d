"""The options of `hellodl train`: one for each setting, made of the setting itself, and those of a run."""

from __future__ import annotations

import shlex
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import FILE, options
from hellodl.cli.help import Option
from hellodl.errors import UsageError
from hellodl.training.settings import DATA, DEFAULT_PRESET, PRESETS, RUN, Settings, as_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

_METAVARS = {int: "N", float: "F", str: "NAME"}


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
        metavar=None if limit.choices else setting.metadata.get("metavar", _METAVARS.get(kind)),
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


def _more(*names: str, group: str = "Output", **more: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=Option, group=group, **more)


_file = partial(_more, type=FILE, metavar="FILE")

run_options = options(
    _more(
        "--data-dir", group=DATA, type=FILE, metavar="FOLDER", help="Folder that holds the data set's files."
    ),
    _more(
        "--threads",
        group=RUN,
        type=Threads(),
        default="auto",
        metavar="auto|N",
        show_default=True,
        help="Processors to use: 2 share out each step, a third distorts pictures.",
    ),
    _file("--resume", group=RUN, help="Go on where this checkpoint stands, with its settings."),
    _file("-o", "--output", help="Where the model goes.  [default: hellodl.safetensors]"),
    _more(
        "--checkpoint-every",
        type=click.FloatRange(0),
        default=5.0,
        metavar="SECONDS",
        show_default=True,
        help="How often the run is saved.",
    ),
    _more("--force", is_flag=True, help="Replace a file that holds another network, or no model at all."),
    _file("--log", help="Write each record to this file too, as JSON lines."),
    _more("--json", "as_json", is_flag=True, help="Print records as JSON and nothing else."),
    _more("-q", "--quiet", is_flag=True, help="No progress and no remarks."),
)


def train_command(settings: dict[str, Any]) -> str:
    """The shortest command that trains with a checkpoint's settings: a preset, and what differs from it.

    "" where the settings are not known, or are no more.
    """
    try:
        told = Settings.from_dict(settings).as_dict()
    except (KeyError, TypeError, UsageError):
        return ""
    presets = {preset: Settings(**values).as_dict() for preset, values in PRESETS.items()}
    differing = {preset: [n for n in told if told[n] != values[n]] for preset, values in presets.items()}
    preset = min(differing, key=lambda preset: len(differing[preset]))
    words = ["hellodl", "train", "--preset", preset]
    for name in differing[preset]:
        words += [f"--{name.replace('_', '-')}", as_option(told[name])]
    return shlex.join(words)
