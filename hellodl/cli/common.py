"""What several commands share: their help and options, what they say, the choice of a model."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import augment_usage_errors

from hellodl.cli.words import as_typed, command_name, percent, printable
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console, RenderableType

    from hellodl.checkpoint import Checkpoint


class Name(click.Path):
    """The name of a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does, but for an empty name, which it takes for the current folder."""
        if value == "":
            self.fail("is empty, expected a name", param, ctx)
        return super().convert(value, param, ctx)


FILE = Name(path_type=Path, readable=False)  # our own errors say more, with their own codes
DATASETS = ("mnist", "fashion-mnist", "kmnist", "emnist-digits", "qmnist")  # a test holds it to the catalogue


# Help -------------------------------------------------------------------------------------------------

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_OTHERS = "Options"  # the heading of options that are in no group


class Command(click.Command):
    """A command whose help ends with examples: pairs of what to type after `hellodl`, and what that does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...], **kwargs: Any) -> None:
        super().__init__(*args, **{"context_settings": _CONTEXT, **kwargs})
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, whose errors then know which command's help to name."""
        with augment_usage_errors(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by group, in the order in which groups first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
                groups.setdefault(getattr(param, "group", _OTHERS), []).append(record)
        groups[_OTHERS] = groups.pop(_OTHERS)  # last; --help is always there
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, each with what it does: below it where it takes more than half of the line."""
        examples = [(f"{command_name()} {line}", what) for line, what in self.examples]
        with formatter.section("Examples"):
            formatter.write_dl(examples, col_max=formatter.width // 2)


def command(*examples: tuple[str, str]) -> Callable[[Callable[..., None]], Command]:
    """Make a function a `Command` with these examples."""
    return click.command(cls=Command, examples=examples)


def number_option(name: str, least: int, most: int, **more: Any) -> Callable[[Any], Any]:
    """The option of a whole number."""
    return click.option(name, type=click.IntRange(least, most), metavar="N", show_default=True, **more)


def options(*decorators: Callable[[Any], Any], heading: str = "") -> Callable[[Any], Any]:
    """Several option decorators as one, the first on top; in the help under a heading, if it has one."""

    def decorate(function: Any) -> Any:
        before = len(getattr(function, "__click_params__", ()))
        for decorator in reversed(decorators):
            function = decorator(function)
        if heading:
            for option in function.__click_params__[before:]:  # kept there until the command is made
                option.group = heading
        return function

    return decorate


# What is said -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Talk:
    """How a command was told to talk: records as JSON or words for people, remarks or none."""

    as_json: bool = False
    quiet: bool = False

    def say(self, message: str, *, prose: bool = False) -> None:
        """A remark on stderr, unless none are wanted."""
        if not self.quiet:
            say(message, prose=prose)

    def tell(self, record: dict[str, Any], lines: Iterable[str]) -> None:
        """What was found, on stdout: as JSON, or in lines for people."""
        if self.as_json:
            print_json(record)
        else:
            click.echo("\n".join(lines))


json_option = click.option("--json", "as_json", is_flag=True, help="Print records as JSON and nothing else.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks.")


def talking(function: Callable[..., None]) -> Callable[..., None]:
    """The options --json and -q, which the command gets as one `talk`."""

    @json_option
    @quiet_option
    @wraps(function)
    def told(*, as_json: bool, quiet: bool, **given: Any) -> None:
        function(talk=Talk(as_json, quiet), **given)

    return told


def say(message: str, *, prose: bool = False) -> None:
    """A remark on stderr. Prose is broken between words on a terminal; nothing that is to be copied is."""
    text = as_typed(printable(message))
    if prose and sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        text = textwrap.fill(text, columns, break_long_words=False, break_on_hyphens=False)
    click.echo(text, err=True)


def print_json(record: dict[str, Any]) -> None:
    """One record as a line of JSON on stdout, sent at once."""
    click.echo(json.dumps(record))


def console() -> Console:
    """Where tables and colours go: stdout. Colour only on a terminal; NO_COLOR is honoured."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


def show(parts: Iterable[RenderableType]) -> None:
    """Print parts of a report on stdout."""
    out = console()
    for part in parts:
        out.print(part)


# Which model, which data ------------------------------------------------------------------------------

file_option = partial(click.option, type=FILE, metavar="FILE")
output_option = partial(file_option, "-o", "--output")
data_dir_option = file_option("--data-dir", metavar="FOLDER", help="Folder that holds the data set's files.")
model_option = file_option(
    "-m",
    "--model",
    help="Checkpoint to use; `shipped` is the one that comes with hellodl.  "
    "[default: ./hellodl.safetensors, else shipped]",
)
pictures_argument = click.argument(  # names, kept as they were typed; shells complete them
    "images", nargs=-1, metavar="IMAGE…", type=Name(allow_dash=True, readable=False)
)
polarity_option = click.option(
    "--invert/--no-invert",
    default=None,
    help="Take the ink to be light on a dark ground, or dark on light.  [default: found out]",
)


def model_argument(function: Callable[..., None]) -> Callable[..., None]:
    """A model that is named by position or by -m, which the command gets as one `model`."""

    @click.argument("file", metavar="[MODEL]", type=FILE, required=False)
    @model_option
    @wraps(function)
    def told(*, file: Path | None, model: Path | None, **given: Any) -> None:
        if file and model and file != model:
            raise UsageError(f"two models are named, {file} and {model}; expected one")
        function(model=file or model, **given)

    return told


def open_model(path: Path | None, talk: Talk) -> tuple[Path, Checkpoint]:
    """The model to use, and its file; where it was not named, stderr says which it is and what that means."""
    from hellodl import checkpoint

    found = checkpoint.find_model(path)
    loaded = checkpoint.load(found)
    if path is None:
        which = _own(found, loaded) if found != checkpoint.SHIPPED else "the one that ships with hellodl"
        talk.say(f"model: {which}", prose=True)
    return found, loaded


def _own(path: Path, loaded: Checkpoint) -> str:
    """What to expect of the user's own model."""
    about = loaded.about
    accuracy = about.results.test_accuracy if about.results else None
    name = about.dataset.name if about.dataset else ""
    how_good = f": {percent(accuracy)} on {name or 'its data'}" if accuracy is not None else ""
    of_digits_alone = name in ("", "mnist") and not about.settings.get("drawn")
    advice = "; the model that ships reads photographs better: -m shipped" if of_digits_alone else ""
    return f"your own {path}{how_good}{advice}"


def dataset_of(loaded: Checkpoint) -> str:
    """The name of the data that a model was trained on; MNIST where it does not say."""
    return loaded.about.dataset.name if loaded.about.dataset else DATASETS[0]
