"""The network as one C header: its weights, and a forward pass in some forty lines of C99.

The C stands in the files of c/: digits.h, the body of float.h or int8.h in it, and upright.h where need be.
"""

from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl import upright as twin
from hellodl.export.int8 import Int8Net, arrays_of
from hellodl.nn import DigitNet
from hellodl.version import __version__

C = Path(__file__).parent / "c"
A_LINE = 16  # numbers
FLOAT_FIELDS = "const float *weight, *bias"
INT8_FIELDS = "const int8_t *weight; const float *scale, *bias"


def header(net: DigitNet | Int8Net) -> bytes:
    """A C header with a network's numbers and `hellodl_predict`, which computes what `net.predict` does."""
    arrays = [arrays_of(layer) for layer in net.layers]
    shapes = [own["weight"].shape for own in arrays]
    widest, outs = max(max(shape) for shape in shapes), max(n_out for n_out, _ in shapes)
    told: dict[str, object] = {
        "version": __version__,
        "arrays": "".join(_array(i, *each) for i, own in enumerate(arrays, 1) for each in own.items()),
        "layers": "".join(_row(i, own) for i, own in enumerate(arrays, 1)),
        "widest": widest,
        "outs": outs,
        "count": len(shapes),
    } | _turning(upright=net.upright)
    if isinstance(net, Int8Net):
        body, fields, scratch = "int8.h", INT8_FIELDS, widest + 4 * outs
    else:
        body, fields, scratch = "float.h", FLOAT_FIELDS, 8 * widest + 784 * net.upright
        mean, deviation = net.pixels
        factor, offset = np.array([1 / (255 * deviation), mean / deviation], np.float32)
        told |= {"factor": _literal(factor), "offset": _literal(offset)}
    told |= {"fields": fields, "scratch": f"{scratch:,}"}
    text = _text("digits.h").replace("$body", _text(body))
    return Template(text).substitute(told).encode()


def _turning(*, upright: bool) -> dict[str, object]:
    """What the code says where pictures are turned upright, or not."""
    if not upright:
        copy = "for (int i = 0; i < 784; i++) in[i] = image[i];"
        return {"upright": "", "math": "expf and", "turn": "", "image": "image", "copy": copy}
    numbers = {name: _literal(np.float32(n)) for name, n in vars(twin).items() if isinstance(n, float)}
    code = Template(_text("upright.h")).substitute(numbers)  # the twin of hellodl.upright, by its numbers
    turn, copy = "    uint8_t seen[784];\n    hellodl_upright(image, seen);\n", "hellodl_upright(image, in);"
    return {"upright": code, "math": "expf, sqrtf and", "turn": turn, "image": "seen", "copy": copy}


def _text(name: str) -> str:
    return (C / name).read_text(encoding="utf-8")


def _row(number: int, arrays: dict[str, NDArray[Any]]) -> str:
    n_out, n_in = arrays["weight"].shape
    return f"    {{{n_in}, {n_out}, {', '.join(f'hellodl_lc{number}_{name}' for name in arrays)}}},\n"


def _array(layer: int, name: str, array: NDArray[Any]) -> str:
    kind = "int8_t" if array.dtype == np.int8 else "float"
    texts = [_literal(value) for value in array.ravel()]
    lines = ",\n".join(",".join(texts[i : i + A_LINE]) for i in range(0, len(texts), A_LINE))
    return f"static const {kind} hellodl_lc{layer}_{name}[{array.size}] = {{\n{lines}}};\n\n"


def _literal(value: np.generic) -> str:
    """A number in C, to the last bit."""
    if isinstance(value, np.integer):
        return str(int(value))
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
