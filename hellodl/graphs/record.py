"""The chapter's drawing as records: every node with its gradient, every edge with what it hands down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hellodl.autograd.gradient import push_down, unbroadcast
from hellodl.autograd.ops import Power
from hellodl.autograd.tensor import Tensor, evaluate, topological_order
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hellodl.autograd.tensor import Shape

    Content: TypeAlias = float | Shape  # a number is shown itself, an array of several by its shape

MOST_NODES = 500  # more than anybody can look at


@dataclass(frozen=True)
class Node:
    """An op, labelled by its symbol, or a leaf: a variable by its name, a constant by nothing."""

    label: str
    is_leaf: bool
    value: Content
    gradient: Content

    @property
    def text(self) -> str:
        """`x=2` and its gradient for a variable, `3` for a constant, `* → 6` and its gradient for an op."""
        if self.is_leaf and not self.label:
            return show(self.value)
        return f"{self.label}{'=' if self.is_leaf else ' → '}{show(self.value)}\ngrad={show(self.gradient)}"


@dataclass(frozen=True)
class Edge:
    """A line from a node to one of its inputs, by their places in `Drawing.nodes`."""

    source: int
    target: int
    handed_down: Content


@dataclass(frozen=True)
class Drawing:
    """A graph as records: the result first, a node before its inputs, its edges in the inputs' order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def drawing(y: Tensor, names: Mapping[Tensor, str] | None = None) -> Drawing:
    """Record the graph of the scalar `y`, with the gradient of `y` with respect to every node.

    `names` says what leaves are called. Raises UsageError if there are more than 500 nodes, and ShapeError
    if `y` has more than one element.
    """
    order = topological_order(y)[::-1]
    if len(order) > MOST_NODES:
        msg = f"drawing: the graph has {len(order):,} nodes, expected at most {MOST_NODES}; draw a part of it"
        raise UsageError(msg)
    gradients = {node: zeros(node) for node in order} | push_down(y)
    lines = [
        (node, x, zeros(x) if g is None else unbroadcast(g, x.shape))
        for node in order
        if node.op
        for x, g in zip(node.inputs, node.op.backward(gradients[node], node, *node.inputs), strict=True)
    ]
    evaluate(y, *gradients.values(), *(g for _, _, g in lines))
    place = {node: i for i, node in enumerate(order)}
    nodes = (Node(label(t, names or {}), t.op is None, content(t), content(gradients[t])) for t in order)
    return Drawing(tuple(nodes), tuple(Edge(place[a], place[b], content(g)) for a, b, g in lines))


def zeros(like: Tensor) -> Tensor:
    """The gradient of what the result does not depend on smoothly."""
    return Tensor(np.zeros(like.shape), like.dtype)


def label(node: Tensor, names: Mapping[Tensor, str]) -> str:
    """A leaf's name, or an op's symbol with its exponent if it has one."""
    if node.op is None:
        return names.get(node, "")
    return f"**{node.op.exponent:g}" if isinstance(node.op, Power) else node.op.symbol


def content(t: Tensor) -> Content:
    """The only number of a tensor, never -0, else its shape."""
    return t.item() + 0.0 if t.size == 1 else t.shape


def show(content: Content, sign: str = "") -> str:
    """A number to six digits, with its sign always if `sign` is "+"; a shape as it is."""
    return f"{content:{sign}g}" if isinstance(content, float) else str(content)


def dot(drawing: Drawing) -> str:
    """The drawing in Graphviz's language, as in the chapter."""
    nodes = (
        f"{i} [label={json.dumps(node.text, ensure_ascii=False)}]" for i, node in enumerate(drawing.nodes)
    )
    edges = (
        f'{edge.source} -> {edge.target} [label="{show(edge.handed_down, "+")}" color="red"]'
        for edge in drawing.edges
    )
    return "\n".join(["digraph {", *nodes, *edges, "}", ""])
