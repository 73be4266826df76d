"""Every op, forward and backward side by side: a table of the rules of calculus.

`forward` computes on arrays, into the array it is given. `backward` is handed `g`, the gradient of the
result `y`, and returns what it means for each input, written in the same operators as any formula. So
gradients are graphs themselves, which can be differentiated, drawn and replayed like any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from hellodl.autograd.memory import product
from hellodl.autograd.tensor import Op, Tensor, apply, node
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from hellodl.autograd.tensor import Array, Axis, Gradients, Shape

# Elementwise ------------------------------------------------------------------------------------------


class Elementwise(Op):
    """An op on each element alone, often one NumPy function; inputs are broadcast against each other."""

    in_place = True

    def __init_subclass__(cls, name: str, symbol: str = "", ufunc: np.ufunc | None = None) -> None:
        """Take the NumPy function, if it is all there is to compute, as `forward`."""
        super().__init_subclass__(name, symbol)
        if ufunc:
            cls.forward = lambda _self, out, *inputs: ufunc(*inputs, out)

    def shape(self, *shapes: Shape) -> Shape:
        """The shape all inputs broadcast to."""
        if all(shape == shapes[0] for shape in shapes):
            return shapes[0]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise misfit(self.name, *shapes) from None


def misfit(name: str, *shapes: Shape) -> ShapeError:
    """The error to raise when tensors do not fit together."""
    return ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} do not fit together")


class Add(Elementwise, name="add", symbol="+", ufunc=np.add):
    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return g, g


class Subtract(Elementwise, name="subtract", symbol="-", ufunc=np.subtract):
    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return g, -g


class Multiply(Elementwise, name="multiply", symbol="*", ufunc=np.multiply):
    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return g * b, g * a


class Divide(Elementwise, name="divide", symbol="/", ufunc=np.divide):
    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return g / b, -g * y / b


class Negative(Elementwise, name="negative", symbol="-", ufunc=np.negative):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (-g,)


@dataclass(frozen=True)
class Power(Elementwise, name="power", symbol="**"):
    """x to a constant power."""

    exponent: float

    def forward(self, out: Array, x: Array) -> None:
        np.power(x, self.exponent, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * (self.exponent * x ** (self.exponent - 1)) if self.exponent else None,)


class Exponentiate(Elementwise, name="exponentiate", symbol="**", ufunc=np.power):
    """One tensor to the power of another."""

    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        is_0 = apply("equal", a, 0)  # 0**b is flat in b, though log(0) is not finite, and 0**0 in a
        base = a + is_0 * apply("equal", b, 0)
        return g * b * apply("exponentiate", base, b - 1), g * y * (a + is_0).log()


class Exp(Elementwise, name="exp", ufunc=np.exp):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * y,)


class Log(Elementwise, name="log", ufunc=np.log):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g / x,)


class Sin(Elementwise, name="sin", ufunc=np.sin):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * x.cos(),)


class Cos(Elementwise, name="cos", ufunc=np.cos):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (-g * x.sin(),)


class Tanh(Elementwise, name="tanh", ufunc=np.tanh):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * (1 - y * y),)


class Sigmoid(Elementwise, name="sigmoid"):
    def forward(self, out: Array, x: Array) -> None:
        np.negative(x, out=out)  # exp(-log(1 + exp(-x))) neither overflows nor loses small values
        np.logaddexp(0, out, out=out)
        np.negative(out, out=out)
        np.exp(out, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * y * (1 - y),)


class Relu(Elementwise, name="relu"):
    def forward(self, out: Array, x: Array) -> None:
        np.maximum(x, 0, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * apply("positive", y),)


class Positive(Elementwise, name="positive", symbol=">0"):
    """1 where x is positive, else 0: flat everywhere."""

    in_place = False  # NumPy compares into another type and would need a copy

    def forward(self, out: Array, x: Array) -> None:
        np.greater(x, 0, out=out, casting="unsafe")

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (None,)


class Sqrt(Elementwise, name="sqrt", symbol="√", ufunc=np.sqrt):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g / (2 * y),)


class Abs(Elementwise, name="abs", ufunc=np.absolute):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * apply("sign", x),)


class Sign(Elementwise, name="sign", ufunc=np.sign):
    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (None,)


class Erf(Elementwise, name="erf"):
    """2/√π times the integral of exp(-t²) from 0 to x."""

    def forward(self, out: Array, x: Array) -> None:
        out[...] = np.vectorize(math.erf, otypes=[float])(x)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g * (2 / math.sqrt(math.pi) * (-x * x).exp()),)


class Equal(Elementwise, name="equal", symbol="="):
    """1 where two tensors are equal, else 0."""

    in_place = False

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.equal(a, b, out=out, casting="unsafe")

    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return None, None


# Folding axes and spreading them again ------------------------------------------------------------------


@dataclass(frozen=True)
class Reduction(Op):
    """An op that folds the given axes into one number each; all axes unless given."""

    axis: Axis = None
    keepdims: bool = False

    def shape(self, x: Shape) -> Shape:
        """The shape without the folded axes, or with 1 in their place."""
        folded = axes_of(self.name, self.axis, x)
        if self.keepdims:
            return tuple(1 if i in folded else n for i, n in enumerate(x))
        return tuple(n for i, n in enumerate(x) if i not in folded)

    def spread(self, small: Tensor, x: Tensor) -> Tensor:
        """The folded result with its axes back, each of length 1, so that it broadcasts against `x`."""
        folded = axes_of(self.name, self.axis, x.shape)
        return small.reshape(tuple(1 if i in folded else n for i, n in enumerate(x.shape)))


class Sum(Reduction, name="sum", symbol="Σ"):
    def forward(self, out: Array, x: Array) -> None:
        np.add.reduce(x, axis=self.axis, keepdims=self.keepdims, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (apply("broadcast", self.spread(g, x), to=x.shape),)


class Max(Reduction, name="max"):
    def forward(self, out: Array, x: Array) -> None:
        np.maximum.reduce(x, axis=self.axis, keepdims=self.keepdims, out=out)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        largest = apply("equal", x, self.spread(y, x))
        return (self.spread(g, x) * largest / largest.sum(self.axis, keepdims=True),)


def axes_of(name: str, axis: Axis, shape: Shape) -> Shape:
    """The axes meant by `axis`, counted from the front; ShapeError if one is missing or named twice."""
    try:
        return normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    except ValueError as error:
        msg = f"{name}: a tensor of shape {shape}: {error}"
        raise ShapeError(msg) from None


# Matrices -----------------------------------------------------------------------------------------------


class MatMul(Op, name="matrix_product", symbol="@"):
    """The matrix product over the last two axes; leading axes broadcast."""

    def shape(self, a: Shape, b: Shape) -> Shape:
        try:
            return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])
        except ValueError:
            raise misfit("matmul", a, b) from None

    def forward(self, out: Array, a: Array, b: Array) -> None:
        product(a, b, out)

    def backward(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Gradients:
        return g @ swap(b), swap(a) @ g


def swap(x: Tensor) -> Tensor:
    """The last two axes exchanged: a matrix transposed, or each matrix of a batch."""
    return x.transpose(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)


@dataclass(frozen=True)
class LogSoftmax(Op, name="log_softmax"):
    """x - log(sum(exp(x))), with the largest x taken out first so that exp cannot overflow."""

    axis: int = -1

    def shape(self, x: Shape) -> Shape:
        axes_of(self.name, self.axis, x)
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


# Functions made of others: their gradients follow -------------------------------------------------------


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product; a vector on the left is a row, on the right a column, as in NumPy."""
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2:][0]:
        raise misfit("matmul", a.shape, b.shape)
    matrix_a = a.reshape(1, -1) if a.ndim == 1 else a
    matrix_b = b.reshape(-1, 1) if b.ndim == 1 else b
    product = node(MatMul(), (matrix_a, matrix_b))
    if a.ndim > 1 and b.ndim > 1:
        return product
    rows = () if a.ndim == 1 else product.shape[-2:-1]
    columns = () if b.ndim == 1 else product.shape[-1:]
    return product.reshape((*product.shape[:-2], *rows, *columns))


def mean(x: Tensor, axis: Axis, *, keepdims: bool) -> Tensor:
    """The sum divided by how many there were."""
    total = x.sum(axis, keepdims=keepdims)
    return total * (total.size / x.size)


def gelu(x: Tensor) -> Tensor:
    """The product of x and Φ(x), the normal distribution's cumulative share."""
    return x * (0.5 + 0.5 * apply("erf", x * math.sqrt(0.5)))


def softmax(x: Tensor, axis: int) -> Tensor:
    """The exponential of the log-softmax."""
    return x.log_softmax(axis).exp()


Op.registry.update(matmul=matmul, mean=mean, gelu=gelu, softmax=softmax)
