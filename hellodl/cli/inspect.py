"""`hellodl inspect`: what a checkpoint holds and how it was made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hellodl.cli.common import (
    FILE,
    console,
    json_option,
    model_option,
    open_model,
    print_json,
    quiet_option,
)
from hellodl.cli.help import Command
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    cls=Command,
    examples=(
        ("inspect", "your model, else the one that ships"),
        ("inspect best.safetensors --json", "for scripts: one JSON object"),
    ),
)
@click.argument("file", metavar="[MODEL]", type=FILE, required=False)
@model_option
@json_option
@quiet_option
def inspect(file: Path | None, model: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Show what a checkpoint holds and how it was made."""
    from hellodl import inspection

    if file and model and file != model:
        raise UsageError(f"two models are named, {file} and {model}; expected one")
    path, loaded = open_model(file or model, quiet=quiet)
    result = inspection.examine(path, loaded)
    if as_json:
        print_json(asdict(result))
        return
    from hellodl.cli import inspect_view

    out = console()
    for part in inspect_view.report(result, loaded.weights["lc1.weight"], out):
        out.print(part)
