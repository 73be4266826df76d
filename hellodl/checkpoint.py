"""Checkpoints: a model and what a resume needs in one safetensors file, replaced as a whole or not at all.

The file holds tensors and strings and nothing that could be run. Weights are stored as (n_out, n_in) float32
under the names lc1.weight, lc1.bias …, so that a PyTorch module with those names can load them.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.errors import ModelError
from hellodl.nn import MAX_WEIGHTS, DigitNet, weight_count
from hellodl.system.files import write_atomically
from hellodl.version import __version__

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.float32]]

FORMAT = 1
DEFAULT_NAME = "hellodl.safetensors"
SHIPPED = Path(__file__).parent / "models" / DEFAULT_NAME
TRAINING = "training."  # begins the names of the arrays that only a resume needs
KEY = "hellodl"  # all metadata is JSON under one key: several would be written in random order
MAX_WEIGHT = 1e6  # in size: training that gets there has diverged
MOST_DOUBT = 1000  # in size: what temperature and familiarity are, and other numbers about a model
MAX_HEADER = 1 << 22  # bytes: what 10,000 epochs of history take, twice over
MAX_TRAINING = 8  # arrays of training state: no optimizer has more
KINDS: dict[str, type | tuple[type, ...]] = {  # of what else the metadata may say
    "versions": dict,
    "dataset": dict,
    "settings": dict,
    "results": dict,
    "history": list,
    "step": int,
    "threads": int,
    "loss_sum": (int, float),
    "train_seconds": (int, float),
}
RECIPE = {"thinnest": 1.95, "thickest": 3.55}
"""Stroke widths that pictures are brought to, in pixels of MNIST's 20-pixel box: three quarters of its
training digits lie in between (measured: the 15th and the 90th percentile)."""

DOUBT = "is this a hellodl checkpoint?"


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    `weights` are the model's; `training` is what a resume needs (empty in a model made to be shipped);
    `about` says how it was made: settings, history, data set, versions.
    """

    weights: Arrays
    training: Arrays = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def model(self) -> DigitNet:
        """The network with these weights."""
        widths = [w.shape[0] for name, w in self.weights.items() if name.endswith(".bias")]
        model = DigitNet(widths[:-1], np.random.default_rng(0), tuple(self.about["pixels"]))
        for name, parameter in model.named_parameters().items():
            parameter.value = self.weights[name]
        model.calibration = {**self.about.get("recipe", {}), **self.about.get("calibration", {})}
        return model


def describe(model: DigitNet) -> dict[str, Any]:
    """What every checkpoint says about itself: format, how pictures are prepared, versions."""
    versions = {"hellodl": __version__, "numpy": np.__version__, "python": platform.python_version()}
    return {
        "format": FORMAT,
        "network": list(model.widths),
        "pixels": list(model.pixels),
        "recipe": RECIPE,
        "versions": versions,
    }


# Writing ----------------------------------------------------------------------------------------------


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `path`: others see the old one or the new one.

    Raises HellodlError if the file cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415 - only where it is used

    arrays = checkpoint.weights | {TRAINING + name: array for name, array in checkpoint.training.items()}
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, to_bytes(contiguous, {KEY: json.dumps(checkpoint.about, sort_keys=True)}))


# Reading ----------------------------------------------------------------------------------------------


def find_model(path: Path | None) -> Path:
    """The model to use: the one given, else ./hellodl.safetensors, else the one that ships ("shipped")."""
    if path is not None:
        return SHIPPED if str(path) == "shipped" else path
    local = Path(DEFAULT_NAME)
    if local.exists():
        return local
    if SHIPPED.exists():
        return SHIPPED
    raise ModelError(
        f"{local}: there is no model here; train one with `hellodl train`, or name one with -m FILE"
    )


def load_model(path: str | os.PathLike[str] | None = None) -> DigitNet:
    """The network in a checkpoint; without a path the one `find_model` finds. Raises ModelError."""
    return load(find_model(None if path is None else Path(path))).model()


def load(path: Path) -> Checkpoint:
    """Read and check a checkpoint. Raises ModelError if it is missing, damaged or not one of ours.

    Nothing in the file is trusted, and no array is read before its size is known to be right.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - only where it is used

    try:
        _check_start(path)
        with safe_open(path, framework="numpy") as file:
            about = _read_about(path, file.metadata() or {})
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - no dict
            kinds = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
            weights, training = _check_tensors(path, kinds, about["network"])
            arrays = {name: file.get_tensor(name) for name in weights + training}
    except (SafetensorError, OSError, RecursionError) as error:
        what = (isinstance(error, OSError) and error.strerror) or repr(str(error))[1:-1]  # may quote the file
        raise ModelError(f"{path}: {what:.200}; expected a safetensors file that hellodl wrote") from None
    _check_numbers(path, arrays)
    return Checkpoint(
        {name: arrays[name] for name in weights},
        {name.removeprefix(TRAINING): arrays[name] for name in training},
        about,
    )


def _check_start(path: Path) -> None:
    """Open nothing but a plain file, and none that promises a huge header: parsing it would take memory."""
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise ModelError(f"{path}: {what}, expected a model; train one with `hellodl train -o {path}`")
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > MAX_HEADER:
        raise ModelError(
            f"{path}: its header would have {header:,} bytes, expected at most {MAX_HEADER:,}; {DOUBT}"
        )


def _read_about(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """The metadata, its parts that a model needs checked."""
    try:
        about = json.loads(metadata[KEY])
        version, widths, pixels = about["format"], about["network"], about["pixels"]
    except (KeyError, ValueError, TypeError):
        raise ModelError(f"{path}: has no hellodl metadata; is this a hellodl checkpoint?") from None
    if version != FORMAT:
        raise ModelError(
            f"{path}: is of format {version!r:.40}, expected {FORMAT}; is it from a newer hellodl?"
        )
    if not _are_widths(widths):
        raise ModelError(f"{path}: describes the network as {widths!r:.80}, expected [784, …, 10]")
    if not (_are_numbers(pixels) and len(pixels) == 2 and pixels[1] > 0.001):
        raise ModelError(f"{path}: scales pixels by {pixels!r:.80}, expected their mean and deviation")
    _check_limits(path, about)
    for name, kind in KINDS.items():
        if name in about and not isinstance(about[name], kind):
            raise ModelError(f"{path}: its {name} is {about[name]!r:.80}; the metadata is damaged")
    if not all(isinstance(record, dict) for record in about.get("history", ())):
        raise ModelError(f"{path}: its history holds more than records; the metadata is damaged")
    return dict(about)


def _check_limits(path: Path, about: dict[str, Any]) -> None:
    """What says how to prepare pictures and how far to believe in answers: both are optional."""
    for name in ("recipe", "calibration"):
        told = about.get(name, {})
        if not (isinstance(told, dict) and _are_numbers(list(told.values()))):
            raise ModelError(f"{path}: its {name} is {told!r:.80}; the metadata is damaged")
    widths = RECIPE | about.get("recipe", {})
    if not (set(widths) == set(RECIPE) and 0.5 <= widths["thinnest"] <= widths["thickest"] <= 10):
        raise ModelError(f"{path}: its recipe is {widths!r:.80}, expected two stroke widths from 0.5 to 10")
    calibration = about.get("calibration", {})
    if not calibration.keys() <= {"temperature", "familiar"}:
        raise ModelError(f"{path}: its calibration is {calibration!r:.80}; the metadata is damaged")
    if not calibration.get("temperature", 1) > 0.001:
        raise ModelError(f"{path}: its calibration has a temperature of 0 or less; the metadata is damaged")


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(v) in (int, float) and abs(v) < MOST_DOUBT for v in values)


def _are_widths(widths: object) -> bool:
    if not (isinstance(widths, list) and 2 <= len(widths) <= 100):
        return False
    whole = all(type(width) is int and width > 0 for width in widths)
    return whole and widths[0] == 784 and widths[-1] == 10 and weight_count(widths) <= MAX_WEIGHTS


def _expected_shapes(widths: list[int]) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's tensors by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths), 1):
        shapes |= {f"lc{i}.weight": (n_out, n_in), f"lc{i}.bias": (n_out,)}
    return shapes


def _check_tensors(
    path: Path, kinds: dict[str, tuple[str, tuple[int, ...]]], widths: list[int]
) -> tuple[list[str], list[str]]:
    """The names of the weights and of the training's arrays, all there, float32 and of the right shape."""
    expected = _expected_shapes(widths)
    training = sorted(
        name
        for name in kinds.keys() - expected.keys()
        if name.startswith(TRAINING) and name.removeprefix(TRAINING).isidentifier()
    )
    if surplus := sorted(kinds.keys() - expected.keys() - set(training[:MAX_TRAINING])):
        raise ModelError(f"{path}: holds an unexpected tensor {surplus[0]!r:.80}; {DOUBT}")
    if missing := [name for name in expected if name not in kinds]:
        raise ModelError(f"{path}: {missing[0]} is missing, expected shape {expected[missing[0]]}; {DOUBT}")
    flat = {(1,), (weight_count(widths),)}
    for name, (dtype, shape) in kinds.items():
        shapes = {expected[name]} if name in expected else flat
        if shape not in shapes:
            wanted = " or ".join(map(str, sorted(shapes)))
            raise ModelError(f"{path}: {name:.80} has shape {shape!s:.80}, expected {wanted}; {DOUBT}")
        if dtype != "F32":
            raise ModelError(f"{path}: {name:.80} is {dtype}, expected F32 (float32); {DOUBT}")
    return list(expected), training


def _check_numbers(path: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        limit = np.inf if name.startswith(TRAINING) else MAX_WEIGHT
        if not (np.abs(array) < limit).all():
            raise ModelError(
                f"{path}: {name} holds NaN, infinite or huge numbers; it is damaged, or its training diverged"
            )
