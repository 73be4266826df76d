"""hellodl teaches a computer to read handwritten digits, on an autograd core that is made to be read.

    from hellodl import Tensor, grad, Program

Names are imported when they are first used, so that starting the command line costs next to nothing.
"""

from __future__ import annotations

import builtins
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

from hellodl.version import __version__ as __version__

if TYPE_CHECKING:
    from hellodl import autograd, axes
    from hellodl import datasets as datasets
    from hellodl import errors as errors
    from hellodl import evaluation as evaluation
    from hellodl import nn as nn
    from hellodl import optim as optim
    from hellodl.autograd import Program as Program
    from hellodl.autograd import Tensor as Tensor
    from hellodl.autograd import grad as grad
    from hellodl.checkpoint import load_model, save_model
    from hellodl.graphs.svg import draw
    from hellodl.reading.reader import read as read

    load, save, graph = load_model, save_model, draw
    gather, einsum = axes.gather, axes.einsum
    concat, stack, where = autograd.concat, autograd.stack, autograd.where
    vjp, jvp, hvp = autograd.vjp, autograd.jvp, autograd.hvp
    exp, log, sin, cos, tanh, sqrt = Tensor.exp, Tensor.log, Tensor.sin, Tensor.cos, Tensor.tanh, Tensor.sqrt
    sigmoid, relu, gelu, abs, sum = Tensor.sigmoid, Tensor.relu, Tensor.gelu, Tensor.abs, Tensor.sum  # noqa: A001 - NumPy's names
    clip, maximum, minimum, mean, prod = Tensor.clip, Tensor.maximum, Tensor.minimum, Tensor.mean, Tensor.prod
    max, min, var, std, argmax = Tensor.max, Tensor.min, Tensor.var, Tensor.std, Tensor.argmax  # noqa: A001 - the same
    reshape, flatten, transpose, detach = Tensor.reshape, Tensor.flatten, Tensor.transpose, Tensor.detach
    softmax, log_softmax = Tensor.softmax, Tensor.log_softmax

# fmt: off
_METHODS = [  # of Tensor that are functions too
    "exp", "log", "sin", "cos", "tanh", "sigmoid", "relu", "gelu", "abs", "sqrt", "clip", "maximum",
    "minimum", "sum", "mean", "max", "min", "prod", "var", "std", "argmax", "reshape", "flatten", "transpose",
    "softmax", "log_softmax", "detach",
]
_CORE = ["Tensor", "Program", "grad", "concat", "stack", "where", "vjp", "jvp", "hvp"]
# fmt: on
_HOMES = {
    "load": ("hellodl.checkpoint", "load_model"),
    "graph": ("hellodl.graphs.svg", "draw"),
    "save": ("hellodl.checkpoint", "save_model"),
    "read": ("hellodl.reading.reader", "read"),
    **{name: (f"hellodl.{name}", "") for name in ("datasets", "errors", "evaluation", "nn", "optim")},
    **{name: ("hellodl.axes", name) for name in ("gather", "einsum")},
    **{name: ("hellodl.autograd", name) for name in _CORE},
    **{name: ("hellodl.autograd.tensor", f"Tensor.{name}") for name in _METHODS},
}

# A star takes what Python itself has no function of: not sum, max, min and abs, which are there all the same.
__all__ = sorted({*_HOMES, "__version__"} - set(dir(builtins)))  # noqa: PLE0605 - the names are listed above


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hellodl' has no attribute {name!r}")
    module, path = _HOMES[name]
    found = import_module(module)
    globals()[name] = attrgetter(path)(found) if path else found
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES})
