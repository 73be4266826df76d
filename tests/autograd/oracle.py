"""PyTorch as the oracle: values, first and second derivatives of one formula in both libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hellodl.autograd import Tensor, grad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FLOAT64, FLOAT32 = 1e-10, 1e-5  # how far the two libraries may differ, relative to the largest element


def disagreement(
    ours: Callable[..., Tensor],
    theirs: Callable[..., torch.Tensor],
    inputs: Sequence[np.ndarray],
    dtype: Any,
    order: int = 2,
) -> float:
    """The largest relative error of the value and of the derivatives up to `order`."""
    random = np.random.default_rng(0)
    tensors = [Tensor(x, dtype) for x in inputs]
    leaves = [torch.tensor(np.asarray(x, dtype), requires_grad=True) for x in inputs]
    our_y, their_y = ours(*tensors), theirs(*leaves)
    errors = [relative_error(our_y.value, their_y)]
    our_results, their_results = [our_y], [their_y]
    for _ in range(order):
        our_total, their_total = Tensor(0.0, dtype), torch.zeros((), dtype=leaves[0].dtype)
        for a, b in zip(our_results, their_results, strict=True):
            weights = random.normal(size=a.shape).astype(dtype)
            our_total = our_total + (weights * (a + a * a)).sum()
            their_total = their_total + (torch.tensor(weights) * (b + b * b)).sum()
        found = grad(our_total, *tensors)
        our_results = found if isinstance(found, tuple) else [found]
        their_results = gradients_in_torch(their_total, leaves)
        errors += map(relative_error, (t.value for t in our_results), their_results)
    return float(np.max(errors))  # NaN if any is


def gradients_in_torch(y: torch.Tensor, leaves: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The derivatives of a scalar, zeros where it depends on nothing."""
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return torch.autograd.grad(y, leaves, create_graph=True, allow_unused=True, materialize_grads=True)


def relative_error(ours: np.ndarray, theirs: torch.Tensor) -> float:
    """The largest difference, relative to the largest element; infinite if shape or type differ."""
    expected = theirs.detach().numpy()
    if (ours.shape, ours.dtype) != (expected.shape, expected.dtype):
        return np.inf
    if not ours.size or np.array_equal(ours, expected, equal_nan=True):
        return 0.0
    return float(np.abs(ours - expected).max() / np.abs(expected).max())
