"""How `hellodl inspect` looks: the network, its tensors, its making, its settings, its history."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from hellodl.about import Epoch
from hellodl.checkpoint import TRAINING, Inspection
from hellodl.cli.terminal import plain_table
from hellodl.cli.words import command_name, counted, percent, printable
from hellodl.training.settings import Settings, as_command, as_option

_MOST_EPOCHS = 10  # rows of the history
_UNKNOWN = "not recorded"


def report(result: Inspection) -> Iterator[RenderableType]:
    """The report on a checkpoint, part by part."""
    yield Text(f"{printable(result.model)}: {' → '.join(map(str, result.network))}", "bold")
    yield f"{result.weights:,} weights and {result.biases:,} biases, {result.bytes / 1e6:.2f} MB"
    yield from ("", _tensors(result), "", _making(result))
    if result.settings:
        yield from ("", _settings(result.settings))
    if result.history:
        yield from ("", _history(result.history))


def _tensors(result: Inspection) -> Table:
    table = plain_table("tensor", "shape", "mean", "deviation", "min", "max", left="tensor")
    for tensor in (tensor for tensor in result.tensors if not tensor.name.startswith(TRAINING)):
        numbers = (tensor.mean, tensor.deviation, tensor.min, tensor.max)
        shape = " × ".join(map(str, tensor.shape))
        table.add_row(printable(tensor.name), shape, *(f"{number:z.4f}" for number in numbers))
    return table


def _making(result: Inspection) -> Table:
    """How the model was made, a row for each thing that is known."""
    data, turned = result.dataset, ", pictures turned upright first" if result.recipe.upright else ""
    results = asdict(result.results).items() if result.results else ()
    known = (f"{name.replace('_', ' ')} {value:.4f}" for name, value in results if value is not None)
    rows = {
        "data set": f"{data.name}, training set of SHA-256 {data.sha256 or _UNKNOWN}" if data else "",
        "command": as_command(result.settings),
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        "threads": str(result.threads or ""),
        "pixels": f"(ink - {result.pixels[0]:g}) / {result.pixels[1]:g}, ink from 0 to 1{turned}",
        "results": ", ".join(known),
        "resume": _resume(result),
    }
    grid = Table.grid(Column(style="dim", no_wrap=True), padding=(0, 2, 0, 0))
    for name, value in rows.items():
        grid.add_row(name, printable(value or _UNKNOWN))
    return grid


def _settings(settings: dict[str, Any]) -> Table:
    """Each setting with its value and what it is for, in the words of `train --help`."""
    table = plain_table("setting", "value", "what it says", left="setting")
    table.columns[2].justify = "left"
    for field in fields(Settings):
        value = settings.get(field.name)
        if value not in (None, ""):
            words = as_option(value), field.metadata["help"]
            table.add_row(field.name.replace("_", "-"), *map(printable, words))
    return table


def _resume(result: Inspection) -> str:
    if result.resume is None:
        return "no: this file can be used, but not trained further"
    epochs, done = result.settings["epochs"], result.resume.epochs
    more = f" --epochs {min(2 * epochs, 10_000)}" if done >= epochs else ""
    command = f"{command_name()} train --resume {shlex.quote(result.model)}{more}"
    return f"from step {result.resume.step:,}, {done} of {counted(epochs, 'epoch')} done: {command}"


def _history(history: tuple[Epoch, ...]) -> Table:
    """Some epochs evenly spread, with the first, the last and the best."""
    last = len(history) - 1
    best = max(history, key=lambda epoch: epoch.validation_accuracy or 0)
    rows = {round(i) for i in np.linspace(0, last, min(_MOST_EPOCHS, len(history)))}
    if best.validation_accuracy is not None:
        rows.add(history.index(best))
    table = plain_table("epoch", "loss", "validation loss", "accuracy", left="epoch")
    for epoch in (history[row] for row in sorted(rows)):
        validation = "-" if epoch.validation_loss is None else f"{epoch.validation_loss:.4f}"
        accuracy = "-" if epoch.validation_accuracy is None else percent(epoch.validation_accuracy)
        style = "bold green" if epoch is best and accuracy != "-" else None
        table.add_row(f"{epoch.epoch}", f"{epoch.loss:.4f}", validation, accuracy, style=style)
    return table
