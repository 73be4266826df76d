"""What several commands share: options, the choice of a model, output that is safe to show."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

FILE = click.Path(path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print records as JSON and nothing else.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks.")
model_option = click.option(
    "-m",
    "--model",
    type=FILE,
    help="Checkpoint to use. [default: ./hellodl.safetensors, else the shipped one]",
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


def printable(text: object) -> str:
    """Text with control characters shown as escapes, so that a file's name cannot drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def counted(number: int, what: str) -> str:
    """A number of things: 1 epoch, 2 epochs."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 2) -> str:
    """A share as 97.86 %; only all is 100 %, however close."""
    rounded = round(100 * share, digits)
    return f"{rounded if share == 1 else min(rounded, 100 - 10**-digits):.{digits}f} %"


def confidence(probability: float) -> str:
    """A probability as 97.8 %; never 100 %, even where a float holds no more nines."""
    return percent(min(probability, 0.999), 1)


def say(message: str, *, quiet: bool = False) -> None:
    """A remark on stderr."""
    with suppress(OSError):  # that nobody reads it is no reason to stop
        if not quiet:
            click.echo(printable(message), err=True)


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
