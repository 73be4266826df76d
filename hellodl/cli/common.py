"""What several commands share: options, the choice of a model, output that is safe to show."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.words import as_typed, percent, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from hellodl.checkpoint import Checkpoint

FILE = click.Path(path_type=Path, readable=False)  # our own errors say more, with their own codes

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


def say(message: str, *, quiet: bool = False, prose: bool = False) -> None:
    """A remark on stderr. Prose is broken between words on a terminal; nothing that is to be copied is."""
    text = as_typed(printable(message))
    if prose and sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        text = textwrap.fill(text, columns, break_long_words=False, break_on_hyphens=False)
    with suppress(OSError):  # that nobody reads it is no reason to stop
        if not quiet:
            click.echo(text, err=True)


def print_json(record: object, **more: object) -> None:
    """One record as a line of JSON on stdout, sent at once."""
    fields = asdict(record) if is_dataclass(record) and not isinstance(record, type) else record
    click.echo(json.dumps({**fields, **more}))  # type: ignore[dict-item]
    sys.stdout.flush()


def console() -> Console:
    """Where tables and colours go: stdout. Colour only on a terminal; NO_COLOR is honoured."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


def open_model(path: Path | None, *, quiet: bool = False) -> tuple[Path, Checkpoint]:
    """The model to use, and its file; where it was not named, stderr says which it is and what that means."""
    from hellodl import checkpoint

    found = checkpoint.find_model(path)
    loaded = checkpoint.load(found)
    if path is None:
        shipped = found == checkpoint.SHIPPED
        which = "the one that ships with hellodl" if shipped else _own(found, loaded)
        say(f"model: {which}", quiet=quiet, prose=True)
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


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several option decorators as one, the first on top."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
