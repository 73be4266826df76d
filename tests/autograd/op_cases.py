"""One table of every op: a formula in hellodl, the same in PyTorch, and inputs away from its kinks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hellodl.autograd import Tensor, concat, stack
from hellodl.autograd.tensor import apply
from hellodl.axes import einsum, gather

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    op: str
    inputs: tuple[np.ndarray, ...]
    ours: Callable[..., Tensor]
    theirs: Callable[..., torch.Tensor]


CASES: dict[str, Case] = {}


def case(op: str, shapes: list, ours: Any, theirs: Any = None, low: float = -2.0, label: object = "") -> None:
    """Enter a case; `theirs` is left out where the same Python text serves both libraries.

    Inputs lie between `low` and 2, none within 0.05 of zero, where abs, relu and division have kinks.
    """
    random = np.random.default_rng(len(CASES))
    inputs = tuple(random.uniform(low, 2, shape) for shape in shapes)
    inputs = tuple(np.where(np.abs(x) < 0.05, x + 0.3, x) for x in inputs)
    name = " ".join([op, *(str(shape).replace(" ", "") for shape in shapes), str(label)]).strip()
    assert name not in CASES
    CASES[name] = Case(op, inputs, ours, theirs or ours)


# Elementwise

BROADCASTS = [
    [(), ()],
    [(3,), ()],
    [(1,), (3,)],
    [(2, 3), (2, 3)],
    [(2, 3), (3,)],
    [(2, 1), (1, 3)],
    [(3,), (2, 2, 3)],
    [(2, 1, 3), (2, 1)],
    [(1, 1), ()],
    [(0, 3), (1, 3)],
]
for shapes in BROADCASTS:
    case("add", shapes, lambda a, b: a + b)
    case("subtract", shapes, lambda a, b: a - b)
    case("multiply", shapes, lambda a, b: a * b)
    case("divide", shapes, lambda a, b: a / b)
    case("exponentiate", shapes, lambda a, b: a**b, low=0.2)
    case("equal", shapes, lambda a, b: a * (a == b))
    case("not_equal", shapes, lambda a, b: a * (a != b))
    case("less", shapes, lambda a, b: a * (a < b))
    case("less_equal", shapes, lambda a, b: a * (a <= b))
    case("greater", shapes, lambda a, b: a * (a > b))
    case("greater_equal", shapes, lambda a, b: a * (a >= b))
    case("maximum", shapes, lambda a, b: a.maximum(b))
    case("minimum", shapes, lambda a, b: a.minimum(b))
    case("where", [*shapes, shapes[0]], lambda c, a, b: a.where(c > 0, b))
    case("masked", shapes, partial(apply, "masked"), lambda a, b: a * (b != 0))
case("equal", [(2, 3)], lambda a: a * (a == a[0]), label="some are")
for label, limits in {"both": (-0.5, 1), "below": (-0.5, None), "above": (None, 1)}.items():
    case("clip", [(3, 4)], lambda x, limits=limits: x.clip(*limits), label=label)
case("clip", [(3, 4), (4,)], lambda x, low: x.clip(low, low + 1), label="tensors")
case("exponentiate", [(3,)], lambda x: 2.0**x, label="number on the left")

for shape in [(), (1,), (2, 3)]:
    case("negative", [shape], lambda x: -x)
    case("exp", [shape], lambda x: x.exp())
    case("log", [shape], lambda x: x.log(), low=0.2)
    case("sin", [shape], lambda x: x.sin())
    case("cos", [shape], lambda x: x.cos())
    case("tanh", [shape], lambda x: x.tanh())
    case("sigmoid", [shape], lambda x: x.sigmoid())
    case("relu", [shape], lambda x: x.relu())
    case("gelu", [shape], lambda x: x.gelu(), torch.nn.functional.gelu)
    case("abs", [shape], abs)
    case("sqrt", [shape], lambda x: x.sqrt(), low=0.2)
    case("erf", [shape], partial(apply, "erf"), torch.erf)
    case("sign", [shape], lambda x: x * apply("sign", x), lambda x: x * x.sign())
    case("cast", [shape], lambda x: cast(x, np.float64), lambda x: x.double())
    case("detach", [shape], lambda x: x * x.detach())
    for n in (9, 8, 4, 3, 2, 1, 0, -1, -2):
        case("power", [shape], lambda x, n=n: x**n, label=f"to {n}")
    for n in (0.5, -1.5):
        case("power", [shape], lambda x, n=n: x**n, low=0.2, label=f"to {n}")

# Folding axes


def prod_in_torch(x: torch.Tensor, dim: Any, keepdim: bool) -> torch.Tensor:
    """PyTorch's product takes one axis at a time."""
    for axis in sorted((i % x.ndim for i in (dim if isinstance(dim, tuple) else (dim,))), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


def cast(x: Tensor, dtype: Any) -> Tensor:
    return apply("cast", x, dtype=np.dtype(dtype))


AXES = [
    ((), None),
    ((3,), None),
    ((3,), 0),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -1),
    ((1, 3), 0),
    ((2, 3, 2), 1),
    ((2, 3, 2), (0, 2)),
    ((2, 3, 2), (-1, 1)),
]
FOLDS = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin, "prod": prod_in_torch}
FOLDS |= {"var": partial(torch.var, correction=0)}
for shape, axis in AXES:
    for keep in (False, True):
        dim = tuple(range(len(shape))) if axis is None else axis
        how = {"axis": axis, "keepdims": keep}
        for op, theirs in FOLDS.items():
            ours = partial(getattr(Tensor, op), **how)
            case(op, [shape], ours, partial(theirs, dim=dim, keepdim=keep), label=how)

for shape, axis in [((3,), 0), ((3, 4), (0, 1)), ((3, 4), 1)]:  # one number deviates by 0: a kink
    ours, theirs = partial(Tensor.std, axis=axis), partial(torch.std, dim=axis, correction=0)
    case("std", [shape], ours, theirs, label=axis)

for shape, axis in [((1,), 0), ((3,), -1), ((2, 3), -1), ((2, 3), 0), ((2, 3, 2), 1)]:
    case("softmax", [shape], lambda x, axis=axis: x.softmax(axis), label=axis)
    case("log_softmax", [shape], lambda x, axis=axis: x.log_softmax(axis), label=axis)

# Views

for shape, to in [((), (1, 1)), ((6,), (2, 3)), ((2, 3), (3, 2)), ((2, 3), -1), ((2, 3, 2), (2, -1))]:
    case("reshape", [shape], lambda x, to=to: x.reshape(to), label=f"to {to}")
for shape in [(), (6,), (2, 3), (2, 3, 2)]:
    case("flatten", [shape], lambda x: x.flatten())
case("reshape", [(2, 3)], lambda x: x.T.reshape(2, 3), label="after T")
for shape, to in [((), (2, 3)), ((1,), (3,)), ((2, 1), (4, 2, 3))]:
    ours = partial(apply, "broadcast", to=to)
    case("broadcast", [shape], lambda x, ours=ours, to=to: ours(x, to=to), lambda x, to=to: x.expand(to))
for axes in [(1, 2, 0), (2, 0, 1), (0, 2, 1), (0, -1, 1), (-2, -1, 0)]:
    ours = lambda x, axes=axes: x.transpose(*axes)  # noqa: E731 - one text, two names
    case("transpose", [(2, 3, 2)], ours, lambda x, axes=axes: x.permute(axes), label=axes)
    case("transpose", [(2, 2, 2)], ours, lambda x, axes=axes: x.permute(axes), label=axes)
for shape in [(), (3,), (2, 3), (2, 3, 2)]:
    reverse = lambda x: x.permute(tuple(reversed(range(x.ndim))))  # noqa: E731
    case("transpose", [shape], lambda x: x.T, reverse, label="T")
    case("transpose", [shape], lambda x: x.transpose(), reverse)

MASK = np.array([[True, False, True], [False, True, True]])
KEYS = {
    "number": 1,
    "negative number": -1,
    "numbers": (1, 2),
    "slice": slice(1, None),
    "step": (slice(None), slice(None, None, 2)),
    "ellipsis": (..., 1),
    "newaxis": (slice(None), None, 0),
    "list": [1, 0, 1],
    "repeated": ([0, 1, 1, 1], [2, 0, 0, 0]),
    "list and slice": (slice(None), [2, 2, 0]),
    "array": (np.arange(2), np.array([2, 0])),
    "mask": MASK,
    "row mask": np.array([False, True]),
    "nothing": slice(0, 0),
    "all": (),
}


def torch_key(key: Any) -> Any:
    """The key in PyTorch's types."""
    if isinstance(key, tuple):
        return tuple(map(torch_key, key))
    return torch.tensor(key) if isinstance(key, list | np.ndarray) else key


def scatter_in_torch(x: torch.Tensor, key: Any, to: tuple[int, ...]) -> torch.Tensor:
    """Zeros to which the elements of `x` are added at the places that `key` chooses."""
    places = torch.arange(math.prod(to)).reshape(to)[torch_key(key)]
    zeros = torch.zeros(math.prod(to), dtype=x.dtype)
    return zeros.index_add(0, places.flatten(), x.flatten()).reshape(to)


for label, key in KEYS.items():
    case("index", [(2, 3)], lambda x, k=key: x[k], lambda x, k=key: x[torch_key(k)], label=label)
    chosen = np.zeros((2, 3))[key].shape
    ours = partial(apply, "scatter", key=key, to=(2, 3))
    case("scatter", [chosen], ours, partial(scatter_in_torch, key=key, to=(2, 3)), label=label)
case("index", [(2, 3, 4)], lambda x: x[1, :, 2:], label="numbers and slices")
case("index", [(4,)], lambda x: x[::-1], lambda x: x.flip(0), label="backwards")

# Matrices


def gather_in_torch(x: torch.Tensor, table: Any) -> torch.Tensor:
    """The rows that a table names, from x with a row of zeros at its end for -1."""
    return torch.cat([x, torch.zeros_like(x[:1])])[torch.tensor(np.array(table))]


PRODUCTS = [
    [(2, 3), (3, 4)],
    [(1, 1), (1, 1)],
    [(2, 2, 3), (2, 3, 4)],
    [(2, 2, 3), (3, 4)],
    [(2, 3), (2, 3, 4)],
    [(1, 2, 3), (2, 3, 4)],
    [(3, 1, 2, 3), (2, 3, 4)],
    [(2, 0), (0, 3)],
]
for shapes in PRODUCTS:
    case("matmul", shapes, lambda a, b: a @ b)
for shapes in [[(3,), (3,)], [(2, 3), (3,)], [(3,), (3, 4)], [(3,), (2, 3, 4)], [(2, 2, 3), (3,)]]:
    case("matmul", shapes, lambda a, b: a @ b)
case("matmul", [(2, 3)], lambda a: a @ a.T, label="with its transpose")
case("matmul", [(2, 3), (4, 3)], lambda a, b: a @ b.T, label="as in a layer")

EINSUMS = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "i,i->": [(3,), (3,)],
    "i,j->ij": [(3,), (2,)],
    "ij->ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ij->j": [(2, 3)],
    "ii->": [(3, 3)],
    "ii->i": [(3, 3)],
    "iij,jii->j": [(2, 2, 3), (3, 2, 2)],
    "iii->i": [(2, 2, 2)],
    "bij,bjk->bik": [(2, 2, 3), (2, 3, 4)],
    "ij,k->i": [(2, 3), (4,)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 2)],
    "i,i,i->i": [(3,), (3,), (3,)],
    "->": [()],
    ",i->i": [(), (3,)],
}
for text, shapes in EINSUMS.items():
    ours, theirs = partial(einsum, text), partial(torch.einsum, text)
    case("einsum", shapes, ours, theirs, label=text)
case("einsum", [(2, 2)], lambda x: einsum("ij,jk->ik", x, x), lambda x: x @ x, label="with itself")

TABLES = {
    "rows": [2, 0],
    "repeated": [[0, 0], [1, 0]],
    "outside": [[-1, 0], [2, -1]],
    "all outside": [-1],
    "none": np.zeros((0, 2), int),
}
for label, table in TABLES.items():
    for shape in [(3,), (3, 2)]:
        case(
            "gather",
            [shape],
            partial(gather, table=table),
            partial(gather_in_torch, table=table),
            label=label,
        )

JOINED = [([(3,)], 0), ([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1), (2, 2)], -1), ([(2, 3, 1), (2, 0, 1)], 1)]
for shapes, axis in JOINED:
    ours, theirs = lambda *x, a=axis: concat(x, a), lambda *x, a=axis: torch.concat(x, a)
    case("concatenate", shapes, ours, theirs)
case(
    "concatenate", [(2, 3)], lambda x: concat([x, x * x]), lambda x: torch.concat([x, x * x]), label="reused"
)
for shape, axis in [((), 0), ((3,), 0), ((2, 3), 1), ((2, 3), -1), ((2, 3), 2), ((2, 3), -3)]:
    ours, theirs = lambda *x, a=axis: stack(x, a), lambda *x, a=axis: torch.stack(x, a)
    case("concatenate", [shape, shape], ours, theirs, label=f"stack {axis}")
