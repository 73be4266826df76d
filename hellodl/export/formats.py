"""Models in the formats of other programs, chosen by the file's name: .onnx, .npz and .h."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hellodl.errors import UsageError
from hellodl.export.c_header import header
from hellodl.export.int8 import arrays_of, quantised
from hellodl.nn import DigitNet
from hellodl.system.files import write_atomically


@dataclass(frozen=True)
class Exported:
    """What was written: the file, its kind, its size, and how many bytes of it the weights are in use."""

    file: str
    format: str
    bytes: int
    weight_bytes: int


def export(model: DigitNet, path: Path, *, int8: bool = False) -> Exported:
    """Write a model to `path` in the format that the file's name says, whole or not at all.

    int8: whole numbers of eight bits for weights; for .h alone. Raises UsageError for other names, or where
    a package is missing that the format needs; HellodlError if the file cannot be written.
    """
    suffix = check_name(path, int8=int8)
    net = quantised(model) if int8 else model
    content = FORMATS[suffix](net)
    write_atomically(path, content)
    kind = f"int8 {suffix[1:]}" if int8 else suffix[1:]
    weights = sum(array.nbytes for layer in net.layers for array in arrays_of(layer).values())
    return Exported(str(path), kind, len(content), weights)


def check_name(path: Path, *, int8: bool = False) -> str:
    """The suffix of a file to export to. Raises UsageError for one that is none."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"{path}: a model is exported as .onnx, .npz or .h; name the file so")
    if int8 and suffix != ".h":
        raise UsageError(f"{path}: --int8 is for .h alone; name the file so, or leave --int8 out")
    return suffix


def npz(model: DigitNet) -> bytes:
    """The weights by name, `pixels`, their mean and deviation, and `upright`, as NumPy's `load` reads them.

    upright: a bool, whether pictures go through hellodl.upright before their pixels are scaled.
    """
    buffer = io.BytesIO()
    arrays = {name: np.ascontiguousarray(p.value) for name, p in model.named_parameters().items()}
    prepared = {"upright": np.array(model.upright), "pixels": np.array(model.pixels, np.float64)}
    np.savez(buffer, **prepared, **arrays)  # type: ignore[arg-type] # none is called allow_pickle
    return buffer.getvalue()


def onnx(model: DigitNet) -> bytes:
    """The network as an ONNX model, any number of images at a time. Raises UsageError without onnx."""
    from hellodl.export.onnx_graph import onnx_model

    return onnx_model(model)


FORMATS: dict[str, Callable[[Any], bytes]] = {".onnx": onnx, ".npz": npz, ".h": header}
