"""Random expression graphs for Hypothesis: recipes that hellodl and PyTorch can both follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hypothesis import strategies as st

from hellodl.autograd import Tensor, concat, stack
from hellodl.autograd.tensor import apply
from hellodl.axes import einsum, gather
from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def std_of_pair(a: Any, b: Any) -> Any:
    """Their distance, halved: where it is 0, it has a kink."""
    return stack([a, b]).std(0) if isinstance(a, Tensor) else torch.stack([a, b]).std(0, correction=0)


def joined(text: str, *operands: Any) -> Any:
    """Einstein's sum in either library; ShapeError if the operands do not fit."""
    return (einsum if isinstance(operands[0], Tensor) else torch.einsum)(text, *operands)


def gathered(x: Any, table: Any) -> Any:
    """Rows by a table, zeros for -1."""
    if isinstance(x, Tensor):
        return gather(x, table)
    return torch.cat([x, torch.zeros_like(x[:1])])[torch.tensor(table)]


# Each op keeps numbers moderate, so that rounding stays small after a dozen of them.
UNARY: dict[str, Callable[[Any], Any]] = {
    "negative": lambda x: -x,
    "exp": lambda x: x.tanh().exp(),
    "log": lambda x: (x * x + 1).log(),
    "sqrt": lambda x: (x * x + 0.5).sqrt(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "relu": lambda x: x.relu(),
    "gelu": lambda x: x.gelu() if isinstance(x, Tensor) else torch.nn.functional.gelu(x),
    "abs": abs,
    "cube": lambda x: x.tanh() ** 3,
    "double": lambda x: x + x,
    "square": lambda x: x.sin() * x.sin(),
    "number left": lambda x: 2 - x,
    "array left": lambda x: np.float64(0.5) * x if isinstance(x, Tensor) else 0.5 * x,
    "T": lambda x: x.T if isinstance(x, Tensor) else x.permute(tuple(reversed(range(x.ndim)))),
    "flatten": lambda x: x.flatten(),
    "column": lambda x: x.reshape(-1, 1),
    "newaxis": lambda x: x[None],
    "first": lambda x: x[0],
    "last of last axis": lambda x: x[..., -1],
    "slice": lambda x: x[1:],
    "repeat": lambda x: x[[0, 0, -1]],
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(0).tanh(),
    "sum": lambda x: x.sum().tanh(),
    "sum of rows": lambda x: x.sum(0),
    "centre": lambda x: x - x.mean(-1, keepdims=True),
    "max": lambda x: x.max(-1) if isinstance(x, Tensor) else x.amax(-1),
    "largest": lambda x: x - (x.max() if isinstance(x, Tensor) else x.amax()),
    "clip": lambda x: x.clip(-0.5, 0.7),
    "where": lambda x: x.where(x > 0.1, x * x),
    "greater": lambda x: x * (x >= -0.3),
    "detach": lambda x: x * x.detach().tanh(),
    "cast": lambda x: apply("cast", x, dtype=np.dtype(np.float64)) if isinstance(x, Tensor) else x.double(),
    "min": lambda x: x.min(-1) if isinstance(x, Tensor) else x.amin(-1),
    "prod": lambda x: x.tanh().prod(-1),
    "var": lambda x: x.var(-1) if isinstance(x, Tensor) else x.var(-1, correction=0),
    "std": lambda x: std_of_pair(x, x + 1 + x.sigmoid()),
    "trace": lambda x: joined("ii->", x),
    "gather": lambda x: gathered(x, [[0, -1], [-1, 0]]),
    "gram": lambda x: (x @ UNARY["T"](x)).tanh(),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b.tanh(),
    "divide": lambda a, b: a / (b * b + 1),
    "power": lambda a, b: (a * a + 0.5) ** b.sin(),
    "matmul": lambda a, b: (a @ b).tanh(),
    "matmul T": lambda a, b: (a @ UNARY["T"](b)).tanh(),
    "maximum": lambda a, b: a.maximum(b),
    "minimum": lambda a, b: a.minimum(b),
    "less": lambda a, b: a * (a < b),
    "choose": lambda a, b: a.where(b > 0, b),
    "einsum": lambda a, b: joined(["", "i,j->ij", "ij,kj->ik", "bij,bkj->ikb", ""][a.ndim], a, b).tanh(),
    "concat": lambda a, b: concat([a, b]) if isinstance(a, Tensor) else torch.concat([a, b]),
    "stack": lambda a, b: stack([a, b], -1) if isinstance(a, Tensor) else torch.stack([a, b], -1),
}
SHAPES = [(), (1,), (3,), (2, 3), (3, 3), (2, 1), (1, 3), (2, 2, 3)]


@dataclass(frozen=True)
class Recipe:
    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, int, int], ...]  # name, first operand, second operand
    seed: int

    def inputs(self, change: int = 0) -> list[np.ndarray]:
        """Numbers for the leaves; others for another `change`."""
        random = np.random.default_rng([self.seed, change])
        return [random.normal(size=shape) for shape in self.shapes]

    def follow(self, *leaves: Any) -> list[Any]:
        """All nodes, the leaves first."""
        nodes = list(leaves)
        for step in self.steps:
            nodes.append(take(step, nodes))
        return nodes

    def total(self, *leaves: Any) -> Any:
        """A graph in which every node plays a part, folded into one number."""
        total = 0.0
        for n, node in enumerate(self.follow(*leaves)):
            total = total + (node * (1 + n / 8)).tanh().sum()
        return total


def take(step: tuple[str, int, int], nodes: Sequence[Any]) -> Any:
    name, i, j = step
    return UNARY[name](nodes[i]) if name in UNARY else BINARY[name](nodes[i], nodes[j])


@st.composite
def recipes(draw: st.DrawFn, longest: int = 12) -> Recipe:
    """Recipes of one to three leaves and up to `longest` steps, each of which fits its operands' shapes."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    nodes = [Tensor(np.zeros(shape)) for shape in shapes]
    steps = []
    names = st.one_of(st.sampled_from(sorted(BINARY)), st.sampled_from(sorted(UNARY)))
    for _ in range(draw(st.integers(1, longest))):
        operand = st.integers(0, len(nodes) - 1)
        step = (draw(names), draw(operand), draw(operand))
        try:
            node = take(step, nodes)
        except (ShapeError, IndexError):
            continue
        if 0 < node.size <= 64 and node.ndim <= 4:
            nodes.append(node)
            steps.append(step)
    return Recipe(tuple(shapes), tuple(steps), draw(st.integers(0, 2**16)))
