"""The chapter's drawings, number by number, and what a drawing refuses."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

import hellodl
from hellodl.autograd import Tensor, grad
from hellodl.errors import ShapeError, UsageError
from hellodl.graphs.record import Graph, dot, record


@pytest.fixture
def chapter() -> Graph:
    """y = 3x³ + 4x + 1 + xz at x=2 and z=0, typed as in the chapter."""
    x, z = Tensor(2.0), Tensor(0.0)
    return record(3 * x * x * x + 4 * x + 1 + x * z, {x: "x", z: "z"})


def test_nodes_are_those_of_the_chapters_last_drawing(chapter):
    """Each op with the gradient that the chapter's Graphviz source gives it, each leaf with its own."""
    ops = Counter((n.label, n.gradient) for n in chapter.nodes if not n.is_leaf)
    assert ops == {("+", 1): 3, ("*", 1): 3, ("*", 2): 1, ("*", 4): 1}
    variables = {n.label: (n.value, n.gradient) for n in chapter.nodes if n.is_leaf and n.label}
    assert variables == {"x": (2, 40), "z": (0, 2)}
    assert sorted(n.value for n in chapter.nodes if n.is_leaf and not n.label) == [1, 3, 4]
    assert chapter.nodes[0].value == 33


def test_edges_hand_down_what_the_chapters_last_drawing_says(chapter):
    """All sixteen edges by their ends and labels, as in the chapter's source."""

    def name(i: int) -> object:
        node = chapter.nodes[i]
        return node.label if node.label in ("x", "z") else (node.label, node.value)

    edges = Counter((name(e.source), name(e.target), e.handed_down) for e in chapter.edges)
    assert edges == Counter(
        [
            (("+", 33), ("+", 33), 1),
            (("+", 33), ("*", 0), 1),
            (("*", 0), "x", 0),
            (("*", 0), "z", 2),
            (("+", 33), ("+", 32), 1),
            (("+", 33), ("", 1), 1),
            (("+", 32), ("*", 24), 1),
            (("+", 32), ("*", 8), 1),
            (("*", 8), ("", 4), 2),
            (("*", 8), "x", 4),
            (("*", 24), ("*", 12), 2),
            (("*", 24), "x", 12),
            (("*", 12), ("*", 6), 4),
            (("*", 12), "x", 12),
            (("*", 6), ("", 3), 8),
            (("*", 6), "x", 12),
        ]
    )


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (lambda x, z, a: x * z, {"x": 0, "z": 2}),
        (lambda x, z, a: x * (z + a), {"x": 1, "z": 2, "a": 2}),
    ],
)
def test_the_chapters_small_drawings(formula, expected):
    """y = xz and y = x(z+a) give the gradients that the chapter reads off its drawings."""
    x, z, a = Tensor(2.0), Tensor(0.0), Tensor(1.0)
    drawn = record(formula(x, z, a), {x: "x", z: "z", a: "a"})
    assert {n.label: n.gradient for n in drawn.nodes if n.is_leaf} == expected


def test_a_nodes_gradient_is_the_sum_of_what_it_is_handed():
    """True for every node but the top, also where nodes are shared, inputs repeated or shapes broadcast."""
    x = Tensor(0.7, np.float64)
    shared = x.sin() * x.exp()
    y = (shared * shared + shared.gelu() - x / 3) ** 2 + (x * np.ones((2, 1))).sum()
    drawn = record(y, {x: "x"})
    for i, node in enumerate(drawn.nodes[1:], start=1):
        if isinstance(node.gradient, float):
            handed = sum(e.handed_down for e in drawn.edges if e.target == i)
            assert handed == pytest.approx(node.gradient, rel=1e-12)
    assert next(n.gradient for n in drawn.nodes if n.label == "x") == pytest.approx(grad(y, x).item())


def test_what_is_flat_has_gradient_zero_and_arrays_show_their_shape():
    """A derivative of abs holds a node that hands nothing down; an array is shown by its shape."""
    x = Tensor(3.0)
    flat = record(grad(abs(x), x) * x)
    assert {e.handed_down for e in flat.edges if flat.nodes[e.source].label == "sign"} <= {0}
    matrix = record(Tensor(np.ones((2, 3))).sum())
    assert (matrix.nodes[-1].value, matrix.nodes[-1].title) == ((2, 3), "(2, 3)")


DOT_NODE = re.compile(r'(\d+) \[label="((?:[^"\\]|\\.)*)"\]')
DOT_EDGE = re.compile(r'(\d+) -> (\d+) \[label="([^"]+)" color="red"\]')


def test_dot_holds_every_node_and_edge_in_graphviz_grammar(chapter):
    """Each line is a node or edge statement whose numbers exist, with the chapter's labels."""
    first, *lines, last = dot(chapter).splitlines()
    assert (first, last) == ("digraph {", "}")
    nodes = [m for line in lines if (m := DOT_NODE.fullmatch(line))]
    edges = [m for line in lines if (m := DOT_EDGE.fullmatch(line))]
    assert len(nodes) + len(edges) == len(lines) == 13 + 16
    assert {int(end) for m in edges for end in m.groups()[:2]} == {int(m[1]) for m in nodes}
    assert {r"x=2\ngrad=40", r"z=0\ngrad=2", "3", r"* → 24\ngrad=1"} <= {m[2] for m in nodes}
    assert Counter(m[3] for m in edges)["+12"] == 3


def test_dot_escapes_quotes_in_names():
    """A name with a quote or backslash stays inside its label."""
    x = Tensor(1.0)
    line = dot(record(x, {x: 'a"]\\'})).splitlines()[1]
    assert DOT_NODE.fullmatch(line)


def test_thousands_of_nodes_are_refused_before_anything_is_computed():
    """A graph nobody could look at gives an error that says how many nodes it has."""
    y = Tensor(1.0)
    for _ in range(5000):
        y = y + 1
    with pytest.raises(UsageError, match=r"10,001 nodes, expected at most 500"):
        record(y)
    assert "not computed" in repr(y)


def test_only_one_number_can_be_drawn():
    """Gradients start from one number."""
    with pytest.raises(ShapeError, match="one number"):
        record(Tensor([1.0, 2.0]) * 2)


def test_a_notebook_shows_the_drawing_others_the_tree():
    x, z = Tensor(2.0), Tensor(0.0)
    drawing = hellodl.graph(3 * x * x * x + 4 * x + 1 + x * z, x=x, z=z)
    picture = drawing._repr_svg_()
    assert picture.startswith("<svg")
    assert all(words in picture for words in ("x=2", "grad=40", ">33<"))
    assert repr(drawing).splitlines()[-1].endswith("z=0, grad=2")
