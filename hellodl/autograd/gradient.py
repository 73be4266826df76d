"""The chain rule: walk the sorted graph from the top, pushing gradients down and adding them up."""

from collections.abc import Container, Iterable, Iterator
from typing import overload

import numpy as np

from hellodl.autograd.tensor import Constant, Op, Operand, Tensor, as_tensors, evaluate, topological_order
from hellodl.errors import ShapeError


def push_down(y: Tensor, targets: Iterable[Tensor] | None = None) -> dict[Tensor, Tensor]:
    """The gradient of the scalar `y` with respect to the nodes it depends on, each a lazy graph.

    A node that several others use receives the sum of what they hand down. With `targets` only paths to
    those are walked.
    """
    if y.size != 1:
        raise ShapeError(f"gradients start from one number, not from shape {y.shape}: sum() or mean() it")
    order = topological_order(y)
    wanted = set(order if targets is None else targets)
    for node in order:  # what leads to a target is wanted too
        if not wanted.isdisjoint(node.inputs):
            wanted.add(node)
    gradients = {y: Tensor(np.ones(y.shape), y.dtype)}
    for node in reversed(order):
        if node in gradients and node in wanted:
            for x, g in handed_down(node, gradients[node], wanted):
                if g is not None:
                    gradients[x] = gradients[x] + g if x in gradients else g
    return gradients


def handed_down(y: Tensor, g: Tensor, wanted: Container[Tensor]) -> Iterator[tuple[Tensor, Tensor | None]]:
    """What each wanted input of the op `y` receives from it: of its shape and dtype, or None for zero.

    Raises TypeError or ShapeError, naming the op, if its backward gives something else.
    """
    op, inputs = y.op, y.inputs
    if op is None:
        return
    parts = op.backward(g, y, *inputs)
    if not isinstance(parts, tuple) or len(parts) != len(inputs):
        raise TypeError(f"{op.name}: backward gave {parts!r:.80}, expected a tuple of tensors, one an input")
    for x, part in zip(inputs, parts):  # noqa: B905 - as long; to ask takes time
        if x in wanted:
            given = part(g, y, *inputs) if callable(part) else part
            fits = isinstance(given, Tensor) and given.shape == x.shape and given.dtype is x.dtype
            yield x, given if fits or given is None else fitted(given, x, op)


def fitted(g: Tensor, x: Tensor, op: Op) -> Tensor:
    """A gradient summed over the axes along which its input was broadcast, in the input's precision."""
    if not isinstance(g, Tensor):
        raise TypeError(f"{op.name}: backward gave {g!r:.80} for an input, expected a tensor")
    if g.shape != x.shape:
        new = g.ndim - x.ndim
        stretched = [i for i, n in enumerate(g.shape) if i < new or n != 1 == x.shape[i - new]]
        folded = g.sum(stretched, keepdims=True)
        if folded.shape[new:] != x.shape:
            raise ShapeError(f"{op.name}: backward gave shape {g.shape} for an input of shape {x.shape}")
        g = folded.reshape(x.shape) if new else folded
    return g if g.dtype == x.dtype else g.cast(x.dtype)


@overload
def grad(y: Tensor, x: Tensor, /) -> Tensor: ...
@overload
def grad(y: Tensor, x1: Tensor, x2: Tensor, /, *more: Tensor) -> tuple[Tensor, ...]: ...
def grad(y: Tensor, *xs: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The derivative of the scalar `y` with respect to each x (leaf or not), as graphs to go on with.

    One x gives one tensor of its shape, several give a tuple. Where `y` does not depend on x it is 0.
    Raises ShapeError if `y` has more than one element, TypeError for anything but tensors.
    """
    if not xs or not all(isinstance(t, Tensor) for t in (y, *xs)):
        raise TypeError(f"grad(y, x) takes tensors, not {', '.join(type(t).__name__ for t in (y, *xs))}")
    gradients = push_down(y, xs)
    found = tuple(gradients[x] if x in gradients else zeros(x) for x in xs)
    return found[0] if len(found) == 1 else found


def zeros(like: Tensor) -> Tensor:
    """The gradient of what the result does not depend on."""
    return Tensor(np.zeros(like.shape), like.dtype)


def weighted(y: Tensor, v: "Operand") -> Tensor:
    """One number, of which y receives `v` as its gradient; ShapeError unless it has y's shape."""
    y, v = as_tensors((y, v))
    if v.shape != y.shape:
        raise ShapeError(f"a gradient of shape {v.shape} was given to a tensor of shape {y.shape}")
    return (y * v).sum()


def vjp(y: Tensor, x: Tensor, v: "Operand") -> Tensor:
    """A vector times the Jacobian: the derivative by x of all that y holds, weighted with v of y's shape."""
    return grad(weighted(y, v), x)


def jvp(y: Tensor, x: Tensor, v: "Operand") -> Tensor:
    """The Jacobian times a vector: how y changes where x moves along v, by differentiating `vjp` by its v."""
    weights = zeros(y)
    return vjp(vjp(y, x, weights), weights, v)


def hvp(y: Tensor, x: Tensor, v: "Operand") -> Tensor:
    """The Hessian of the scalar y times a vector: how its gradient changes where x moves along v."""
    return vjp(grad(y, x), x, v)


def backward(y: Tensor, gradient: "Operand | None" = None) -> None:
    """Leave the gradient of `y` in `.grad` of every leaf below it; called again, it gives the same again.

    `y` must be one number, unless `gradient`, of its shape, says what its elements receive. Numbers typed in
    the formula are no leaves that anybody could ask. Raises ShapeError if neither is so.
    """
    leaves = [x for x in topological_order(y) if x.op is None and not isinstance(x, Constant)]
    gradients = push_down(y if gradient is None else weighted(y, gradient), leaves)
    reached = [gradients[x] if x in gradients else zeros(x) for x in leaves]
    for leaf, value in zip(leaves, evaluate(*reached), strict=True):
        leaf.grad = Tensor(value, leaf.dtype)


Tensor.backward = backward
