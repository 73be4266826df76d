"""How `hellodl graph` looks in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from hellodl.graphs.record import show
from hellodl.graphs.text import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.record import Content, Graph


def report(graph: Graph, gradients: dict[str, Content]) -> Iterator[Text]:
    """The value and derivatives as the chapter prints them, then the graph as a tree."""
    result = "y" if "y" not in gradients else "f"
    yield Text(f"{result} = {show(graph.nodes[0].value)}")
    for name, gradient in gradients.items():
        yield Text(f"d{result}/d{name} = {show(gradient)}")
    yield Text()
    yield Text(f"{'value':>13} {'gradient':>13} {'handed down':>13}", "dim")
    for node, handed_down, branch, seen_before in tree(graph):
        line = Text(f"{show(node.value):>13} {show(node.gradient):>13} ")
        line.append(f"{handed_down:>13}", "red").append(f"   {branch}", "dim")
        line.append(node.label or show(node.value), "bold cyan" if node.label and node.is_leaf else "")
        yield line.append(" ↑" * seen_before, "dim")
