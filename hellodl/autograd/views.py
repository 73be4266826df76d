"""Ops that compute next to nothing: they show numbers in another shape or order, pick some, or join them."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from hellodl.autograd.memory import Array, Shape, float_type
from hellodl.autograd.ops import Row, axes_of, misfit
from hellodl.autograd.tensor import Operand, Tensor, as_tensors, register
from hellodl.errors import ShapeError


class View(Row):
    """A row whose function shows an array in another way: in the same memory, where that can be."""

    def shape(self, x: Shape) -> Shape:  # type: ignore[override] # of one input
        """The shape of the view, found by looking at nothing."""
        try:
            return tuple(self.function(nothing(x)).shape)
        except (ValueError, IndexError) as error:
            msg = f"{self.name}: a tensor of shape {x}: {error}"
            raise (IndexError if isinstance(error, IndexError) else ShapeError)(msg) from None

    def step(self, out: Array, *inputs: Array) -> Callable[[], object]:
        return lambda: np.copyto(out, self.function(*inputs))

    def result(self, shape: Shape, dtype: np.dtype[Any], *inputs: Array) -> Array:
        return np.asarray(self.function(*inputs))


@register
def broadcast(x: Tensor, to: Shape) -> Tensor:
    """The same elements again and again along new axes and those of length 1."""
    return View("broadcast", lambda x: np.broadcast_to(x, to), lambda g, y, x: g, to=to)(x)


@register
def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape, `2, 3` or `(2, 3)`; one may be -1."""
    to = unpacked(shape)
    return View("reshape", lambda x: x.reshape(to), lambda g, y, x: g.reshape(x.shape), to=to)(x)


@register
def transpose(x: Tensor, *axes: Any) -> Tensor:
    """The axes in another order, `1, 0` or `(1, 0)`; reversed unless given."""
    order = unpacked(axes) or tuple(range(x.ndim))[::-1]
    if len(axes_of("transpose", order, x.shape)) < x.ndim:
        every = tuple(range(x.ndim))
        raise ShapeError(f"transpose: {order} is no order of the axes {every} of a tensor of shape {x.shape}")
    rule = lambda g, y, x: g.transpose(np.argsort([i % x.ndim for i in order]).tolist())
    return View("transpose", lambda x: x.transpose(order), rule, axes=order)(x)


@register
def index(x: Tensor, key: Any) -> Tensor:
    """Some elements, chosen as NumPy does: slices, numbers, lists of numbers, masks."""
    key = kept(key)
    return View("index", lambda x: x[key], lambda g, y, x: g.scatter(key, x.shape), symbol="[]", key=key)(x)


@lru_cache
def nothing(shape: Shape) -> Array:
    """An array to look at, of any shape, that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def unpacked(arguments: tuple[Any, ...]) -> Shape:
    """The arguments of `f(2, 3)`, or of `f((2, 3))`, which means the same."""
    return tuple(arguments[0]) if len(arguments) == 1 and np.iterable(arguments[0]) else arguments


def kept(key: Any) -> Any:
    """A copy of an index, which its owner may change; TypeError for a tensor, as a shape must not change."""
    if isinstance(key, tuple):
        return tuple(map(kept, key))
    if isinstance(key, Tensor):
        raise TypeError("index: a tensor may change, a shape must not; write x[t.value != 0], or use where")
    return np.array(key, None if len(key) else np.intp) if isinstance(key, list | np.ndarray) else key


# Picking and joining: memory is copied ------------------------------------------------------------------


@register
def scatter(x: Tensor, key: Any, to: Shape) -> Tensor:
    """Zeros, with elements added at the places an index chose: what `index` takes, put back."""

    def forward(x: Array, out: Array) -> None:
        out[...] = 0
        np.add.at(out, key, x)

    return Row("scatter", forward, lambda g, y, x: g[key], shape=lambda x: to, key=key, to=to)(x)


@register
def cast(x: Tensor, dtype: DTypeLike) -> Tensor:
    """The same numbers in another precision, float32 or float64."""
    return Row("cast", np.positive, lambda g, y, x: g, dtype=float_type(dtype))(x)


def concat(tensors: "Iterable[Operand]", axis: int = 0) -> Tensor:
    """Several tensors joined along an axis they have; ShapeError if there are none."""
    parts = as_tensors(list(tensors))
    if not parts:
        raise ShapeError("concat: there is nothing to join, expected at least one tensor")
    shapes = [x.shape for x in parts]
    first, (k,) = shapes[0], axes_of("concatenate", axis, shapes[0])
    if len({(len(shape), *shape[:k], *shape[k + 1 :]) for shape in shapes}) > 1:
        raise misfit(f"concat along axis {axis}", *shapes)
    ends = [0, *np.cumsum([shape[k] for shape in shapes]).tolist()]
    keys = [(*(slice(None),) * k, slice(a, b)) for a, b in pairwise(ends)]
    rules = [lambda g, *_, key=key: g[key] for key in keys]
    forward = lambda *arrays, out: np.concatenate(arrays, axis, out=out)
    shape = (*first[:k], ends[-1], *first[k + 1 :])
    return Row("concatenate", forward, *rules, shape=lambda *_: shape, axis=axis)(*parts)


register(concat, "concatenate")


def stack(tensors: "Iterable[Operand]", axis: int = 0) -> Tensor:
    """Several tensors of the same shape joined along a new axis; ShapeError if there are none."""
    parts = as_tensors(list(tensors))
    shape = parts[0].shape if parts else ()
    if any(t.shape != shape for t in parts):
        raise misfit("stack", *(t.shape for t in parts))
    (place,) = axes_of("stack", axis, (*shape, 1))
    return concat([t.reshape((*shape[:place], 1, *shape[place:])) for t in parts], place)


def where(condition: "Operand", a: "Operand", b: "Operand") -> Tensor:
    """Take a where the condition is not 0, else b; what is not chosen receives 0.

    Whose own rule makes NaN of that, as log does at 0: `where(x > 0, where(x > 0, x, 1).log(), 0)` is safe.
    """
    return Tensor.where(a, condition, b)
