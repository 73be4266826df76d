"""Every op, forward and backward side by side: a table of the rules of calculus.

Most ops are a row: a NumPy function and, for each input, what it receives when `g`, the gradient of the
result `y`, is pushed down. Those with more to say are classes. All rules are written in the same operators
as any formula, so gradients are graphs themselves, which can be differentiated, drawn and replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from hellodl.autograd.memory import erf, product
from hellodl.autograd.tensor import Op, Tensor, apply, as_tensors, register
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hellodl.autograd.memory import Array, Shape
    from hellodl.autograd.tensor import Axis, Gradients, Operand

    Rule = Callable[..., Tensor | None]


class Elementwise(Op):
    """An op on each element alone; inputs are broadcast against each other."""

    def shape(self, *shapes: Shape) -> Shape:
        """The shape all inputs broadcast to."""
        first = shapes[0]
        if shapes.count(first) == len(shapes):
            return first
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise misfit(self.name, *shapes) from None


class Row(Elementwise):
    """An elementwise op that is one NumPy function and a rule for each input, None where it is flat."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *rules: Rule | None,
        symbol: str = "",
        in_place: bool = True,
    ) -> None:
        self.name, self.symbol, self.in_place = name, symbol or name, in_place
        self.function, self.rules = function, rules
        register(name, self, f"a row with {function}")

    def step(self, out: Array, *inputs: Array) -> Callable[[], object]:
        return partial(self.function, *inputs, out=out)

    def backward(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Gradients:
        return self.rules


def misfit(name: str, *shapes: Shape) -> ShapeError:
    """The error to raise when tensors do not fit together."""
    return ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} do not fit together")


def masked(g: Tensor, mask: Tensor) -> Tensor:
    """`g` where the mask is not 0, else 0: also where `g` is infinite, as 0 times infinity is NaN."""
    return apply("masked", g, mask)


def won(g: Tensor, y: Tensor, mine: Tensor, other: Tensor) -> Tensor:
    """What the winner of two receives: all of it, or half where they are equal."""
    return masked(g / ((mine == y) + (other == y)), mine == y)


def sigmoid(x: Array, out: Array) -> None:
    """1 / (1 + exp(-x)); where exp overflows, 1 / infinity is the 0 that is meant."""
    np.multiply(x, -1, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def choose(condition: Array, a: Array, b: Array, out: Array) -> None:
    """Take a where the condition is not 0, else b."""
    np.copyto(out, b)
    np.copyto(out, a, where=condition != 0)


# The table. Comparisons cannot write over their inputs: NumPy compares into another type. -----------------

compare = partial(partial, casting="unsafe")  # 1 and 0 as floats

# fmt: off
Row("add",      np.add,      lambda g, y, a, b: g,     lambda g, y, a, b: g,          symbol="+")
Row("subtract", np.subtract, lambda g, y, a, b: g,     lambda g, y, a, b: -g,         symbol="-")
Row("multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a,      symbol="*")
Row("divide",   np.divide,   lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, symbol="/")
Row("negative", np.negative, lambda g, y, x: -g,                                      symbol="-")
Row("exp",      np.exp,      lambda g, y, x: g * y)
Row("log",      np.log,      lambda g, y, x: g / x)
Row("sin",      np.sin,      lambda g, y, x: g * x.cos())
Row("cos",      np.cos,      lambda g, y, x: -g * x.sin())
Row("tanh",     np.tanh,     lambda g, y, x: g * (1 - y * y))
Row("sigmoid",  sigmoid,     lambda g, y, x: g * y * (1 - y))
Row("sqrt",     np.sqrt,     lambda g, y, x: g / (2 * y),                             symbol="√")
Row("abs",      np.absolute, lambda g, y, x: g * apply("sign", x))
Row("sign",     np.sign,     None)
Row("detach",   np.positive, None)
Row("relu",     partial(np.maximum, 0.0), lambda g, y, x: masked(g, y))
Row("erf",      erf,         lambda g, y, x: g * (2 / math.sqrt(math.pi) * (-x * x).exp()), in_place=False)
Row("maximum",  np.maximum,  won,                      lambda g, y, a, b: won(g, y, b, a))
Row("minimum",  np.minimum,  won,                      lambda g, y, a, b: won(g, y, b, a))
Row("where",    choose, None, lambda g, y, c, a, b: masked(g, c), lambda g, y, c, a, b: masked(g, c == 0),
                                                                                      in_place=False)
Row("less",       compare(np.less),       None, None, symbol="<", in_place=False)
Row("less_equal", compare(np.less_equal), None, None, symbol="≤", in_place=False)
Row("greater",       compare(np.greater),       None, None, symbol=">", in_place=False)
Row("greater_equal", compare(np.greater_equal), None, None, symbol="≥", in_place=False)
Row("equal",      compare(np.equal),      None, None, symbol="=", in_place=False)
Row("not_equal",  compare(np.not_equal),  None, None, symbol="≠", in_place=False)
Row("exponentiate", np.power,  # 0**b is flat in b, though log(0) is not finite, and 0**0 in a
    lambda g, y, a, b: g * b * apply("exponentiate", a + (a == 0) * (b == 0), b - 1),
    lambda g, y, a, b: g * y * (a + (a == 0)).log(), symbol="**")
# fmt: on


@dataclass(frozen=True)
class Power(Elementwise, name="power", symbol="**"):
    """x to a constant power: no logarithm is needed to differentiate it, as it is in `exponentiate`."""

    exponent: float

    quick = range(2, 9)  # by multiplying, a hundred times as fast as np.power

    @classmethod
    def of(cls, x: Operand, exponent: Operand) -> Tensor:
        """A node of this op if the exponent is a number, else of `exponentiate`."""
        if isinstance(exponent, int | float | np.floating | np.integer):
            return cls(float(exponent))(x)
        return apply("exponentiate", x, exponent)

    def forward(self, out: Array, x: Array) -> None:
        if self.exponent not in self.quick:
            np.power(x, self.exponent, out=out)
            return
        np.multiply(x, x, out=out)
        for _ in range(int(self.exponent) - 2):
            np.multiply(out, x, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * (self.exponent * x ** (self.exponent - 1)) if self.exponent else None,)


# Folding axes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reduction(Op):
    """An op that folds the given axes into one number each, and leaves them with a length of 1."""

    axes: Shape

    ufunc: ClassVar[Any]  # whose `reduce` folds

    @classmethod
    def of(cls, x: Operand, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """The node, and unless its axes are to be kept another one, a reshape without them."""
        (x,) = as_tensors((x,))
        axes = axes_of(cls.name, axis, x.shape)
        y = cls(axes)(x)
        return y if keepdims or not axes else y.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    def shape(self, x: Shape) -> Shape:
        if self.ufunc.identity is None and 0 in [x[i] for i in self.axes]:
            raise ShapeError(f"{self.name}: a tensor of shape {x} has nothing to choose from")
        return tuple([1 if i in self.axes else n for i, n in enumerate(x)])

    def forward(self, out: Array, x: Array) -> None:
        self.ufunc.reduce(x, axis=self.axes, keepdims=True, out=out)


class Sum(Reduction, name="sum", symbol="Σ"):
    ufunc = np.add

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (apply("broadcast", g, to=x.shape),)


class Max(Reduction, name="max"):
    ufunc: ClassVar[Any] = np.maximum

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        chosen = x == y
        return (masked(g / chosen.sum(self.axes, keepdims=True), chosen),)


class Min(Max, name="min"):
    ufunc = np.minimum


def axes_of(name: str, axis: Axis, shape: Shape) -> Shape:
    """The axes meant by `axis`, counted from the front; ShapeError if one is missing or named twice."""
    try:
        return normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    except ValueError as error:
        raise ShapeError(f"{name}: a tensor of shape {shape}: {error}") from None


# Matrices -----------------------------------------------------------------------------------------------


class MatMul(Op, name="matmul", symbol="@"):
    """The matrix product over the last two axes; leading axes broadcast."""

    @classmethod
    def of(cls, a: Operand, b: Operand) -> Tensor:
        """The node; a vector on the left becomes a row, on the right a column, as in NumPy."""
        a, b = as_tensors((a, b))
        if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2:][0]:
            raise misfit("matmul", a.shape, b.shape)
        if a.ndim == 1:
            return (a.reshape(1, -1) @ b).reshape((*b.shape[:-2], *b.shape[-1:]) if b.ndim > 1 else ())
        return cls()(a, b) if b.ndim > 1 else cls()(a, b.reshape(-1, 1)).reshape(a.shape[:-1])

    def shape(self, a: Shape, b: Shape) -> Shape:
        try:
            return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])
        except ValueError:
            raise misfit("matmul", a, b) from None

    def forward(self, out: Array, a: Array, b: Array) -> None:
        product(a, b, out)

    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return lambda *_: g @ swap(b), lambda *_: swap(a) @ g


def swap(x: Tensor) -> Tensor:
    """The last two axes exchanged: a matrix transposed, or each matrix of a batch."""
    return x.transpose(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)


@dataclass(frozen=True)
class LogSoftmax(Op, name="log_softmax"):
    """x - log(sum(exp(x))), with the largest x taken out first so that exp cannot overflow."""

    axis: int = -1

    @classmethod
    def of(cls, x: Operand, axis: int = -1) -> Tensor:
        """The node."""
        return cls(axis)(x)

    def shape(self, x: Shape) -> Shape:
        (axis,) = axes_of(self.name, self.axis, x)
        if not x[axis]:
            raise ShapeError(f"{self.name}: a tensor of shape {x} has nothing along axis {self.axis}")
        return x

    def forward(self, out: Array, x: Array) -> None:
        largest = x.max(self.axis, keepdims=True)
        np.subtract(x, largest, out=out)
        np.exp(out, out=out)
        log_total = np.log(out.sum(self.axis, keepdims=True))
        np.subtract(x, largest, out=out)  # again: adding the two first would round away a small log_total
        np.subtract(out, log_total, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g - y.exp() * g.sum(self.axis, keepdims=True),)


# Made of others: their gradients follow -------------------------------------------------------------------


def composed(name: str, function: Callable[..., Tensor]) -> None:
    """Let a function of a tensor be found by its name, like an op."""
    register(name, lambda x, *rest, **named: function(*as_tensors((x,)), *rest, **named), f"composed {name}")


def mean(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The sum divided by how many there were."""
    total = x.sum(axis, keepdims=keepdims)
    if total.size > x.size:
        raise ShapeError(f"mean: a tensor of shape {x.shape} has nothing to average")
    return total * (total.size / max(x.size, 1))


def var(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The mean squared distance from the mean, divided by n as in NumPy."""
    away = x - x.mean(axis, keepdims=True)
    return (away * away).mean(axis, keepdims=keepdims)


def prod(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """One half times the other, again and again: without a division, zeros do no harm."""
    axes, ones = axes_of("prod", axis, x.shape), x.sum(axis, keepdims=keepdims) * 0 + 1
    others = [i for i in range(x.ndim) if i not in axes]
    size = math.prod(x.shape[i] for i in axes)
    y = x.transpose(*axes, *others).reshape(size, *[x.shape[i] for i in others])
    while len(y) > 1:
        half = len(y) // 2
        y = apply("concatenate", [y[:half] * y[half : 2 * half], y[2 * half :]])
    return y.reshape(ones.shape) if size else ones


def clip(x: Tensor, low: Operand | None = None, high: Operand | None = None) -> Tensor:
    """Each limit where x is beyond it; at a limit itself x's gradient still flows."""
    y = x if high is None else apply("where", x > high, high, x)
    return y if low is None else apply("where", x < low, low, y)


composed("mean", mean)
composed("var", var)
composed("prod", prod)
composed("std", lambda x, axis=None, *, keepdims=False: x.var(axis, keepdims=keepdims).sqrt())
composed("gelu", lambda x: x * (0.5 + 0.5 * apply("erf", x * math.sqrt(0.5))))  # x times Φ(x)
composed("flatten", lambda x: x.reshape(-1))
composed("softmax", lambda x, axis=-1: x.log_softmax(axis).exp())
composed("clip", clip)
