"""The graph command: what it prints, writes and refuses, and that its pictures are in order."""

from __future__ import annotations

import json
import math
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
from PIL import Image

from hellodl.autograd import Tensor
from hellodl.cli.graph import graph
from hellodl.errors import HellodlError, UsageError
from hellodl.graphs.formula import formula
from hellodl.graphs.layout import GAP, layout
from hellodl.graphs.record import record
from hellodl.graphs.svg import svg

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
    assert tree[-1].split() == ["0", "2", "+2", "└", "z"]
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
    for drawn in ("x*x", CHAPTER[0]):
        run(drawn, *CHAPTER[1:], "-o", str(file))
    assert file.read_text(encoding="utf-8").startswith("digraph" if suffix == ".dot" else "<svg")
    assert list(tmp_path.iterdir()) == [file]


def test_quiet_says_nothing_of_the_drawing(tmp_path):
    for options, said in (((), True), (("-q",), False)):
        result = CliRunner().invoke(graph, [*CHAPTER, "-o", str(tmp_path / "y.svg"), *options])
        assert (result.exit_code, bool(result.stderr)) == (0, said)


def test_a_folder_is_no_place_for_a_drawing(tmp_path):
    """Refused before anything is printed or written."""
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


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("graph -x --at x=2", 'starts with a minus goes in parentheses, "(-x)"'),
        ("graph x + z --at x=2", 'a formula goes in quotes, as in "x + z"'),
        ("graph x*z --at x=2 z=3", "each value has its --at x=2"),
        ("graph x --from x=2", "--at x=2 (graph)"),
        ("descend x --at x=2", "--from x=2 (descend)"),
    ],
)
def test_what_click_takes_for_an_option_or_argument_is_told_its_cure(words, cure):
    """In one line, with exit code 2."""
    command = [sys.executable, "-m", "hellodl", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert cure in done.stderr
    assert done.stderr.count("\n") == 1


def texts(root, *styles):
    return sorted(t.text for t in root.iter(f"{SVG}text") if t.get("class") in styles)


def boxes(root):
    return [r for r in root.iter(f"{SVG}rect") if r.get("class") in ("op", "variable", "constant")]


def test_the_svg_holds_every_node_and_edge():
    """Well-formed; a box with the right text for each node, a path and a label for each edge."""
    shown = drawn("3*x*x*x + 4*x + 1 + x*z")
    root = ET.fromstring(svg(shown, "a < b & c"))
    assert texts(root, "title", "name") == sorted(node.title for node in shown.nodes)
    assert texts(root, "label") == sorted(f"{edge.handed_down:+g}" for edge in shown.edges)
    assert sum(path.get("class") == "edge" for path in root.iter(f"{SVG}path")) == len(shown.edges)
    assert len(boxes(root)) == len(shown.nodes)
    assert root.find(f"{SVG}title").text == "a < b & c"


def test_the_svg_fits_its_page_and_has_colours_for_both_themes():
    """Every box lies inside the view box."""
    root = ET.fromstring(svg(drawn("sin(x*y)/exp(z)+a*b*x"), "y"))
    left, top, width, height = map(float, root.get("viewBox").split())
    for rect in boxes(root):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert left < x
        assert x + w < left + width
        assert top < y
        assert y + h < top + height
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text


def test_a_png_shows_what_the_svg_does(tmp_path):
    """Twice its size; paper around, ink inside, red where arrows are, and the variables' blue."""
    file = tmp_path / "y.png"
    run(*CHAPTER, "-o", str(file))
    root = ET.fromstring(svg(drawn("3*x*x*x + 4*x + 1 + x*z"), "3*x*x*x + 4*x + 1 + x*z = 33"))
    with Image.open(file) as image:
        assert image.size == (2 * int(root.get("width")), 2 * int(root.get("height")))
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[20:40] == 255).all()
    packed = np.unique(pixels.astype(np.int32) @ [0x10000, 0x100, 1])
    assert {0xCF222E, 0x0969DA, 0xDDF4FF} <= set(packed.tolist())  # arrows, variables and their edges


def test_a_png_without_its_package_says_what_to_do(tmp_path, monkeypatch):
    """The extra is optional; nothing is written."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(HellodlError, match=r"y\.png: .* -m pip install resvg-py`, or name the file \.svg"):
        run(*CHAPTER, "-o", str(tmp_path / "y.png"))
    assert not list(tmp_path.iterdir())


def test_steps_walk_the_chapters_backward_pass():
    """Each op once, from the top; the totals end at the chapter's gradients: 12, 24, 36, 40 and 2."""
    output = run(*CHAPTER, "--steps")
    assert re.findall(r"to x=2, whose gradient is now (\d+)", output)[-1] == "40"
    assert re.findall(r"to z=0, whose gradient is now (\d+)", output) == ["2"]
    assert output.count(", gradient ") == 8
    told = json.loads(run(*CHAPTER, "--steps", "--json"))
    collected = {i: total for step in told["steps"] for i, total in step["handed_down"]}
    assert {told["nodes"][told["edges"][i]["target"]]["label"]: t for i, t in collected.items()}["x"] == 40


def test_the_film_ends_as_the_still_picture(tmp_path):
    """Once everything has shown up, and nothing passing is there, its texts are those of the still one."""
    file = tmp_path / "steps.svg"
    run(*CHAPTER, "--steps", "-o", str(file))
    film, still = ET.parse(file).getroot(), ET.fromstring(svg(record_of_chapter(), "y"))
    for parent in list(film.iter()):
        for part in [part for part in parent if "passing" in part.get("class", "")]:
            parent.remove(part)
    styles = "title", "name", "gradient", "label"
    assert texts(film, *styles) == texts(still, *styles)
    assert not list(film.iter(f"{SVG}script"))
    assert "prefers-reduced-motion" in film.find(f"{SVG}style").text


def record_of_chapter():
    variables = {"x": Tensor(2.0, np.float64), "z": Tensor(0.0, np.float64)}
    return record(formula(CHAPTER[0], variables), {tensor: name for name, tensor in variables.items()})


def test_a_formula_without_a_value_there_says_so():
    """On stderr, where it breaks no pipe; a number is told without a word."""
    for text, x, said in (("log(x)", "-1", 1), ("1/x", "0", 1), ("abs(x)", "0", 0)):
        result = CliRunner().invoke(graph, [text, "--at", f"x={x}"])
        assert result.stderr.count("has no finite value there") == said
        assert CliRunner().invoke(graph, [text, "--at", f"x={x}", "-q"]).stderr == ""


def test_steps_tell_a_constant_from_a_gradient(tmp_path):
    """In the terminal and in the film: `1 to 1` says nothing."""
    file = tmp_path / "steps.svg"
    assert "+1 to the constant 1\n" in run("x + 1", "--at", "x=2", "--steps", "-o", str(file))
    assert "1 to the constant 1<" in file.read_text(encoding="utf-8")


def test_a_derivative_says_by_which_variable():
    """The first one."""
    assert run("x*z", "--at", "z=3", "--at", "x=2", "--order", "1").startswith("y′ = dy/dz = 2\n")


@pytest.mark.parametrize(("order", "value", "slope"), [(1, 40, 36), (2, 36, 18), (3, 18, 0)])
def test_derivatives_are_graphs_themselves(order, value, slope):
    """y = 3x³ + 4x + 1 + xz at x = 2: 9x² + 4 + z, 18x, 18."""
    told = json.loads(run(*CHAPTER, "--order", str(order), "--json"))
    assert (told["value"], told["gradients"]["x"]) == (value, slope)


def test_the_networks_graph_has_all_weights_and_their_shapes():
    """As in the chapter: three matrices and three biases, each with a gradient of its own shape."""
    told = json.loads(run("--network", "--json"))
    shapes = {node["label"]: node["value"] for node in told["nodes"] if node["is_leaf"]}
    assert shapes["lc1.weight"] == [128, 784]
    assert shapes["lc3.bias"] == [10]
    assert told["gradients"]["lc2.weight"] == shapes["lc2.weight"] == [64, 128]
    assert told["value"] == pytest.approx(math.log(10), abs=1.5)  # untrained: about chance
    assert "dloss/dlc3.bias is 10 numbers\n" in run("--network")


def test_a_program_lists_calls_that_compute_the_gradients():
    """Replayed as Python on named arrays, the list gives x·z + 3 and its derivatives."""
    told = json.loads(run("sin(x)*z + 3", "--at", "x=2", "--at", "z=5", "--program", "--json"))
    names = {"x": 2.0, "z": 5.0, "sin": math.sin, "cos": math.cos}
    values = []
    for call in told["calls"]:
        names[call["buffer"]] = eval(call["formula"], {"__builtins__": {}}, names)  # of this test's formula
        values.append(names[call["buffer"]])
    for expected in (math.sin(2) * 5 + 3, 5 * math.cos(2), math.sin(2)):
        assert any(value == pytest.approx(expected) for value in values)
    assert told["buffers"] == len({call["buffer"] for call in told["calls"]}) < len(told["calls"])
    assert told["bytes"] < told["bytes_unshared"]


def test_the_networks_program_multiplies_eight_matrices():
    """Three forward, three for weights, two for layers: nobody asked for the gradient of the pictures."""
    output = run("--network", "--program")
    assert output.count("@") == 8
    assert "in place" in output
    assert re.search(r"images\.T @ b\d+", output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either a formula"),
        (("x", "--network"), "either a formula"),
        (("2", "--order", "1"), "needs a variable"),
        (("2", "--program", "-o", "a.svg"), "listed, not drawn"),
        (("2", "--steps", "-o", "a.png"), r"ends in \.svg$"),
        (("2", "-o", "a.pdf"), r"ends in \.svg or \.png or \.dot"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    """In one line that says what was expected."""
    with pytest.raises(UsageError, match=message):
        run(*arguments)


FORMULAS = st.recursive(
    st.sampled_from(["x", "y", "z", "2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        inner.map(lambda a: f"gelu({a})"),
    ),
    max_leaves=15,
)


@settings(max_examples=60)
@given(FORMULAS)
def test_no_boxes_or_labels_overlap_and_edges_only_go_down(text):
    """In any row, spots keep their distance; a long edge has a place of its own in each row it passes."""
    shown = drawn(text)
    boxes, routes = layout(shown, [60.0] * len(shown.nodes), [30.0] * len(shown.edges))
    spots = {spot for route in [boxes, *routes] for spot in route}
    for a, b in combinations(spots, 2):
        assert a.row != b.row or abs(a.x - b.x) >= (a.width + b.width) / 2 + GAP - 1e-6
    for route in routes:
        assert [spot.row for spot in route] == list(range(route[0].row, route[-1].row + 1))


@pytest.mark.parametrize("text", [CHAPTER[0], "gelu(x*y+z)*gelu(x*z+y)", "sin(2*x**3+4*x**2+3*x+2)"])
def test_lines_run_beside_the_boxes_they_pass(text):
    """Only their ends touch a box."""
    root = ET.fromstring(svg(drawn(text), "y"))
    lines = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("class") == "edge"]
    for line in lines:
        x, y = np.array([list(map(float, point.split())) for point in line[1:].split("L")]).T
        steps = np.linspace(0, len(x) - 1, 40 * len(x))
        across, down = np.interp(steps, range(len(x)), x), np.interp(steps, range(len(x)), y)
        assert (np.diff(down) > 0).all()
        for rect in boxes(root):
            left, top, wide, high = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            inside = (left < across) & (across < left + wide) & (top + 0.2 < down) & (down < top + high - 0.2)
            assert not inside.any()
