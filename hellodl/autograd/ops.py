"""Every op, forward and backward side by side: a table of the rules of calculus.

An op is a row: a NumPy function and, for each input, what it receives when `g`, the gradient of the result
`y`, is pushed down. An op with parameters makes a row for each node. All rules are written in the same
operators as any formula, so gradients are graphs themselves, which can be differentiated, drawn, replayed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from inspect import Signature, signature
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from hellodl.autograd.memory import Array, Shape, erf, product
from hellodl.autograd.tensor import Axis, Gradients, Op, Operand, Tensor, apply, as_tensors, register
from hellodl.errors import ShapeError

Rule: TypeAlias = Callable[..., Tensor | None]


class Elementwise(Op):
    """An op on each element alone; inputs are broadcast against each other."""

    rules: tuple[Any, ...] = ()  # of a `Row`, one an input

    def shape(self, *shapes: Shape) -> Shape:
        """The shape all inputs broadcast to."""
        first = shapes[0]
        if len(shapes) != (len(self.rules) or len(shapes)):
            raise TypeError(f"{self.name} takes {len(self.rules)} of tensors and numbers, not {len(shapes)}")
        if shapes.count(first) == len(shapes):
            return first
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise misfit(self.name, *shapes) from None


class Row(Elementwise):
    """An op that is one function of arrays and a rule for each input, None where it is flat.

    `function(*arrays, out=array)` is called as NumPy's are; a rule is `rule(g, y, *inputs)`. `others` are
    what `Op` says of ops (shape, symbol, dtype, in_place), where it is not as usual, and the parameters that
    a listing of a program shows.
    """

    def __init__(self, name: str, function: Callable[..., Any], *rules: Rule | None, **others: Any) -> None:
        self.name, self.symbol, self.function = name, name, function
        self.rules = rules
        vars(self).update(others)

    def step(self, out: Array, *inputs: Array) -> Callable[[], object]:
        return partial(self.function, *inputs, out=out)

    def backward(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Gradients:
        return self.rules


def misfit(name: str, *shapes: Shape) -> ShapeError:
    """The error to raise when tensors do not fit together."""
    return ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} do not fit together")


def won(g: Tensor, y: Tensor, mine: Tensor, other: Tensor) -> Tensor:
    """What the winner of two receives: all of it, or half where they are equal."""
    return (g / ((mine == y) + (other == y))).masked(mine == y)


def sigmoid(x: Array, out: Array) -> None:
    """1 / (1 + exp(-x)); where exp overflows, 1 / infinity is the 0 that is meant."""
    np.multiply(x, -1, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def relu(x: Array, out: Array) -> None:
    """The larger of x and 0; against a row of zeros: NumPy takes three times as long against a single 0."""
    np.maximum(x, np.zeros(x.shape[-1:], x.dtype), out=out)


ONE: dict[int, Array] = {4: np.ones((), np.uint32), 8: np.ones((), np.uint64)}  # by the bytes of a number


def mask(x: Array, condition: Array, out: Array) -> None:
    """Take x where the condition is not 0, else 0: x's bits, read as an integer, times 1 or 0."""
    one = ONE[out.itemsize]
    x, condition, out = [a.astype(out.dtype, copy=False).view(one.dtype) for a in (x, condition, out)]
    np.add(condition, condition, out)  # without the sign, as -0 is 0
    np.minimum(out, one, out=out)
    np.multiply(out, x, out)


# The table ------------------------------------------------------------------------------------------------


def row(name: str, function: Callable[..., Any], *rules: Rule | None, doc: str = "", **others: Any) -> None:
    """Enter an elementwise op; it may write over its input unless it says otherwise."""
    doc = doc or f"{others.get('symbol', name)}, element by element."
    register(Row(name, function, *rules, **{"in_place": True, **others}), name, doc)
    if rule := next(filter(None, reversed(rules)), None):  # so that help() shows what it takes, and the row
        _, _, *operands = signature(rule).parameters.values()  # behind g and y
        method = vars(Tensor)[name]
        method.__wrapped__, method.__signature__ = rule, Signature(operands, return_annotation="Tensor")


# fmt: off
row("add",      np.add,      lambda g, y, a, b: g,     lambda g, y, a, b: g,          symbol="+")
row("subtract", np.subtract, lambda g, y, a, b: g,     lambda g, y, a, b: -g,         symbol="-")
row("multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a,      symbol="*")
row("divide",   np.divide,   lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, symbol="/")
row("negative", np.negative, lambda g, y, x: -g,                                      symbol="-")
row("exp",      np.exp,      lambda g, y, x: g * y,           doc="e to the power of x.")
row("log",      np.log,      lambda g, y, x: g / x,           doc="The natural logarithm.")
row("sin",      np.sin,      lambda g, y, x: g * x.cos(),     doc="The sine (radians).")
row("cos",      np.cos,      lambda g, y, x: -g * x.sin(),    doc="The cosine (radians).")
row("tanh",     np.tanh,     lambda g, y, x: g * (1 - y * y), doc="The hyperbolic tangent.")
row("sigmoid",  sigmoid,     lambda g, y, x: g * y * (1 - y), doc="1 / (1 + exp(-x)).")
row("sqrt",     np.sqrt,     lambda g, y, x: g / (2 * y),     doc="The square root.", symbol="√")
row("abs",      np.absolute, lambda g, y, x: g * x.sign(),    doc="The absolute value; flat at 0.")
row("sign",     np.sign,     None,                            doc="-1, 0 or 1.")
row("detach",   np.positive, None,               doc="The same numbers, through which no gradient flows.")
row("relu",     relu,        lambda g, y, x: g.masked(y), doc="Negative elements replaced by 0.")
row("erf",      erf,         lambda g, y, x: g * (2 / math.sqrt(math.pi) * (-x * x).exp()), in_place=False)
row("maximum",  np.maximum,  won, lambda g, y, a, b: won(g, y, b, a),
    doc="The larger of this and another tensor; equal ones share the gradient.")
row("minimum",  np.minimum,  won, lambda g, y, a, b: won(g, y, b, a),
    doc="The smaller of this and another tensor; equal ones share the gradient.")
row("masked",   mask,        lambda g, y, x, c: g.masked(c), None, in_place=False,
    doc="Each element where the condition is not 0, else 0.")
row("where",    lambda a, c, b, out: np.copyto(out, np.where(c, a, b)),
    lambda g, y, a, c, b: g.masked(c), None, lambda g, y, a, c, b: g.masked(c == 0),
    in_place=False, doc="Each element where the condition is not 0, else b's: `a.where(condition, b)`.")
row("exponentiate", np.power,  # 0**b is flat in b, though log(0) is not finite, and 0**0 in a
    lambda g, y, a, b: g * b * (a + (a == 0) * (b == 0)).exponentiate(b - 1),
    lambda g, y, a, b: g * y * (a + (a == 0)).log(), symbol="**")
for name, symbol in {"less": "<", "less_equal": "≤", "greater": ">", "greater_equal": "≥", "equal": "=",
                     "not_equal": "≠"}.items():  # 1 or 0 as floats; NumPy compares into another type
    row(name, partial(getattr(np, name), casting="unsafe"), None, None, symbol=symbol, in_place=False)
# fmt: on


@register
def power(x: Tensor, exponent: Operand) -> Tensor:
    """A power: if constant, no logarithm is needed to differentiate it, as it is in `exponentiate`."""
    if not isinstance(exponent, int | float | np.floating | np.integer):
        return apply("exponentiate", x, exponent)
    n = float(exponent)

    def forward(x: Array, out: Array) -> None:
        if n not in range(2, 9):
            np.power(x, n, out=out)
            return
        np.multiply(x, x, out=out)  # a hundred times as fast
        for _ in range(int(n) - 2):
            np.multiply(out, x, out=out)

    rule = (lambda g, y, x: g * (n * x ** (n - 1))) if n else None
    return Row("power", forward, rule, symbol=f"**{n:g}")(x)


# Folding axes -------------------------------------------------------------------------------------------


def fold(name: str, ufunc: np.ufunc, rule: Rule, doc: str, symbol: str = "") -> None:
    """Enter an op that folds axes into one number each, by a ufunc of two numbers."""

    def folded(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        axes = axes_of(name, axis, x.shape)
        if ufunc.identity is None and 0 in [x.shape[i] for i in axes]:
            raise ShapeError(f"{name}: a tensor of shape {x.shape} has nothing to choose from")
        thin = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
        forward, back = partial(ufunc.reduce, axis=axes, keepdims=True), partial(rule, axes=axes)
        y = Row(name, forward, back, shape=lambda x: thin, symbol=symbol or name, axis=axes)(x)
        return y if keepdims or not axes else y.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    register(folded, name, doc)


def shared(g: Tensor, y: Tensor, x: Tensor, axes: Shape) -> Tensor:
    """What the largest or the smallest receive: an equal share each."""
    chosen = x == y
    return (g / chosen.sum(axes, keepdims=True)).masked(chosen)


def axes_of(name: str, axis: Axis, shape: Shape) -> Shape:
    """The axes meant by `axis`, counted from the front; ShapeError if one is missing or named twice."""
    try:
        return normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    except ValueError as error:
        raise ShapeError(f"{name}: a tensor of shape {shape}: {error}") from None


# fmt: off
fold("sum", np.add, lambda g, y, x, axes: g.broadcast(x.shape), symbol="Σ",
    doc="The sum over `axis` (one, several, or all unless given), kept if `keepdims=True`.")
fold("max", np.maximum, shared, "The largest, over axes as in `sum`; equal ones share the gradient.")
fold("min", np.minimum, shared, "The smallest, over axes as in `sum`; equal ones share the gradient.")
# fmt: on


# Matrices -----------------------------------------------------------------------------------------------


@register
def matmul(a: Tensor, b: Operand) -> Tensor:
    """The matrix product over the last two axes; leading axes broadcast.

    A vector on the left becomes a row, on the right a column, as in NumPy.
    """
    a, b = as_tensors((a, b))
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2:][0]:
        raise misfit("matmul", a.shape, b.shape)
    if a.ndim == 1:
        return (a.reshape(1, -1) @ b).reshape((*b.shape[:-2], *b.shape[-1:]) if b.ndim > 1 else ())
    if b.ndim == 1:
        return (a @ b.reshape(-1, 1)).reshape(a.shape[:-1])
    try:
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    except ValueError:
        raise misfit("matmul", a.shape, b.shape) from None
    rules = (lambda g, y, a, b: g @ swap(b)), (lambda g, y, a, b: swap(a) @ g)
    return Row("matmul", product, *rules, shape=lambda a, b: shape, symbol="@")(a, b)


def swap(x: Tensor) -> Tensor:
    """The last two axes exchanged: a matrix transposed, or each matrix of a batch."""
    return x.transpose(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)


@register
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of the softmax along an axis: x - log(sum(exp(x))), safe for large x."""

    def forward(x: Array, out: Array) -> None:
        largest = x.max(axis, keepdims=True)  # taken out first so that exp cannot overflow
        np.subtract(x, largest, out=out)
        np.exp(out, out=out)
        log_total = np.log(out.sum(axis, keepdims=True))
        np.subtract(x, largest, out=out)  # again: adding the two first would round away a small log_total
        np.subtract(out, log_total, out=out)

    if not x.shape[axes_of("log_softmax", axis, x.shape)[0]]:
        raise ShapeError(f"log_softmax: a tensor of shape {x.shape} has nothing along axis {axis}")
    rule = lambda g, y, x: g - y.exp() * g.sum(axis, keepdims=True)
    return Row("log_softmax", forward, rule, axis=axis)(x)


# Made of others: their gradients follow -------------------------------------------------------------------


@register
def mean(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The mean, over axes as in `sum`; ShapeError if there is nothing to average."""
    total = x.sum(axis, keepdims=keepdims)
    if total.size > x.size:
        raise ShapeError(f"mean: a tensor of shape {x.shape} has nothing to average")
    return total * (total.size / max(x.size, 1))


@register
def var(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The mean squared distance from the mean, over axes as in `sum`, divided by n as in NumPy."""
    away = x - x.mean(axis, keepdims=True)
    return (away * away).mean(axis, keepdims=keepdims)


@register
def prod(x: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The product, over axes as in `sum`: one half times the other, again and again, so zeros do no harm."""
    axes, shape = axes_of("prod", axis, x.shape), x.sum(axis, keepdims=keepdims).shape
    size, others = math.prod([x.shape[i] for i in axes]), [i for i in range(x.ndim) if i not in axes]
    y = x.transpose(*axes, *others).reshape(size, *shape)
    _, total = as_tensors((x, np.ones(shape)))  # as precise as x
    while size:
        half = size // 2
        total = total * y[-1] if size % 2 else total
        y, size = y[:half] * y[half : 2 * half], half
    return total


@register
def clip(x: Tensor, low: Operand | None = None, high: Operand | None = None) -> Tensor:
    """Each element, or the limit that it is beyond; None is no limit, and at one the gradient still flows."""
    y = x if low is None else apply("where", low, x < low, x)
    return y if high is None else apply("where", high, y > high, y)


# fmt: off
register(lambda x, axis=None, *, keepdims=False: x.var(axis, keepdims=keepdims).sqrt(),
    "std", "The square root of the variance, over axes as in `sum`.")
register(lambda x: x * (0.5 + 0.5 * (x * math.sqrt(0.5)).erf()),
    "gelu", "x times the share of a normal distribution below x (Hendrycks 2016).")
register(lambda x, axis=-1: x.log_softmax(axis).exp(),
    "softmax", "Probabilities along `axis=-1`: exp(x) / sum(exp(x)), safe for large x.")
register(lambda x: x.reshape(-1), "flatten", "The same elements on one axis.")
# fmt: on
