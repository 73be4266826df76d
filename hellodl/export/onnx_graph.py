"""The network as an ONNX graph: raw pictures in, probabilities out, the scaling of pixels inside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.errors import UsageError
from hellodl.version import __version__

try:
    from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
except ImportError:
    raise UsageError(f".onnx needs one more package; `{sys.executable} -m pip install onnx`") from None

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto

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
    graph = helper.make_graph(_nodes(len(model.layers)), "digits", [images], [answers], stored)
    made: ModelProto = helper.make_model(
        graph,
        producer_name="hellodl",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _nodes(layers: int) -> list[NodeProto]:
    """Scaling, then each layer with a ReLU behind it, the last with a softmax."""
    steps: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Cast", ["images"], {"to": TensorProto.FLOAT}),
        ("Reshape", ["rows"], {}),
        ("Mul", ["scale"], {}),
        ("Sub", ["offset"], {}),
    ]
    for i in range(1, layers + 1):
        steps.append(("Gemm", [f"lc{i}.weight", f"lc{i}.bias"], {"transB": 1}))
        steps.append(("Relu", [], {}) if i < layers else ("Softmax", [], {"axis": -1}))
    nodes, last = [], ""
    for number, (op, inputs, attributes) in enumerate(steps):
        output = "probabilities" if number == len(steps) - 1 else f"{op}{number}"
        nodes.append(helper.make_node(op, [last, *inputs] if last else inputs, [output], **attributes))
        last = output
    return nodes
