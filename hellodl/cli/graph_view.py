"""A drawing in the terminal, and as records for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hellodl.cli.common import console
from hellodl.graphs.record import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.record import Content, Drawing


def show_in_terminal(drawn: Drawing, gradients: dict[str, Content]) -> None:
    """The value and derivatives as the chapter prints them, then the graph."""
    out = console()
    result = "y" if "y" not in gradients else "f"
    out.print(f"{result} = {show(drawn.nodes[0].value)}")
    for name, gradient in gradients.items():
        out.print(f"d{result}/d{name} = {show(gradient)}")
    out.print()
    for line in tree(drawn):
        out.print(line, soft_wrap=True)


def tree(drawn: Drawing) -> Iterator[Text]:
    """The graph from the top, a line an edge: what it hands down, then its node's gradient and value.

    A node used in several places gets a line in each; what is below it is shown the first time.
    """
    below: list[list[tuple[int, str]]] = [[] for _ in drawn.nodes]
    for edge in drawn.edges:
        below[edge.source].append((edge.target, show(edge.handed_down, "+")))
    yield Text(f"{'value':>13} {'gradient':>13} {'handed down':>13}", "dim")
    seen: set[int] = set()
    stack = [(0, "", "", "")]
    while stack:
        i, share, branch, indent = stack.pop()
        node = drawn.nodes[i]
        label = node.label or show(node.value)
        again = i in seen and not node.is_leaf
        line = Text(f"{show(node.value):>13} {show(node.gradient):>13} ")
        line.append(f"{share:>13}", "red").append(f"   {branch}", "dim")
        line.append(label, "bold cyan" if node.label and node.is_leaf else "").append(" ↑" * again, "dim")
        yield line
        if i not in seen:
            seen.add(i)
            hooks = [("├─ ", "│  ")] * (len(below[i]) - 1) + [("└─ ", "   ")]
            inputs = [
                (target, handed_down, indent + hook, indent + rail)
                for (target, handed_down), (hook, rail) in zip(below[i], hooks, strict=False)
            ]
            stack.extend(reversed(inputs))


def numbered(drawn: Drawing) -> dict[str, list[dict[str, Any]]]:
    """The drawing's records for JSON: nodes with the numbers by which edges name them."""
    nodes = [{"id": i, **asdict(node)} for i, node in enumerate(drawn.nodes)]
    return {"nodes": nodes, "edges": [asdict(edge) for edge in drawn.edges]}


def finite(record: Any) -> Any:
    """The record with null for NaN and infinity, which JSON does not know."""
    if isinstance(record, dict):
        return {key: finite(value) for key, value in record.items()}
    if isinstance(record, list):
        return [finite(value) for value in record]
    return None if isinstance(record, float) and not math.isfinite(record) else record
