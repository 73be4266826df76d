"""Where the boxes, labels and bends of a drawing go, so that nothing overlaps and few lines cross.

The classic recipe for layered drawings (Sugiyama, Tagawa and Toda 1981): give each node a row, cut long
edges into steps of one row, order each row by its neighbours' places, then move everything towards its
neighbours as far as the order allows. Boxes have the even rows, the edges' labels the odd ones.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

from hellodl.graphs.record import Graph

_SWEEPS, _PATIENCE = 12, 100_000  # rounds of ordering, then of moving; how many spots to look at in all
GAP = 16.0  # between neighbours in a row


@dataclass(eq=False)
class Spot:
    """Something that takes room in a row: a box, the label of an edge, or the bend of a longer one."""

    row: int
    width: float
    x: float = 0.0
    y: float = 0.0  # left to who draws
    above: list["Spot"] = field(default_factory=list)
    below: list["Spot"] = field(default_factory=list)


def layout(
    graph: Graph, box_widths: Sequence[float], label_widths: Sequence[float]
) -> tuple[list[Spot], list[list[Spot]]]:
    """Place a graph whose boxes and edge labels have the given widths; x is a middle, from anywhere.

    Gives a spot for each node, and for each edge the spots it passes: its source, its label, its target.
    """
    depth = [0] * len(graph.nodes)
    for edge in graph.edges:  # a node's own edges come after all that lead to it
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    boxes = [Spot(2 * d, width) for d, width in zip(depth, box_widths, strict=True)]
    routes = []
    for edge, width in zip(graph.edges, label_widths, strict=True):
        start, end = boxes[edge.source], boxes[edge.target]
        bends = [Spot(row, 0.0) for row in range(start.row + 2, end.row)]
        routes.append([start, Spot(start.row + 1, width), *bends, end])
        for upper, lower in pairwise(routes[-1]):
            upper.below.append(lower)
            lower.above.append(upper)
    rows = [boxes[:1]]
    while below := list(dict.fromkeys(spot for upper in rows[-1] for spot in upper.below)):
        rows.append(below)
    sweeps = max(2, min(_SWEEPS, _PATIENCE // sum(map(len, rows))))
    _move(_ordered(rows, sweeps), 2 * sweeps)
    return boxes, routes


def _ordered(rows: list[list[Spot]], sweeps: int) -> list[list[Spot]]:
    """The rows with fewer crossings: sorted by their neighbours' mean place, above and below in turn."""
    tried = [rows]
    for sweep in range(sweeps):
        rows = [list(row) for row in rows]
        for fixed, row in pairwise(rows if sweep % 2 == 0 else rows[::-1]):
            _sort_by_neighbours(row, fixed)
        tried.append(rows)
    return min(tried, key=_crossings)


def _sort_by_neighbours(row: list[Spot], fixed: list[Spot]) -> None:
    """Sort a row by the mean place of each spot's neighbours in `fixed`; one without any stays in place."""
    place = {spot: i for i, spot in enumerate(fixed)}
    own = {spot: i for i, spot in enumerate(row)}
    row.sort(key=lambda spot: fmean([place[n] for n in spot.above + spot.below if n in place] or [own[spot]]))


def _crossings(rows: list[list[Spot]]) -> int:
    """How many pairs of lines cross between neighbouring rows."""
    count = 0
    for upper, lower in pairwise(rows):
        place, seen = {spot: i for i, spot in enumerate(lower)}, list[int]()
        for spot in upper:
            for end in sorted(place[n] for n in spot.below):
                count += len(seen) - bisect_right(seen, end)
                insort(seen, end)
    return count


def _move(rows: list[list[Spot]], sweeps: int) -> None:
    """Give each spot an x as near to its neighbours' as its row allows."""
    for row in rows:
        _settle(row, [0.0] * len(row))
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            near = [[n.x for n in (spot.above if down else spot.below)] for spot in row]
            _settle(row, [fmean(xs or [spot.x]) for spot, xs in zip(row, near, strict=True)])


def _settle(row: list[Spot], wishes: list[float]) -> None:
    """Put a row's spots as near to their wishes as their widths allow, in the sense of least squares.

    Neighbours that would overlap form a block around their mean wish: pool adjacent violators. Bends weigh
    more than boxes, so that long lines are straight.
    """
    offsets = [0.0]
    for a, b in pairwise(row):
        offsets.append(offsets[-1] + (a.width + b.width) / 2 + GAP)
    blocks: list[tuple[float, float, int]] = []  # where it wants to be, its weight, how many are in it
    for spot, wish, offset in zip(row, wishes, offsets, strict=True):
        place, weight, count = wish - offset, 1.0 if spot.width else 8.0, 1
        while blocks and blocks[-1][0] > place:
            before, w, n = blocks.pop()
            place, weight, count = (before * w + place * weight) / (w + weight), w + weight, n + count
        blocks.append((place, weight, count))
    places = (place for place, _, count in blocks for _ in range(count))
    for spot, place, offset in zip(row, places, offsets, strict=True):
        spot.x = place + offset
