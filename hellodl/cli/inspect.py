"""`hellodl inspect`: what a checkpoint holds and how it was made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from hellodl.cli.common import (
    FILE,
    choose_model,
    console,
    json_option,
    model_option,
    print_json,
    quiet_option,
)
from hellodl.cli.help import Command
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hellodl.checkpoint import Checkpoint


@dataclass(frozen=True)
class TensorSummary:
    """A tensor's name and shape, and its numbers in short."""

    name: str
    shape: tuple[int, ...]
    mean: float
    deviation: float
    min: float
    max: float


@dataclass(frozen=True)
class Position:
    """Where a training stands."""

    step: int
    epochs: int


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint holds. What the file does not say is empty or None.

    `bytes` is the file's size; `network` the layers' widths; `pixels` the mean and deviation that pixels are
    scaled by; `resume` is None where the training cannot go on from this file.
    """

    model: str
    bytes: int
    network: list[int]
    weights: int
    biases: int
    pixels: list[float]
    tensors: list[TensorSummary]
    dataset: dict[str, Any]
    settings: dict[str, Any]
    history: list[dict[str, Any]]
    results: dict[str, Any]
    versions: dict[str, Any]
    threads: int | None
    resume: Position | None


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
    from hellodl import checkpoint

    if file and model and file != model:
        raise UsageError(f"two models are named, {file} and {model}; expected one")
    path = choose_model(file or model, quiet=quiet)
    loaded = checkpoint.load(path)
    result = examine(path, loaded)
    if as_json:
        print_json(asdict(result))
        return
    from hellodl.cli import inspect_view

    out = console()
    for part in inspect_view.report(result, loaded.weights["lc1.weight"], out):
        out.print(part)


def examine(path: Path, loaded: Checkpoint) -> Inspection:
    """Everything `hellodl inspect` says about a checkpoint that was loaded from `path`."""
    about = json.loads(json.dumps(loaded.about), parse_constant=lambda _: None)  # NaN is no JSON
    arrays = loaded.weights | {f"training.{name}": array for name, array in loaded.training.items()}
    sizes = {name: array.size for name, array in loaded.weights.items()}
    return Inspection(
        model=str(path),
        bytes=path.stat().st_size,
        network=about["network"],
        weights=sum(size for name, size in sizes.items() if name.endswith(".weight")),
        biases=sum(size for name, size in sizes.items() if name.endswith(".bias")),
        pixels=about["pixels"],
        tensors=[_summary(name, array) for name, array in arrays.items()],
        dataset=about.get("dataset", {}),
        settings=about.get("settings", {}),
        history=about.get("history", []),
        results=about.get("results", {}),
        versions=about.get("versions", {}),
        threads=about.get("threads"),
        resume=_position(loaded),
    )


def _summary(name: str, array: NDArray[Any]) -> TensorSummary:
    wide = array.astype("float64")
    numbers = (wide.mean(), wide.std(), wide.min(), wide.max())
    return TensorSummary(name, array.shape, *(float(number) for number in numbers))


def _position(loaded: Checkpoint) -> Position | None:
    """Where a resumed training would go on."""
    from hellodl.training.settings import Settings

    about = loaded.about
    if not loaded.training or not {"step", "loss_sum", "train_seconds", "history"} <= about.keys():
        return None
    try:
        Settings.from_dict(about["settings"])
    except (KeyError, TypeError, UsageError):
        return None
    return Position(about["step"], len(about["history"]))
