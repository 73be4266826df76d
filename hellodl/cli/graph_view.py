"""How `hellodl graph` looks in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import style

from hellodl.graphs.record import backward_steps, show, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.listing import Listing
    from hellodl.graphs.record import Content, Graph, Node


def report(graph: Graph, result: str, gradients: dict[str, Content]) -> Iterator[str]:
    """The value of `result` and its derivatives as the chapter prints them, then the graph as a tree."""
    yield f"{result} = {show(graph.nodes[0].value)}"
    for name, gradient in gradients.items():
        yield f"d{result}/d{name} = {show(gradient)}"
    yield style(f"\n{'value':>13} {'gradient':>13} {'handed down':>13}", dim=True)
    for node, handed_down, branch, seen_before in tree(graph):
        numbers = f"{show(node.value):>13} {show(node.gradient):>13} {style(f'{handed_down:>13}', fg='red')}"
        name = _coloured(node.label or show(node.value), node)
        yield f"{numbers}{style(f'   {branch}', dim=True)}{name}{style(' ↑' * seen_before, dim=True)}"


def walk(graph: Graph) -> Iterator[str]:
    """The backward pass: each op as it is visited, what it hands to whom, and what that has then."""
    yield f"The top starts with gradient {show(graph.nodes[0].gradient)}."
    for number, step in enumerate(backward_steps(graph), 1):
        node = graph.nodes[step.node]
        yield f"\n{number:>3}  {style(node.title, bold=True)}, gradient {show(node.gradient)}"
        for i, total in step.handed_down:
            edge = graph.edges[i]
            target = graph.nodes[edge.target]
            share = style(f"{show(edge.handed_down, '+'):>16}", fg="red")
            has = style(f", which now has {show(total)}", dim=True) if target.label else ""
            yield f"{share}{style(' to ', dim=True)}{_coloured(target.title, target)}{has}"


def _coloured(name: str, node: Node) -> str:
    """A variable's name stands out."""
    return style(name, fg="cyan", bold=True) if node.is_leaf and node.label else name


def calls(listing: Listing) -> Iterator[str]:
    """A program line by line, then what it saves to use buffers again."""
    width = max((len(call.formula) for call in listing.calls), default=0)
    for number, call in enumerate(listing.calls, 1):
        result = f"{style(f'{number:>4} ', dim=True)}{style(f'{call.buffer:>4}', bold=True)}"
        use = style(f"{call.shape!s:<12} {call.use}", dim=call.use != "new" or None)
        yield f"{result} = {call.formula:<{width}}  {use}"
    yield (
        f"\n{len(listing.calls)} calls use {listing.buffers} buffers, in all {listing.bytes:,} bytes; "
        f"with a buffer for each call it would be {listing.bytes_unshared:,}"
    )
