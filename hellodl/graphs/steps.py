"""The backward pass, walked: which node is visited when, and what it hands down to its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hellodl.graphs.record import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hellodl.graphs.record import Content, Graph


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
        shares = (f"{show(e.handed_down)} to {graph.nodes[e.target].title}" for e in edges)
        return f"{op.title} with gradient {show(op.gradient)} hands {', '.join(shares)}"


def backward_steps(graph: Graph) -> Iterator[Step]:
    """The chapter's walk: each op once, from the top, what is handed down added up on the way."""
    collected: dict[int, Content] = {}
    for number in range(len(graph.nodes)):
        handed_down = []
        for i, edge in enumerate(graph.edges):
            if edge.source == number:
                share, so_far = edge.handed_down, collected.get(edge.target, 0.0)
                if isinstance(share, float) and isinstance(so_far, float):  # arrays are told by their shape
                    share += so_far
                collected[edge.target] = share
                handed_down.append((i, collected[edge.target]))
        if handed_down:
            yield Step(number, tuple(handed_down))
