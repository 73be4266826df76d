"""How `hellodl graph` looks in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from hellodl.graphs.record import show
from hellodl.graphs.steps import backward_steps
from hellodl.graphs.text import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.listing import Listing
    from hellodl.graphs.record import Content, Graph


def report(graph: Graph, result: str, gradients: dict[str, Content]) -> Iterator[Text]:
    """The value of `result` and its derivatives as the chapter prints them, then the graph as a tree."""
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


def walk(graph: Graph) -> Iterator[Text]:
    """The backward pass: each op as it is visited, what it hands to whom, and what that has then."""
    yield Text(f"The top starts with gradient {show(graph.nodes[0].gradient)}.")
    for number, step in enumerate(backward_steps(graph), 1):
        node = graph.nodes[step.node]
        yield Text(f"\n{number:>3}  ").append(node.title, "bold").append(f", gradient {show(node.gradient)}")
        for i, total in step.handed_down:
            edge = graph.edges[i]
            target = graph.nodes[edge.target]
            line = Text(f"{show(edge.handed_down, '+'):>16}", "red").append(" to ", "dim")
            line.append(target.title, "bold cyan" if target.is_leaf and target.label else "")
            yield line.append(f", which now has {show(total)}" if target.label else "", "dim")


def calls(listing: Listing) -> Iterator[Text]:
    """A program line by line, then what it saves to use buffers again."""
    width = max((len(call.formula) for call in listing.calls), default=0)
    for number, call in enumerate(listing.calls, 1):
        line = Text(f"{number:>4} ", "dim").append(f"{call.buffer:>4}", "bold")
        line.append(f" = {call.formula:<{width}}")
        yield line.append(f"  {call.shape!s:<12} {call.use}", "" if call.use == "new" else "dim")
    yield Text(
        f"\n{len(listing.calls)} calls use {listing.buffers} buffers, in all {listing.bytes:,} bytes; "
        f"with a buffer for each call it would be {listing.bytes_unshared:,}"
    )
