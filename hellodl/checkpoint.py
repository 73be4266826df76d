"""Checkpoints: a model and what a resume needs in one safetensors file, replaced as a whole or not at all.

The file holds tensors and strings and nothing that could be run. Weights are stored as (n_out, n_in) float32
under the names lc1.weight, lc1.bias …, so that a PyTorch module with those names can load them.
"""

import json
import math
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hellodl import about as abouts
from hellodl.about import About
from hellodl.autograd.memory import Shape
from hellodl.errors import ModelError
from hellodl.limits import is_whole, weight_count
from hellodl.nn import DigitNet
from hellodl.system.files import kind_at, write_atomically

Arrays = dict[str, NDArray[np.float32]]

DEFAULT_NAME = "hellodl.safetensors"
SHIPPED = Path(__file__).parent / "models" / DEFAULT_NAME
KEY = "hellodl"  # all metadata is JSON under one key: several would be written in random order
TRAINING = "training."  # begins the names of the arrays that only a resume needs
MAX_WEIGHT = 1e6  # in size: training that gets there has diverged
NPY_HEADER, WIDEST_NUMBER = 4096, 8  # bytes of an .npy file before its numbers, and of one at most
MAX_HEADER = 1 << 22  # bytes: what 10,000 epochs of history take, twice over
MOST_ARRAYS = 8  # of training state: no optimizer has more
BROKEN = OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, NotImplementedError
"""What files that are no .npz raise, or such as promise what no memory can hold."""
DOUBT = "is this a hellodl checkpoint?"

# Draws zeros where weights are read from a file: NumPy's random numbers take 17 ms to load.
BLANK = cast("np.random.Generator", SimpleNamespace(standard_normal=np.zeros))


class TrainedNet(DigitNet):
    """The network of a checkpoint, with what its making found out about it.

    `recipe` says how pictures are prepared for it, `calibration` how far to believe it, `classes` are the
    names of its ten answers, `data` the name of what it learned from, if from nothing else.
    """

    def __init__(self, checkpoint: "Checkpoint") -> None:
        about = checkpoint.about
        super().__init__(about.network[1:-1], BLANK, about.pixels, upright=about.recipe.upright)
        for name, parameter in self.named_parameters().items():
            parameter.value = checkpoint.weights[name]
        self.recipe, self.calibration = about.recipe, about.calibration
        self.classes = about.dataset.classes if about.dataset else abouts.DIGITS
        more = about.settings.get("also") or about.settings.get("drawn")
        self.data = about.dataset.name if about.dataset and not more else None


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: the model's weights, how it was made, what a resume needs (if one can follow)."""

    weights: Arrays
    about: About
    training: Arrays = field(default_factory=dict)

    def model(self) -> TrainedNet:
        """The network with these weights."""
        return TrainedNet(self)

    def arrays(self) -> Arrays:
        """All arrays under the names that they have in the file."""
        return self.weights | {TRAINING + name: array for name, array in self.training.items()}


def weights_of(model: DigitNet) -> Arrays:
    """A network's weights and biases by name."""
    return {name: parameter.value for name, parameter in model.named_parameters().items()}


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `path`: others see the old one or the new one.

    Raises HellodlError if the file cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(array) for name, array in checkpoint.arrays().items()}
    about = json.dumps(abouts.as_dict(checkpoint.about), sort_keys=True)  # the same for the same record
    write_atomically(path, to_bytes(contiguous, {KEY: about}))


def find_model(path: Path | None) -> Path:
    """The model to use: the one given, else ./hellodl.safetensors, else the one that ships ("shipped")."""
    if path is not None:
        return SHIPPED if str(path) == "shipped" else path
    local = Path(DEFAULT_NAME)
    return SHIPPED if kind_at(local) in ("nothing", "hidden") else local


def load_model(path: str | os.PathLike[str] | None = None) -> TrainedNet:
    """The network in a checkpoint; without a path the one `find_model` finds. Raises ModelError."""
    return load(find_model(None if path is None else Path(path))).model()


def save_model(model: DigitNet, path: str | os.PathLike[str]) -> None:
    """Write a network to a file for `load_model` and the commands; what was there is replaced as a whole.

    Of one that was loaded, what its making found out stays. Training cannot be resumed from such a file.
    Raises ModelError for weights that `load_model` would refuse, HellodlError if it cannot be written.
    """
    known: dict[str, Any] = {}
    if isinstance(model, TrainedNet):
        data = abouts.DataIdentity(model.data, classes=model.classes) if model.data else None
        known = {"recipe": model.recipe, "calibration": model.calibration, "dataset": data}
    weights = weights_of(model)
    _check_numbers(Path(path), weights)
    save(Path(path), Checkpoint(weights, abouts.describe(model, **known)))


def load(path: Path) -> Checkpoint:
    """Read and check a checkpoint. Raises ModelError if it is missing, damaged or not one of ours.

    Nothing in the file is trusted, and no array is read before its size is known to be right.
    """
    from safetensors import SafetensorError, safe_open

    try:
        _check_start(path)
        with safe_open(path, framework="numpy") as file:
            about = abouts.read((file.metadata() or {}).get(KEY), path)
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - no dict
            kinds = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
            _check_tensors(path, kinds, about.network)
            arrays = {name: file.get_tensor(name) for name in kinds}
    except (SafetensorError, OSError, RecursionError) as error:
        what = (isinstance(error, OSError) and error.strerror) or repr(str(error))[1:-1]  # may quote the file
        raise ModelError(f"{path}: {what:.200}; expected a safetensors file that hellodl wrote") from None
    _check_numbers(path, arrays)
    weights = {name: arrays.pop(name) for name in _shapes(about.network)}
    training = {name.removeprefix(TRAINING): arrays[name] for name in sorted(arrays)}
    return Checkpoint(weights, about, training)


def load_weights(path: Path, widths: Sequence[int]) -> Arrays:
    """Weights and biases of a network of these widths, from any program's .safetensors or .npz.

    They have the names lc1.weight (n_out, n_in), lc1.bias …; what else is in the file is left alone. Raises
    ModelError if they are not all there, or of other shapes, or no numbers.
    """
    from safetensors import SafetensorError

    path = find_model(path)
    expected = _shapes(widths)
    read, kind = (_npz, "weights as .npz") if path.suffix == ".npz" else (_safetensors, "a safetensors file")
    try:
        found = read(path, expected)
    except (SafetensorError, RecursionError, TypeError, *BROKEN) as error:
        raise ModelError(f"{path}: {str(error)!r:.200}; expected {kind}") from None
    for name, shape in expected.items():
        if name not in found:
            raise ModelError(f"{path}: holds no {name!r}, expected tensors {', '.join(expected)}")
        if found[name].shape != shape:
            raise ModelError(f"{path}: {name} has shape {found[name].shape!s:.80}, expected {shape}")
        if found[name].dtype.kind not in "fiu":
            raise ModelError(f"{path}: {name} is {found[name].dtype!s:.80}, expected float32")
    with np.errstate(over="ignore"):  # what is infinite then is refused below
        weights = {name: found[name].astype(np.float32) for name in expected}
    _check_numbers(path, weights)
    return weights


def learned_upright(path: Path) -> bool:
    """Whether weights in a file learned from pictures turned upright, as it says; not if it says nothing."""
    try:
        if path.suffix != ".npz":
            return load(find_model(path)).about.recipe.upright
        return bool(_npz(path, {"upright": ()})["upright"])
    except (ModelError, KeyError, *BROKEN):
        return False  # `load_weights` says what is wrong, if anything is


def _safetensors(path: Path, expected: dict[str, Shape]) -> dict[str, NDArray[np.generic]]:
    from safetensors import safe_open

    _check_start(path)
    with safe_open(path, framework="numpy") as file:
        names = sorted(expected.keys() & file.keys())
        for name in names:
            if (kind := file.get_slice(name).get_dtype()) not in ("F32", "F64", "F16"):
                raise ModelError(f"{path}: {name} is {kind}, expected F32 (float32)")  # NumPy lacks some
        return {name: file.get_tensor(name) for name in names}


def _npz(path: Path, expected: dict[str, Shape]) -> dict[str, NDArray[np.generic]]:
    if kind_at(path) != "file":
        raise ModelError(f"{path}: is no file, expected weights as .npz")
    with zipfile.ZipFile(path) as packed:
        sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
    for name, shape in expected.items():
        if sizes.get(f"{name}.npy", 0) > NPY_HEADER + WIDEST_NUMBER * math.prod(shape):
            raise ModelError(f"{path}: {name} is larger than expected, {shape}")
    with np.load(path) as arrays:  # which refuses pickles: allow_pickle=False is its default
        return {name: arrays[name] for name in expected if name in arrays}


def _check_start(path: Path) -> None:
    """Open nothing but a plain file, and none that promises a huge header: parsing it would take memory."""
    kind = kind_at(path)
    if kind == "nothing":
        raise ModelError(f"{path}: does not exist, expected a model; `hellodl train -o {path}` makes one")
    if kind in ("folder", "other"):
        raise ModelError(f"{path}: is a {kind if kind == 'folder' else 'device or pipe'}, expected a model")
    with path.open("rb") as file:
        header, size = int.from_bytes(file.read(8), "little"), path.stat().st_size
    if not 0 < header <= min(MAX_HEADER, size - 8):
        raise ModelError(f"{path}: begins as no model does, is cut off, or has too long a header; {DOUBT}")


def _shapes(widths: Sequence[int]) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths), 1):
        shapes |= {f"lc{i}.weight": (n_out, n_in), f"lc{i}.bias": (n_out,)}
    return shapes


def _check_tensors(path: Path, kinds: dict[str, tuple[str, Shape]], widths: Sequence[int]) -> None:
    """Refuse tensors that are missing, unknown, too many, no float32, or of a shape that does not fit."""
    expected = _shapes(widths)
    ours = sorted(n for n in kinds if n.startswith(TRAINING) and n.removeprefix(TRAINING).isidentifier())
    if surplus := sorted(kinds.keys() - {*expected, *ours[:MOST_ARRAYS]}):
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


def _check_numbers(path: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        limit = np.inf if name.startswith(TRAINING) else MAX_WEIGHT
        if not (np.abs(array) < limit).all():
            raise ModelError(
                f"{path}: {name} holds NaN, infinite or huge numbers; it is damaged, or its training diverged"
            )


# What a checkpoint holds and how it was made, as one record --------------------------------------------


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
class ResumePoint:
    """Where a resumed training goes on."""

    step: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Inspection(About):
    """What a checkpoint holds: all that it says about itself, and what was found in it.

    `bytes` is the file's size; `resume` is None where the training cannot go on from this file.
    """

    model: str
    bytes: int
    weights: int
    biases: int
    tensors: tuple[TensorSummary, ...]
    resume: ResumePoint | None


def examine(path: Path, loaded: Checkpoint) -> Inspection:
    """Everything `hellodl inspect` says about a checkpoint that was loaded from `path`."""
    about = loaded.about
    position = about.position if loaded.training and is_whole(about.settings.get("epochs")) else None
    return Inspection(
        **vars(about),
        model=str(path),
        bytes=path.stat().st_size,
        weights=sum(n_in * n_out for n_in, n_out in pairwise(about.network)),
        biases=sum(about.network[1:]),
        tensors=tuple(_summary(name, array) for name, array in loaded.arrays().items()),
        resume=ResumePoint(position.step, len(about.history)) if position else None,
    )


def _summary(name: str, array: NDArray[np.float32]) -> TensorSummary:
    wide = array.astype(np.float64)
    return TensorSummary(name, array.shape, *map(float, (wide.mean(), wide.std(), wide.min(), wide.max())))
