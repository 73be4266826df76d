"""Checkpoints: a model and what a resume needs in one safetensors file, replaced as a whole or not at all.

The file holds tensors and strings and nothing that could be run. Weights are stored as (n_out, n_in) float32
under the names lc1.weight, lc1.bias …, so that a PyTorch module with those names can load them.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.errors import HellodlError, ModelError
from hellodl.nn import DigitNet
from hellodl.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.float32]]

FORMAT = 1
DEFAULT_NAME = "hellodl.safetensors"
SHIPPED = Path(__file__).parent / "models" / DEFAULT_NAME
KEY = "hellodl"  # all metadata is JSON under one key: several would be written in random order
MAX_WIDTH = 1 << 16  # of a hidden layer: more is a damaged or hostile file


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
        return model


def describe(model: DigitNet) -> dict[str, Any]:
    """What every checkpoint says about itself: format, pixels, versions."""
    versions = {"hellodl": __version__, "numpy": np.__version__, "python": platform.python_version()}
    return {
        "format": FORMAT,
        "network": list(model.widths),
        "pixels": list(model.pixels),
        "versions": versions,
    }


# Writing ----------------------------------------------------------------------------------------------


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside `path`, sync it to disk, and rename: others see the old or the new.

    Raises HellodlError if the file cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415 - only where it is used

    arrays = checkpoint.weights | {f"training.{name}": array for name, array in checkpoint.training.items()}
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, to_bytes(contiguous, {KEY: json.dumps(checkpoint.about, sort_keys=True)}))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, wholly or not at all, even if the machine stops half-way."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise HellodlError(f"{path}: cannot be written: {error.strerror or error}") from None


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system knows how."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# Reading ----------------------------------------------------------------------------------------------


def find_model(path: Path | None) -> Path:
    """The model to use: the one given, else ./hellodl.safetensors, else the one that ships with hellodl."""
    if path is not None:
        return path
    local = Path(DEFAULT_NAME)
    if local.exists():
        return local
    if SHIPPED.exists():
        return SHIPPED
    raise ModelError(
        f"{local}: there is no model here; train one with `hellodl train`, or name one with -m FILE"
    )


def load_model(path: Path | None = None) -> DigitNet:
    """The network in a checkpoint; without a path the one `find_model` finds. Raises ModelError."""
    return load(find_model(path)).model()


def load(path: Path) -> Checkpoint:
    """Read and check a checkpoint. Raises ModelError if it is missing, damaged or not one of ours."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - only where it is used

    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise ModelError(f"{path}: {what}, expected a model; train one with `hellodl train -o {path}`")
    try:
        with safe_open(path, framework="numpy") as file:
            about = _read_about(path, file.metadata() or {})
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
            expected = _expected_shapes(about["network"])
            _check_shapes(path, shapes, expected)
            arrays = {name: file.get_tensor(name) for name in shapes}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: {error}; expected a safetensors file that hellodl wrote") from None
    _check_numbers(path, arrays)
    training = {
        name.removeprefix("training."): a for name, a in arrays.items() if name.startswith("training.")
    }
    return Checkpoint({name: arrays[name] for name in expected}, training, about)


def _read_about(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """The metadata, its parts that a model needs checked."""
    try:
        about = json.loads(metadata[KEY])
        version, widths, pixels = about["format"], about["network"], about["pixels"]
    except (KeyError, ValueError, TypeError, RecursionError):
        raise ModelError(f"{path}: has no hellodl metadata; is this a hellodl checkpoint?") from None
    if version != FORMAT:
        raise ModelError(
            f"{path}: is of format {version!r:.40}, expected {FORMAT}; is it from a newer hellodl?"
        )
    if not _are_widths(widths):
        raise ModelError(f"{path}: describes the network as {widths!r:.80}, expected [784, …, 10]")
    if not (_are_numbers(pixels) and len(pixels) == 2 and pixels[1] > 0):
        raise ModelError(f"{path}: scales pixels by {pixels!r:.80}, expected their mean and deviation")
    return dict(about)


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in values
    )


def _are_widths(widths: object) -> bool:
    if not (isinstance(widths, list) and 2 <= len(widths) <= 100):
        return False
    whole = all(type(width) is int and 0 < width <= MAX_WIDTH for width in widths)
    return whole and widths[0] == 784 and widths[-1] == 10


def _expected_shapes(widths: list[int]) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's tensors by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths), 1):
        shapes |= {f"lc{i}.weight": (n_out, n_in), f"lc{i}.bias": (n_out,)}
    return shapes


def _check_shapes(
    path: Path, shapes: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]]
) -> None:
    """Every expected tensor with its shape, and no other but those of the training."""
    for name, shape in expected.items():
        if name not in shapes:
            raise ModelError(
                f"{path}: {name} is missing, expected shape {shape}; is this a hellodl checkpoint?"
            )
        if shapes[name] != shape:
            raise ModelError(
                f"{path}: {name} has shape {shapes[name]}, expected {shape}; is this a hellodl checkpoint?"
            )
    for name in shapes.keys() - expected.keys():
        if not name.startswith("training."):
            raise ModelError(
                f"{path}: holds an unexpected tensor {name!r:.80}; is this a hellodl checkpoint?"
            )


def _check_numbers(path: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ModelError(
                f"{path}: {name} is {array.dtype}, expected float32; is this a hellodl checkpoint?"
            )
        if not np.isfinite(array).all():
            raise ModelError(
                f"{path}: {name} holds NaN or infinity; the file is damaged, or its training diverged"
            )
