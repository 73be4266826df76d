"""A graph as an SVG picture that reads well at any size, on light and on dark pages."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from hellodl.graphs.layout import layout
from hellodl.graphs.record import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hellodl.graphs.layout import Layout, Spot
    from hellodl.graphs.record import Graph, Node

    Point = tuple[float, float]

CHARACTER = 8.5  # pixels, the width of 14-pixel monospaced type and a little more
HEIGHT, ROW, MARGIN, CAPTION = 46, 52, 28, 40  # of a box; from row to row; around; above, for the formula
LONGEST_CAPTION = 100  # characters

STYLE = """
.page { fill: #ffffff } .box { fill: #f6f8fa; stroke: #818b98; stroke-width: 1.2px }
.variable .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.6px }
.constant .box { fill: #ffffff; stroke: #c4ccd4 }
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: #1f2328; text-anchor: middle } .variable .title { font-weight: bold }
.gradient, .label, .tip { fill: #cf222e } .edge { fill: none; stroke: #cf222e; stroke-width: 1.3px }
.label { stroke: #ffffff; stroke-width: 6px; stroke-linejoin: round; paint-order: stroke }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } .box { fill: #1c2128; stroke: #6e7681 } text { fill: #e6edf3 }
  .variable .box { fill: #0b2a4d; stroke: #58a6ff } .constant .box { fill: #0d1117; stroke: #545d68 }
  .gradient, .label, .tip { fill: #ff8f87 } .edge { stroke: #e5534b } .label { stroke: #0d1117 }
}
"""
TIP = """<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="tip" d="M0 0.5 8 4 0 7.5z"/></marker>"""


def svg(graph: Graph, caption: str) -> str:
    """The graph as an SVG document of its own, with a formula above it."""
    caption = caption if len(caption) <= LONGEST_CAPTION else caption[: LONGEST_CAPTION - 1] + "…"
    labels = [show(edge.handed_down, "+") for edge in graph.edges]
    plan = layout(graph, [box_width(node) for node in graph.nodes], [CHARACTER * len(s) for s in labels])
    needed = max(spot.x + spot.width / 2 for route in [plan.boxes, *plan.routes] for spot in route)
    inner = max(needed, CHARACTER * len(caption))
    width, height = inner + 2 * MARGIN, down(max(spot.row for spot in plan.boxes)) + HEIGHT / 2 + MARGIN
    left = MARGIN + (inner - needed) / 2
    size = f'width="{width:.0f}" height="{height + CAPTION:.0f}"'
    view = f'viewBox="{-left:.1f} {-CAPTION} {width:.1f} {height + CAPTION:.1f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">',
        f"<title>{escape(caption)}</title><style>{STYLE}</style>",
        TIP,
        f'<rect class="page" x="{-left:.1f}" y="{-CAPTION}" width="100%" height="100%" rx="10"/>',
        f'<text x="{needed / 2:.1f}" y="0">{escape(caption)}</text>',
        *(f'<path class="edge" d="{curve(points)}" marker-end="url(#tip)"/>' for points in lines(plan)),
        *(draw_box(node, spot) for node, spot in zip(graph.nodes, plan.boxes, strict=True)),
        *(write("label", text, route[1]) for text, route in zip(labels, plan.routes, strict=True)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def box_width(node: Node) -> float:
    """Room for the longer of a box's lines."""
    return max(CHARACTER * max(len(node.title), len(node.subtitle)) + 20, HEIGHT)


def draw_box(node: Node, spot: Spot) -> str:
    """A box with its title and, but for a constant, its gradient."""
    kind = "op" if not node.is_leaf else "variable" if node.label else "constant"
    x, y = spot.x - spot.width / 2, down(spot.row) - HEIGHT / 2
    return (
        f'<g class="{kind}"><rect class="box" x="{x:.1f}" y="{y:.1f}" width="{spot.width:.1f}" '
        f'height="{HEIGHT}" rx="{6 if node.is_leaf else HEIGHT / 2:g}"/>'
        + write("title", node.title, spot, -9 if node.subtitle else 0)
        + (write("gradient", node.subtitle, spot, 9) if node.subtitle else "")
        + "</g>"
    )


def write(kind: str, text: str, spot: Spot, lower: float = 0) -> str:
    """Text in the middle of a spot, or a little lower."""
    return f'<text class="{kind}" x="{spot.x:.1f}" y="{down(spot.row) + lower + 5:.1f}">{escape(text)}</text>'


def down(row: int) -> float:
    """The middle of a row, from the top."""
    return row * ROW + MARGIN + HEIGHT / 2 - 10


def lines(plan: Layout) -> list[list[Point]]:
    """For each edge the points it runs through; beside a box it runs straight down, so as not to touch it."""
    leaving = ports(plan.boxes, [(route[0], route[1]) for route in plan.routes])
    arriving = ports(plan.boxes, [(route[-1], route[-2]) for route in plan.routes])
    paths = []
    for start, end, route in zip(leaving, arriving, plan.routes, strict=True):
        points = [(start, down(route[0].row) + HEIGHT / 2)]
        for spot in route[1:-1]:
            beside = HEIGHT / 2 if spot.row % 2 == 0 else 0
            points += [(spot.x, down(spot.row) + y) for y in sorted({-beside, beside})]
        paths.append([*points, (end, down(route[-1].row) - HEIGHT / 2)])
    return paths


def ports(boxes: Sequence[Spot], ends: Sequence[tuple[Spot, Spot]]) -> list[float]:
    """The x where each edge meets its box: side by side, in the order of where they come from or go to."""
    places = [0.0] * len(ends)
    for box in boxes:
        here = sorted((i for i, (spot, _) in enumerate(ends) if spot is box), key=lambda i: ends[i][1].x)
        for nth, i in enumerate(here):
            places[i] = box.x + 0.6 * box.width * ((nth + 0.5) / len(here) - 0.5)
    return places


def curve(points: Sequence[Point]) -> str:
    """A smooth path that only ever goes down and never swings beyond its points.

    Cubic pieces whose slope at a point is the harmonic mean of those beside it (Fritsch and Butland 1984).
    """
    steps = [(x2 - x1) / (y2 - y1) for (x1, y1), (x2, y2) in pairwise(points)]
    inner = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in pairwise(steps)]
    path = "M{:.1f} {:.1f}".format(*points[0])
    for (x1, y1), (x2, y2), a, b in zip(
        points, points[1:], [steps[0], *inner], [*inner, steps[-1]], strict=False
    ):
        third = (y2 - y1) / 3
        path += (
            f"C{x1 + a * third:.1f} {y1 + third:.1f} {x2 - b * third:.1f} {y2 - third:.1f} {x2:.1f} {y2:.1f}"
        )
    return path
