"""A graph as text: as a tree for people, and in Graphviz's language."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from hellodl.graphs.record import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.record import Graph, Node


class Line(NamedTuple):
    """A line of the tree: a node, what it is handed from above, and the branches that lead to it."""

    node: Node
    handed_down: str
    branch: str
    seen_before: bool


def tree(graph: Graph) -> Iterator[Line]:
    """The graph from the top, a line an edge.

    A node used in several places gets a line in each; what is below it is shown the first time.
    """
    seen: set[int] = set()
    stack = [(0, "", "", "")]
    while stack:
        i, handed_down, branch, indent = stack.pop()
        node = graph.nodes[i]
        yield Line(node, handed_down, branch, i in seen and not node.is_leaf)
        edges = [edge for edge in graph.edges if edge.source == i and i not in seen]
        for edge in reversed(edges):
            hook, rail = ("└─ ", "   ") if edge is edges[-1] else ("├─ ", "│  ")
            stack.append((edge.target, show(edge.handed_down, "+"), indent + hook, indent + rail))
        seen.add(i)


def outline(graph: Graph) -> Iterator[str]:
    """The tree in plain words: what is handed down, the node, its gradient."""
    for node, handed_down, branch, seen_before in tree(graph):
        gradient = f", {node.subtitle}" * bool(node.label)
        yield f"{handed_down:>6}  {branch}{node.title}{gradient}{' ↑' * seen_before}"


def dot(graph: Graph) -> str:
    """The graph in Graphviz's language, as in the chapter."""
    texts = (f"{node.title}\n{node.subtitle}".strip() for node in graph.nodes)
    nodes = (f"{i} [label={json.dumps(text, ensure_ascii=False)}]" for i, text in enumerate(texts))
    edges = (
        f'{edge.source} -> {edge.target} [label="{show(edge.handed_down, "+")}" color="red"]'
        for edge in graph.edges
    )
    return "\n".join(["digraph {", *nodes, *edges, "}", ""])
