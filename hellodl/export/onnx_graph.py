"""The network as an ONNX graph: raw pictures in, probabilities out, all that is done to pixels inside."""

import sys
from dataclasses import dataclass
from functools import partial, partialmethod
from typing import Any

import numpy as np

from hellodl.errors import UsageError
from hellodl.upright import AXIS, LEAST, MIDDLE, NARROWEST, POWERS, SIDE, STEEPEST, USUAL, WIDEST
from hellodl.version import __version__

try:
    from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
except ImportError:
    raise UsageError(f".onnx needs one more package; `{sys.executable} -m pip install onnx`") from None
from numpy.typing import ArrayLike, NDArray
from onnx import GraphProto

from hellodl.nn import DigitNet

OPSET = 13  # the oldest set of operators in which Softmax works along one axis: older programs read it too
IR_VERSION = 8  # the format of the file itself, of 2021, for the same reason


def onnx_model(model: DigitNet) -> bytes:
    """A checked ONNX model: `images` uint8 (n, 28, 28) → `probabilities` float32 (n, 10), n free."""
    mean, deviation = model.pixels
    constants: dict[str, NDArray[np.generic]] = {
        "rows": np.array([-1, 784]),
        "scale": np.array(1 / (255 * deviation), np.float32),
        "offset": np.array(mean / deviation, np.float32),
    }
    constants |= {name: np.ascontiguousarray(p.value) for name, p in model.named_parameters().items()}
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([], "digits", [images], [answers], stored)
    named = partial(_Array, graph)
    x = _upright(named("images")) if model.upright else named("images")
    x = x.op("Cast", to=TensorProto.FLOAT).op("Reshape", named("rows")) * named("scale") - named("offset")
    for i in range(1, len(model.layers) + 1):
        x = x.op("Gemm", named(f"lc{i}.weight"), named(f"lc{i}.bias"), transB=1)
        x = x.op("Relu") if i < len(model.layers) else x.op("Softmax", axis=-1)
    graph.node[-1].output[0] = "probabilities"
    made: ModelProto = helper.make_model(
        graph,
        producer_name="hellodl",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class _Array:
    """An array in a graph that is being written: what is done with it becomes a node, numbers constants."""

    graph: GraphProto
    name: str

    def op(self, kind: str, *others: "_Array | ArrayLike", **attributes: Any) -> "_Array":
        inputs = [self, *(each if isinstance(each, _Array) else self.constant(each) for each in others)]
        result = _Array(self.graph, f"{kind}{len(self.graph.node)}")
        node = helper.make_node(kind, [each.name for each in inputs], [result.name], **attributes)
        self.graph.node.append(node)
        return result

    def constant(self, value: ArrayLike, kind: type = np.float32) -> "_Array":
        name = f"constant{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
        return _Array(self.graph, name)

    __add__, __sub__ = partialmethod(op, "Add"), partialmethod(op, "Sub")
    __mul__, __truediv__ = partialmethod(op, "Mul"), partialmethod(op, "Div")


def _upright(images: _Array) -> _Array:
    """Twin of hellodl.upright, step by step: uint8 (n, 28, 28)."""
    ink = images.op("Cast", to=TensorProto.FLOAT)
    flat = ink.op("Reshape", ink.constant([-1, 1, SIDE**2], np.int64))
    total, *sums = (flat.op("MatMul", power[:, None]) for power in POWERS.T)  # (n, 1, 1)
    at_least_1 = total.op("Max", 1)
    x, y, xx, xy, yy = (each / at_least_1 for each in sums)
    xx, xy, yy = xx - x * x, xy - x * y, (yy - y * y).op("Max", LEAST)
    slant = (xy / yy).op("Clip", -STEEPEST, STEEPEST)
    width = (xx - slant * 2 * xy + slant * slant * yy).op("Relu").op("Sqrt")
    stretch = (width / USUAL).op("Sqrt").op("Clip", NARROWEST, WIDEST)
    middles = x + MIDDLE + slant * (ink.constant(AXIS[:, None]) - y)
    places = (stretch * AXIS + middles).op("Clip", -1, SIDE).op("Add", 1)
    at = places.op("Cast", to=TensorProto.INT64)
    padded = ink.op("Pad", ink.constant([0, 0, 1, 0, 0, 2], np.int64))
    left = padded.op("GatherElements", at, axis=2)
    right = padded.op("GatherElements", at + ink.constant(1, np.int64), axis=2)
    rounded: _Array = left + (right - left) * (places - at.op("Cast", to=TensorProto.FLOAT)) + 0.5
    return rounded.op("Cast", to=TensorProto.UINT8)
