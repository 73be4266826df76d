"""How `hellodl inspect` looks: the network, its tensors, its making, its history, its first layer drawn."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from hellodl.about import Epoch, Results
from hellodl.checkpoint import TRAINING, Inspection
from hellodl.cli.terminal import beside, has_colour, in_colours, plain_table, red_and_blue
from hellodl.cli.words import command_name, counted, percent, printable
from hellodl.training.settings import Settings, as_command, as_option

Weights = NDArray[np.float32]

_MOST_EPOCHS = 10  # rows of the history
_UNITS_DRAWN = 5
_UNKNOWN = "not recorded"


def report(result: Inspection, first_layer: Weights, out: Console) -> Iterator[RenderableType]:
    """The report on a checkpoint, part by part; `first_layer` has shape (units, 784)."""
    yield Text(f"{printable(result.model)}: {' → '.join(map(str, result.network))}", "bold")
    yield f"{result.weights:,} weights and {result.biases:,} biases, {result.bytes / 1e6:.2f} MB"
    yield from ("", _tensors(result), "", _making(result))
    if result.settings:
        yield from ("", _settings(result.settings))
    if result.history:
        yield from ("", _history(result.history))
    if has_colour(out):
        yield ""
        yield from _units(first_layer, out)


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
    rows = {
        "data set": f"{data.name}, training set of SHA-256 {data.sha256 or _UNKNOWN}" if data else "",
        "command": as_command(result.settings),
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        "threads": str(result.threads or ""),
        "pixels": f"(ink - {result.pixels[0]:g}) / {result.pixels[1]:g}, ink from 0 to 1{turned}",
        "results": _results(result.results),
        "resume": _resume(result),
    }
    grid = Table.grid(Column(style="dim", no_wrap=True), padding=(0, 2, 0, 0))
    for name, value in rows.items():
        grid.add_row(name, printable(value or _UNKNOWN))
    return grid


def _results(results: Results | None) -> str:
    known = {name: value for name, value in asdict(results).items() if value is not None} if results else {}
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in known.items())


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


def _units(first_layer: Weights, out: Console) -> Iterator[RenderableType]:
    """The units of the first layer with the largest weights, each as the picture it looks for."""
    largest = np.argsort(-np.linalg.norm(first_layer, axis=1), kind="stable")[:_UNITS_DRAWN]
    halved = first_layer.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))  # in size: the mean of four pixels
    pictures = [(in_colours(red_and_blue(halved[unit])), f"unit {unit}") for unit in largest.tolist()]
    shown = f"{len(pictures)} of {len(first_layer)} units of the first layer"
    yield Text.from_markup(f"{shown}; ink on [red]red[/] excites, on [blue]blue[/] inhibits:\n")
    yield beside(pictures, out.width)
