"""A gradient checker: derivatives must agree with what a small nudge of each input does."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from hellodl.autograd.gradient import grad
from hellodl.autograd.memory import Array
from hellodl.autograd.tensor import Tensor

Function = Callable[..., Tensor | Sequence[Tensor]]

ALIKE = 1e-4  # how far factors may differ, relatively, that are the same but for rounding


def check_gradients(function: Function, *inputs: ArrayLike, order: int = 2, tolerance: float = 1e-6) -> None:
    """Compare the derivatives of `function` at `inputs` with central differences, in float64.

    A result of any shape is folded into one number with random weights, so that every element counts; the
    gradients are then the function that the next order differentiates. Keep away from kinks such as
    relu's at 0. Raises AssertionError naming the order, the input and its worst element if a relative
    error exceeds `tolerance`; elements much smaller than the largest count as 0.001 of it.
    """
    leaves = [Tensor(x, np.float64) for x in inputs]
    for nth in range(1, order + 1):
        number_of = partial(fold, function)
        function = partial(gradients, number_of)
        for number, gradient in enumerate(function(*leaves)):
            got, expected = gradient.value, central_differences(number_of, leaves, leaves[number])
            sizes = np.maximum(np.abs(got), np.abs(expected))
            with np.errstate(invalid="ignore"):
                error = np.abs(got - expected) / np.maximum(sizes, 1e-3 * sizes.max(initial=1))
            if not (error <= tolerance).all():  # a NaN fails too
                i = np.unravel_index(error.argmax(), error.shape)
                where = f"derivative of order {nth} for input {number}, element {tuple(map(int, i))}"
                found = f"got {got[i]:.9g}, central differences give {expected[i]:.9g}"
                raise AssertionError(f"{where}: {found}{guess(got, expected, nth)}")


def guess(got: Array, expected: Array, order: int) -> str:
    """What may be wrong with a derivative, in words."""
    with np.errstate(all="ignore"):
        factor, *others = factors = (got / expected).ravel()
        if others and factor and (np.abs(factors - factor) < ALIKE * abs(factor)).all():
            return f"; all are {factor:.4g} times what they should be"
    if order > 1 and not got.any():
        return "; backward is to be written in tensors: their values alone are constants to the next order"
    return ""


def fold(function: Function, *leaves: Tensor) -> Tensor:
    """One number to which every element of the function's results contributes with a random weight."""
    random, results = np.random.default_rng(0), function(*leaves)
    total = Tensor(0.0, np.float64)
    for t in [results] if isinstance(results, Tensor) else results:
        total = total + (t * random.uniform(0.5, 1.5, t.shape)).sum()
    return total


def gradients(number_of: Callable[..., Tensor], *leaves: Tensor) -> list[Tensor]:
    """The gradient of the number with respect to each leaf."""
    found = grad(number_of(*leaves), *leaves)
    return list(found) if isinstance(found, tuple) else [found]


def central_differences(number_of: Callable[..., Tensor], leaves: Sequence[Tensor], leaf: Tensor) -> Array:
    """The slope of the number from its values a little above and below each element of one leaf."""
    start, slopes = leaf.value.copy(), np.empty(leaf.shape)
    for i in np.ndindex(leaf.shape):
        nudge = np.zeros(leaf.shape)
        nudge[i] = 6e-6 * max(1.0, abs(float(start[i])))  # the cube root of float64's precision
        leaf.value = start + nudge
        above = number_of(*leaves).item()
        leaf.value = start - nudge
        slopes[i] = (above - number_of(*leaves).item()) / (2 * nudge[i])
    leaf.value = start
    return slopes
