"""The chain rule: walk the sorted graph from the top, pushing gradients down and adding them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from hellodl.autograd.tensor import Tensor, evaluate, topological_order
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from hellodl.autograd.tensor import Shape


def push_down(y: Tensor) -> dict[Tensor, Tensor]:
    """The gradient of the scalar `y` with respect to every node it depends on, each a lazy graph.

    A node that several others use receives the sum of what they hand down.
    """
    if y.size != 1:
        msg = (
            f"gradients start from one number, but this tensor has shape {y.shape}; sum() or mean() it first"
        )
        raise ShapeError(msg)
    gradients = {y: Tensor(np.ones(y.shape), y.dtype)}
    for node in reversed(topological_order(y)):
        if node.op is None or node not in gradients:
            continue
        handed_down = node.op.backward(gradients[node], node, *node.inputs)
        for x, g in zip(node.inputs, handed_down, strict=True):
            if g is not None:
                g = unbroadcast(g, x.shape)  # noqa: PLW2901 - the same gradient in x's shape
                gradients[x] = gradients[x] + g if x in gradients else g
    return gradients


def unbroadcast(g: Tensor, shape: Shape) -> Tensor:
    """A gradient summed over the axes along which its input was broadcast."""
    if g.shape == shape:
        return g
    new_axes = tuple(range(g.ndim - len(shape)))
    g = g.sum(new_axes) if new_axes else g
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 != g.shape[i])
    return g.sum(stretched, keepdims=True) if stretched else g


@overload
def grad(y: Tensor, x: Tensor, /) -> Tensor: ...
@overload
def grad(y: Tensor, x1: Tensor, x2: Tensor, /, *more: Tensor) -> tuple[Tensor, ...]: ...
def grad(y: Tensor, *xs: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The derivative of the scalar `y` with respect to each x (leaf or not), as graphs to go on with.

    One x gives one tensor of its shape, several give a tuple. Where `y` does not depend on x it is 0.
    Raises ShapeError if `y` has more than one element.
    """
    gradients = push_down(y)
    found = tuple(gradients[x] if x in gradients else Tensor(np.zeros(x.shape), x.dtype) for x in xs)
    return found[0] if len(found) == 1 else found


def backward(y: Tensor) -> None:
    """Compute the gradient of the scalar `y` and leave it in `.grad` of every leaf below it."""
    gradients = {x: g for x, g in push_down(y).items() if x.op is None}
    for leaf, value in zip(gradients, evaluate(*gradients.values()), strict=True):
        leaf.grad = Tensor(value, leaf.dtype)
