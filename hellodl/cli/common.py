"""What several commands share: options, the choice of a model, output that is safe to show."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.words import as_typed, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

FILE = click.Path(path_type=Path)
PICTURE = click.Path(allow_dash=True)  # a name, kept as it was typed; shells complete it

json_option = click.option("--json", "as_json", is_flag=True, help="Print records as JSON and nothing else.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks.")
model_option = click.option(
    "-m",
    "--model",
    type=FILE,
    help="Checkpoint to use; `shipped` is the one that comes with hellodl.  "
    "[default: ./hellodl.safetensors, else shipped]",
)
data_dir_option = click.option("--data-dir", type=FILE, help="Folder that holds the data set's files.")
DATASETS = ("mnist", "fashion-mnist", "kmnist", "emnist-digits", "qmnist")  # a test holds it to the catalogue

dataset_option = click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    default="mnist",
    show_default=True,
    help="Which data set.",
)


def say(message: str, *, quiet: bool = False) -> None:
    """A remark on stderr."""
    with suppress(OSError):  # that nobody reads it is no reason to stop
        if not quiet:
            click.echo(as_typed(printable(message)), err=True)


def print_json(record: object, **more: object) -> None:
    """One record as a line of JSON on stdout, sent at once."""
    fields = asdict(record) if is_dataclass(record) and not isinstance(record, type) else record
    click.echo(json.dumps({**fields, **more}))  # type: ignore[dict-item]
    sys.stdout.flush()


def console() -> Console:
    """Where tables and colours go: stdout. Colour only on a terminal; NO_COLOR is honoured."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


def choose_model(path: Path | None, *, quiet: bool = False) -> Path:
    """The model to use; where it was not named, stderr says which it is."""
    from hellodl import checkpoint

    found = checkpoint.find_model(path)
    if path is None:
        shipped = found == checkpoint.SHIPPED
        say("model: the one that ships with hellodl" if shipped else f"model: {found}", quiet=quiet)
    return found


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several option decorators as one, the first on top."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
