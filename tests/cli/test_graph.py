"""The graph command: what it prints, writes and refuses, and that its pictures are in order."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hellodl.autograd import Tensor
from hellodl.cli.graph import graph
from hellodl.errors import HellodlError, UsageError
from hellodl.graphs.formula import formula
from hellodl.graphs.layout import GAP, layout
from hellodl.graphs.record import record
from hellodl.graphs.svg import curve, svg

CHAPTER = ["3*x*x*x + 4*x + 1 + x*z", "--at", "x=2", "--at", "z=0"]
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments: str) -> str:
    return CliRunner().invoke(graph, arguments, catch_exceptions=False).stdout


def drawn(text: str):
    variables = {name: Tensor(2.0, np.float64) for name in "abxyz"}
    return record(formula(text, variables), {tensor: name for name, tensor in variables.items()})


def test_prints_the_chapters_numbers_and_its_tree():
    """The three lines that the chapter's program prints, then a line for each of the sixteen edges."""
    output = run(*CHAPTER)
    assert output.startswith("y = 33\ndy/dx = 40\ndy/dz = 2\n\n")
    tree = output.split("\n\n")[1].splitlines()
    assert len(tree) == 1 + 1 + 16
    assert tree[-1].split() == ["0", "2", "+2", "└─", "z"]
    assert sum(line.split()[2] == "+12" for line in tree) == 3
    assert "\x1b" not in output


def test_a_node_used_twice_is_opened_once():
    """The second time it is marked; the tree stays as long as there are edges."""
    lines = run("gelu(x+1)", "--at", "x=2").split("\n\n")[1].splitlines()
    assert sum(line.endswith("+ ↑") for line in lines) == 1


def test_a_variable_called_y_does_not_meet_a_result_called_y():
    """The result is then f."""
    assert run("y*y", "--at", "y=3").startswith("f = 9\ndf/dy = 6\n")


def test_json_holds_the_same_records():
    """One object; edges name nodes by id; what is handed to x adds up to its gradient."""
    answer = json.loads(run(*CHAPTER, "--json"))
    assert list(answer) == ["expression", "value", "gradients", "nodes", "edges"]
    assert (answer["value"], answer["gradients"]) == (33, {"x": 40, "z": 2})
    x = next(node["id"] for node in answer["nodes"] if node["label"] == "x")
    assert sum(edge["handed_down"] for edge in answer["edges"] if edge["target"] == x) == 40
    assert [node["id"] for node in answer["nodes"]] == list(range(13))


def test_json_knows_no_nan():
    """log(-1) is null, as strict readers demand; a variable that is not used has gradient 0."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    answer = json.loads(run("log(x)", "--at", "x=-1", "--at", "w=1", "--json"), parse_constant=refuse)
    assert answer["value"] is None
    assert answer["gradients"] == {"x": -1, "w": 0}


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".SVG"])
def test_writes_the_drawing_beside_nothing_else(tmp_path, suffix):
    """One file of that kind, over an older one too; no temporary file is left."""
    file = tmp_path / f"drawing{suffix}"
    file.write_text("old")
    run(*CHAPTER, "-o", str(file))
    assert file.read_text(encoding="utf-8").startswith("digraph" if suffix == ".dot" else "<svg")
    assert list(tmp_path.iterdir()) == [file]


def test_quiet_says_nothing_of_the_drawing(tmp_path):
    for options, said in (((), True), (("-q",), False)):
        result = CliRunner().invoke(graph, [*CHAPTER, "-o", str(tmp_path / "y.svg"), *options])
        assert (result.exit_code, bool(result.stderr)) == (0, said)


def test_refuses_other_suffixes_and_folders_that_are_not_there(tmp_path):
    """Before anything is printed or written."""
    with pytest.raises(UsageError, match=r"a\.png: a drawing is written as \.svg or \.dot"):
        run(*CHAPTER, "-o", str(tmp_path / "a.png"))
    with pytest.raises(HellodlError, match="cannot be written"):
        run(*CHAPTER, "-o", str(tmp_path / "missing" / "a.svg"))
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(HellodlError, match="cannot be written"):
        run(*CHAPTER, "-o", str(tmp_path / "folder.svg"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_from_the_shell_an_error_is_one_line_and_exit_code_2():
    """As every hellodl error; stdout stays empty."""
    command = [sys.executable, "-m", "hellodl", "graph", "x^2", "--at", "x=2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "hellodl: formula, column 2: cannot read '^2'; write ** for a power\n"


def test_the_svg_holds_every_node_and_edge():
    """Well-formed; a box with the right text for each node, a path and a label for each edge."""
    shown = drawn("3*x*x*x + 4*x + 1 + x*z")
    root = ET.fromstring(svg(shown, "a < b & c"))
    texts = {
        kind: [t.text for t in root.iter(f"{SVG}text") if t.get("class") == kind]
        for kind in ("title", "label")
    }
    assert sorted(texts["title"]) == sorted(node.title for node in shown.nodes)
    assert sorted(texts["label"]) == sorted(f"{edge.handed_down:+g}" for edge in shown.edges)
    assert sum(path.get("class") == "edge" for path in root.iter(f"{SVG}path")) == len(shown.edges)
    assert root.find(f"{SVG}title").text == "a < b & c"


def test_the_svg_fits_its_page_and_has_colours_for_both_themes():
    """Every box lies inside the view box."""
    root = ET.fromstring(svg(drawn("sin(x*y)/exp(z)+a*b*x"), "y"))
    left, top, width, height = map(float, root.get("viewBox").split())
    for rect in (r for r in root.iter(f"{SVG}rect") if r.get("class") == "box"):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert left < x
        assert x + w < left + width
        assert top < y
        assert y + h < top + height
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text


FORMULAS = st.recursive(
    st.sampled_from(["x", "y", "z", "2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        inner.map(lambda a: f"gelu({a})"),
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(FORMULAS)
def test_no_boxes_or_labels_overlap_and_edges_only_go_down(text):
    """In any row, spots keep their distance; a long edge has a place of its own in each row it passes."""
    shown = drawn(text)
    plan = layout(shown, [60.0] * len(shown.nodes), [30.0] * len(shown.edges))
    spots = {spot for route in [plan.boxes, *plan.routes] for spot in route}
    for a, b in combinations(spots, 2):
        assert a.row != b.row or abs(a.x - b.x) >= (a.width + b.width) / 2 + GAP - 1e-6
    for route in plan.routes:
        assert [spot.row for spot in route] == list(range(route[0].row, route[-1].row + 1))


def test_lines_stay_between_their_points():
    """A curve's control points lie inside the box of each piece, so it cannot swing into a neighbour."""
    points = [(0.0, 0.0), (50.0, 20.0), (50.0, 60.0), (55.0, 80.0), (10.0, 100.0)]
    start, *pieces = curve(points).removeprefix("M").split("C")
    numbers = [list(map(float, re.findall(r"[-\d.]+", piece))) for piece in pieces]
    assert start == "0.0 0.0"
    for (x1, y1), (x2, y2), piece in zip(points, points[1:], numbers, strict=False):
        assert all(min(x1, x2) - 0.1 <= x <= max(x1, x2) + 0.1 for x in piece[::2])
        assert all(y1 - 0.1 <= y <= y2 + 0.1 for y in piece[1::2])
