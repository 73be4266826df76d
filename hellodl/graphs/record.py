"""A graph as records: every node with its gradient, every edge with what it hands down; both told in text."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from hellodl.autograd.gradient import handed_down, push_down, zeros
from hellodl.autograd.memory import Shape
from hellodl.autograd.tensor import Tensor, evaluate, topological_order
from hellodl.errors import UsageError

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
    def told(self) -> str:
        """The title within a sentence, where a bare number is taken for a gradient."""
        return self.title if self.label else f"the constant {self.title}"

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
    """The result is the first node, each comes before its inputs; edges by source, then as its inputs are."""

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
    labels = (t.op.symbol if t.op else (names or {}).get(t, "") for t in order)
    nodes = (
        Node(label, t.op is None, _content(t), _content(gradients[t]))
        for t, label in zip(order, labels, strict=True)
    )
    return Graph(tuple(nodes), tuple(Edge(place[a], place[b], _content(g)) for a, b, g in lines))


def _content(t: Tensor) -> Content:
    """The only number of a tensor, never -0, else its shape."""
    return t.item() + 0.0 if t.size == 1 else t.shape


class Step(NamedTuple):
    """A visit to an op, when all that is above it has handed down its share.

    `handed_down`: the edges it hands something down, by their places in `Graph.edges`, and the gradient that
    each one's target has collected then.
    """

    node: int
    handed_down: tuple[tuple[int, Content], ...]

    def told(self, graph: Graph) -> str:
        """The step in words."""
        op, edges = graph.nodes[self.node], [graph.edges[i] for i, _ in self.handed_down]
        shares = (f"{show(e.handed_down)} to {graph.nodes[e.target].told}" for e in edges)
        return f"{op.title} with gradient {show(op.gradient)} hands {', '.join(shares)}"


def backward_steps(graph: Graph) -> Iterator[Step]:
    """The chapter's walk: each op once, from the top, what is handed down added up on the way."""
    collected: dict[int, Content] = {}
    for node, edges in groupby(enumerate(graph.edges), key=lambda numbered: numbered[1].source):
        handed_down = []
        for i, edge in edges:
            share, so_far = edge.handed_down, collected.get(edge.target, 0.0)
            if isinstance(share, float) and isinstance(so_far, float):  # arrays are told by their shape
                share += so_far
            collected[edge.target] = share
            handed_down.append((i, share))
        yield Step(node, tuple(handed_down))


def tree(graph: Graph) -> Iterator[tuple[Node, str, str, bool]]:
    """The graph from the top, a line an edge: node, what it is handed, branch to it, whether it was opened.

    A node used in several places gets a line in each; what is below it is shown the first time.
    """
    seen: set[int] = set()
    stack = [(0, "", "", "")]
    while stack:
        i, handed_down, branch, indent = stack.pop()
        node = graph.nodes[i]
        yield node, handed_down, branch, i in seen and not node.is_leaf
        edges = [edge for edge in graph.edges if edge.source == i and i not in seen]
        for edge in reversed(edges):
            hook, rail = ("└ ", "  ") if edge is edges[-1] else ("├ ", "│ ")
            stack.append((edge.target, show(edge.handed_down, "+"), indent + hook, indent + rail))
        seen.add(i)


def outline(graph: Graph) -> Iterator[str]:
    """The tree in plain words: what is handed down, the node, its gradient."""
    for node, share, branch, seen_before in tree(graph):
        gradient = f", {node.subtitle}" * bool(node.label)
        yield f"{share:>6}  {branch}{node.title}{gradient}{' ↑' * seen_before}"


def dot(graph: Graph) -> str:
    """The graph in Graphviz's language, as in the chapter."""
    texts = (f"{node.title}\n{node.subtitle}".strip() for node in graph.nodes)
    nodes = (f"{i} [label={json.dumps(text, ensure_ascii=False)}]" for i, text in enumerate(texts))
    edges = (
        f'{edge.source} -> {edge.target} [label="{show(edge.handed_down, "+")}" color="red"]'
        for edge in graph.edges
    )
    return "\n".join(["digraph {", *nodes, *edges, "}", ""])


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
