"""A graph as records: every node with its gradient, every edge with what it hands down."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hellodl.autograd.gradient import handed_down, push_down, zeros
from hellodl.autograd.tensor import Tensor, evaluate, topological_order
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hellodl.autograd.memory import Shape

    Content: TypeAlias = float | Shape  # a number is shown itself, an array of several by its shape

_MOST_NODES = 500  # more than anybody can look at


@dataclass(frozen=True)
class Node:
    """An op, labelled by its symbol, or a leaf: a variable by its name, a constant by nothing."""

    label: str
    is_leaf: bool
    value: Content
    gradient: Content

    @property
    def title(self) -> str:
        """`x=2` or `weight (10, 64)` for a variable, `3` for a constant, `* → 6` for an op."""
        link = " → " if not self.is_leaf else "=" if isinstance(self.value, float) else " "
        return f"{self.label}{link}{show(self.value)}" if self.label else show(self.value)

    @property
    def subtitle(self) -> str:
        """`grad=40`; a constant has none."""
        return f"grad={show(self.gradient)}" if self.label else ""


@dataclass(frozen=True)
class Edge:
    """A line from a node to one of its inputs, by their places in `Graph.nodes`."""

    source: int
    target: int
    handed_down: Content


@dataclass(frozen=True)
class Graph:
    """The result is the first node, each node comes before its inputs, its edges in the inputs' order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def gradients(self, names: Iterable[str]) -> dict[str, Content]:
        """What the leaves of these names have as gradient: 0 for one that does not occur."""
        used = {node.label: node.gradient for node in self.nodes if node.is_leaf}
        return {name: used.get(name, 0.0) for name in names}

    def for_json(self) -> dict[str, list[dict[str, Any]]]:
        """The records as plain data: nodes with the numbers by which edges name them."""
        nodes = [{"id": i, **asdict(node)} for i, node in enumerate(self.nodes)]
        return {"nodes": nodes, "edges": [asdict(edge) for edge in self.edges]}


def record(y: Tensor, names: Mapping[Tensor, str] | None = None) -> Graph:
    """Record the graph of the scalar `y`, with the gradient of `y` with respect to every node.

    `names` says what leaves are called. Raises UsageError if there are more than 500 nodes, and ShapeError
    if `y` has more than one element.
    """
    order = topological_order(y)[::-1]
    if len(order) > _MOST_NODES:
        raise UsageError(
            f"drawing: the graph has {len(order):,} nodes, expected at most {_MOST_NODES}; draw a part of it"
        )
    gradients = {node: zeros(node) for node in order} | push_down(y)
    lines = [
        (node, x, zeros(x) if g is None else g)
        for node in order
        for x, g in handed_down(node, gradients[node], gradients)
    ]
    evaluate(y, *gradients.values(), *(g for _, _, g in lines))
    place = {node: i for i, node in enumerate(order)}
    nodes = (Node(label(t, names or {}), t.op is None, content(t), content(gradients[t])) for t in order)
    return Graph(tuple(nodes), tuple(Edge(place[a], place[b], content(g)) for a, b, g in lines))


def label(node: Tensor, names: Mapping[Tensor, str]) -> str:
    """A leaf's name, or an op's symbol."""
    return names.get(node, "") if node.op is None else node.op.symbol


def content(t: Tensor) -> Content:
    """The only number of a tensor, never -0, else its shape."""
    return t.item() + 0.0 if t.size == 1 else t.shape


def show(content: Content, sign: str = "") -> str:
    """A number to six digits, with its sign always if `sign` is "+"; a shape as it is."""
    return f"{content:{sign}g}" if isinstance(content, float) else str(content)


def finite(data: Any) -> Any:  # whatever JSON can hold
    """The same data with null for NaN and infinity, which JSON does not know."""
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
