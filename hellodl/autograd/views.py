"""Ops that compute next to nothing: they show numbers in another shape or order, pick some, or join them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.autograd.ops import Elementwise, axes_of, misfit
from hellodl.autograd.tensor import Op, Tensor, apply, as_tensors
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hellodl.autograd.memory import Array, Shape
    from hellodl.autograd.tensor import Gradients, Operand


class View(Op):
    """An op whose result is a way of looking at its input's memory, where memory allows."""

    def view(self, x: Array) -> Array:
        """The input seen as the result: a view where possible."""
        raise NotImplementedError

    def inverse(self, shape: Shape) -> View | None:
        """The op that shows the result as an input of that shape, if there is one."""
        return None

    def shape(self, x: Shape) -> Shape:
        """The shape of the view, found by looking at nothing."""
        try:
            return self.view(np.broadcast_to(np.float32(0), x)).shape
        except (ValueError, IndexError) as error:
            msg = f"{self.name}: a tensor of shape {x}: {error}"
            raise (IndexError if isinstance(error, IndexError) else ShapeError)(msg) from None

    def forward(self, out: Array, x: Array) -> None:
        out[...] = self.view(x)

    def result(self, shape: Shape, dtype: np.dtype[Any], x: Array) -> Array:  # type: ignore[override] # of one input
        return self.view(x)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        back = self.inverse(x.shape)
        return (back(g) if back else g,)


@dataclass(frozen=True)
class Broadcast(View, name="broadcast"):
    to: Shape

    def view(self, x: Array) -> Array:
        return np.broadcast_to(x, self.to)


@dataclass(frozen=True)
class Reshape(View, name="reshape"):
    to: Shape

    @classmethod
    def of(cls, x: Operand, *shape: Any) -> Tensor:
        """The node, from `2, 3` or `(2, 3)`."""
        return cls(unpacked(shape))(x)

    def view(self, x: Array) -> Array:
        return x.reshape(self.to)

    def inverse(self, shape: Shape) -> View:
        return Reshape(shape)


@dataclass(frozen=True)
class Transpose(View, name="transpose"):
    axes: Shape | None = None

    @classmethod
    def of(cls, x: Operand, *axes: Any) -> Tensor:
        """The node, from `1, 0`, from `(1, 0)`, or from nothing: reversed."""
        return cls(unpacked(axes) or None)(x)

    def view(self, x: Array) -> Array:
        return x.transpose(self.axes)

    def inverse(self, shape: Shape) -> View:
        return Transpose(self.axes and tuple(np.argsort([i % len(shape) for i in self.axes]).tolist()))


@dataclass(frozen=True)
class Index(View, name="index", symbol="[]"):
    """Some elements, chosen as NumPy does: slices, numbers, lists of numbers, masks."""

    key: Any

    @classmethod
    def of(cls, x: Operand, key: Any) -> Tensor:
        """The node, with a copy of the key."""
        return cls(kept(key))(x)

    def view(self, x: Array) -> Array:
        return np.asarray(x[self.key])

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (apply("scatter", g, key=self.key, to=x.shape),)


def unpacked(arguments: tuple[Any, ...]) -> Shape:
    """The arguments of `f(2, 3)`, or of `f((2, 3))`, which means the same."""
    return tuple(arguments[0]) if len(arguments) == 1 and np.iterable(arguments[0]) else arguments


def kept(key: Any) -> Any:
    """A copy of an index, which its owner may change; TypeError for a tensor, as a shape must not change."""
    if isinstance(key, tuple):
        return tuple(map(kept, key))
    if isinstance(key, Tensor):
        msg = "index: a tensor may change, and a shape must not; write x[t.value != 0], or use where"
        raise TypeError(msg)
    return np.array(key, None if len(key) else np.intp) if isinstance(key, list | np.ndarray) else key


# Picking and joining: memory is copied ------------------------------------------------------------------


@dataclass(frozen=True)
class Scatter(Op, name="scatter"):
    """Zeros, with elements added at the places an index chose: what Index takes, put back."""

    key: Any
    to: Shape

    def shape(self, x: Shape) -> Shape:
        return self.to

    def forward(self, out: Array, x: Array) -> None:
        out[...] = 0
        np.add.at(out, self.key, x)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g[self.key],)


class Masked(Elementwise, name="masked"):
    """x where the mask is not 0, else 0: its bits, read as an integer, times 1 or 0."""

    @classmethod
    def of(cls, x: Operand, mask: Operand) -> Tensor:
        """The node, of two tensors of the same precision."""
        x, mask = as_tensors((x, mask))
        return cls()(x, mask if mask.dtype is x.dtype else apply("cast", mask != 0, dtype=x.dtype))

    def step(self, out: Array, x: Array, mask: Array) -> Callable[[], object]:  # type: ignore[override] # of one input
        bits = f"u{out.itemsize}"
        x, mask, out, one = x.view(bits), mask.view(bits), out.view(bits), np.ones((), bits)

        def keep() -> None:
            np.add(mask, mask, out)  # without the sign, as -0 is 0
            np.minimum(out, one, out=out)
            np.multiply(out, x, out)

        return keep

    def backward(self, g: Tensor, y: Tensor, x: Tensor, mask: Tensor) -> Gradients:
        return apply("masked", g, mask), None


@dataclass(frozen=True)
class Cast(Elementwise, name="cast"):
    """The same numbers in another precision."""

    dtype: np.dtype[Any]

    def forward(self, out: Array, x: Array) -> None:
        np.copyto(out, x, casting="same_kind")

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g,)  # the chain rule casts it back


@dataclass(frozen=True)
class Concat(Op, name="concatenate"):
    axis: int = 0

    @classmethod
    def of(cls, tensors: Sequence[Operand], axis: int = 0) -> Tensor:
        """Several tensors joined along an axis they have; ShapeError if there are none."""
        if not len(tensors):
            raise ShapeError("concat: there is nothing to join, expected at least one tensor")
        return cls(axis)(*tensors)

    def shape(self, *shapes: Shape) -> Shape:
        first, (k,) = shapes[0], axes_of(self.name, self.axis, shapes[0])
        if len({(len(shape), *shape[:k], *shape[k + 1 :]) for shape in shapes}) > 1:
            raise misfit(f"concat along axis {self.axis}", *shapes)
        return (*first[:k], sum(shape[k] for shape in shapes), *first[k + 1 :])

    def forward(self, out: Array, *inputs: Array) -> None:
        np.concatenate(inputs, self.axis, out=out)

    def backward(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Gradients:
        ends = np.cumsum([x.shape[self.axis] for x in inputs]).tolist()
        before = (slice(None),) * (self.axis % y.ndim)
        keys = [(*before, slice(a, b)) for a, b in pairwise([0, *ends])]
        return tuple([lambda g, *_, key=key: g[key] for key in keys])


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Several tensors of the same shape joined along a new axis; ShapeError if there are none."""
    parts = as_tensors(tensors)
    shape = parts[0].shape if parts else ()
    if any(t.shape != shape for t in parts):
        raise misfit("stack", *(t.shape for t in parts))
    (place,) = axes_of("stack", axis, (*shape, 1))
    return concat([t.reshape((*shape[:place], 1, *shape[place:])) for t in parts], place)


concat = Concat.of


def where(condition: Operand, a: Operand, b: Operand) -> Tensor:
    """Take a where the condition is not 0, else b; what is not chosen hands nothing down, not even a NaN."""
    return apply("where", condition, a, b)
