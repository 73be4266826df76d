"""Ops that compute nothing: they show the same numbers in another shape or order, pick some, or join them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.autograd.ops import axes_of, misfit
from hellodl.autograd.tensor import Op, Tensor, apply, as_tensors
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hellodl.autograd.tensor import Array, Gradients, Operand, Shape


class View(Op):
    """An op whose result is a way of looking at its input's memory, where memory allows."""

    def view(self, x: Array) -> Array:
        """The input seen as the result: a view where possible."""
        raise NotImplementedError

    def undo(self, out: Array, shape: Shape) -> Array | None:
        """Where an input of `shape` may be written so that `out` shows the result; None if nowhere."""
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

    def result(self, shape: Shape, dtype: np.dtype[Any], x: Array) -> Array:  # type: ignore[override]
        return self.view(x)


@dataclass(frozen=True)
class Broadcast(View, name="broadcast"):
    to: Shape

    def view(self, x: Array) -> Array:
        return np.broadcast_to(x, self.to)

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g,)


@dataclass(frozen=True)
class Reshape(View, name="reshape"):
    to: Shape

    def view(self, x: Array) -> Array:
        return x.reshape(self.to)

    def undo(self, out: Array, shape: Shape) -> Array | None:
        return out.reshape(shape) if out.flags.c_contiguous else None

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (g.reshape(x.shape),)


@dataclass(frozen=True)
class Transpose(View, name="transpose"):
    axes: Shape | None = None

    def view(self, x: Array) -> Array:
        return x.transpose(self.axes)

    def undo(self, out: Array, shape: Shape) -> Array | None:
        return out.transpose(self._back())

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (apply("transpose", g, axes=self._back()),)

    def _back(self) -> Shape | None:
        return self.axes and tuple(np.argsort([i % len(self.axes) for i in self.axes]).tolist())


@dataclass(frozen=True)
class Index(View, name="index", symbol="[]"):
    """Some elements, chosen as NumPy does: slices, numbers, lists of numbers, masks."""

    key: Any

    def view(self, x: Array) -> Array:
        return np.asarray(x[self.key])

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        return (apply("scatter", g, key=self.key, to=x.shape),)


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


# Picking and joining: memory is copied ------------------------------------------------------------------


@dataclass(frozen=True)
class Concat(Op, name="concatenate"):
    axis: int = 0

    def shape(self, *shapes: Shape) -> Shape:
        first, (k,) = shapes[0], axes_of(self.name, self.axis, shapes[0])
        if len({(*shape[:k], *shape[k + 1 :]) for shape in shapes}) > 1:
            raise misfit(f"concat along axis {self.axis}", *shapes)
        return (*first[:k], sum(shape[k] for shape in shapes), *first[k + 1 :])

    def forward(self, out: Array, *inputs: Array) -> None:
        np.concatenate(inputs, self.axis, out=out)

    def backward(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Gradients:
        ends = np.cumsum([x.shape[self.axis] for x in inputs]).tolist()
        before = (slice(None),) * (self.axis % y.ndim)
        return tuple(g[(*before, slice(a, b))] for a, b in zip([0, *ends], ends, strict=False))


def concat(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Several tensors joined along an axis they have; ShapeError if there are none."""
    if not len(tensors):
        msg = "concat: there is nothing to join, expected at least one tensor"
        raise ShapeError(msg)
    return apply("concatenate", *tensors, axis=axis)


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Several tensors of the same shape joined along a new axis; ShapeError if there are none."""
    parts = as_tensors(tensors)
    shape = parts[0].shape if parts else ()
    if any(t.shape != shape for t in parts):
        raise misfit("stack", *(t.shape for t in parts))
    (place,) = axes_of("stack", axis, (*shape, 1))
    return concat([t.reshape((*shape[:place], 1, *shape[place:])) for t in parts], place)
