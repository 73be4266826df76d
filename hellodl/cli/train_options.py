"""The options of `hellodl train`: one for each setting, made of the setting itself, and those of a run."""

import math
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click

from hellodl.cli.common import data_dir_option, file_option, options, output_option, talking
from hellodl.training.settings import DATA, DEFAULT_PRESET, PRESETS, RUN, Settings, as_option

_METAVARS = {int: "N", float: "F", str: "NAME", tuple: "N,N"}


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of widths, expected something like 128,64") from None


def _threads(text: str) -> int | None:
    try:
        return None if text == "auto" else click.IntRange(1, 1024)(text)
    except click.BadParameter:
        raise click.BadParameter(f"{text!r} is neither auto nor 1 to 1024") from None


def _seconds(text: str) -> float:
    if not 0 <= (seconds := float(text)) < math.inf:
        raise click.BadParameter(f"{text} is no span, expected a number of seconds, 0 or more")
    return seconds


def threads_option(purpose: str) -> Callable[[Any], Any]:
    """The option --threads."""
    return click.option(
        "--threads", type=_threads, default="auto", metavar="auto|N", show_default=True, help=purpose
    )


def _option(setting: Field[Any]) -> Callable[[Any], Any]:
    """The option of a setting: its type, its help, and the values that it has in the presets."""
    limit, default = setting.metadata["limit"], setting.default
    kind: Any = float if default is None else type(default)
    option = click.option(
        f"--{setting.name.replace('_', '-')}",
        type=click.Choice(limit.choices) if limit.choices else _widths if kind is tuple else kind,
        metavar=None if limit.choices else setting.metadata.get("metavar", _METAVARS.get(kind)),
        help=f"{setting.metadata['help']}{_preset_values(setting.name, default)}",
    )
    return options(option, heading=setting.metadata["group"])


def _preset_values(name: str, default: Any) -> str:
    """What a setting is where nothing is said: in all presets, or in each."""
    if default in (None, ""):
        return ""
    words = {preset: as_option(told.get(name, default)) for preset, told in PRESETS.items()}
    if len(set(words.values())) == 1:
        return f"  [default: {words[DEFAULT_PRESET]}]"
    return f"  [{', '.join(f'{preset}: {word}' for preset, word in words.items())}]"


_preset = click.option(
    "--preset",
    type=click.Choice([*PRESETS]),
    help=f"Values for the other settings; those given override it.  [default: {DEFAULT_PRESET}]",
)
setting_options = options(options(_preset, heading=RUN), *map(_option, fields(Settings)))

run_options = options(
    options(data_dir_option, heading=DATA),
    options(
        threads_option("Processors to use: 2 share out each step, a third distorts pictures."),
        file_option("--resume", help="Go on where this checkpoint stands, with its settings."),
        heading=RUN,
    ),
    options(
        output_option(help="Where the model goes.  [default: hellodl.safetensors]"),
        click.option(
            "--checkpoint-every",
            type=_seconds,
            default=5.0,
            metavar="SECONDS",
            show_default=True,
            help="How often the run is saved.",
        ),
        click.option(
            "--force", is_flag=True, help="Replace a file that holds another network, or no model or log."
        ),
        file_option("--log", help="Write each record to this file too, as JSON lines."),
        talking,
        heading="Output",
    ),
)
