"""The descend command: what it prints, draws and refuses."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.descend import descend
from hellodl.errors import UsageError

SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments: str) -> str:
    return CliRunner().invoke(descend, arguments, catch_exceptions=False).stdout


def test_three_learning_rates_tell_too_small_right_and_too_large():
    """Side by side, with a picture in characters, without colours off a terminal."""
    output = run("x**2", "--from", "x=2", "--lr", "0.01,0.1,1.1")
    assert "on its way after 30 steps: 1.19" in output
    assert "arrived after 21 steps: 0.0003403" in output
    assert "went astray after 30 steps: 2.254e+05" in output
    assert "\x1b" not in output
    assert output.count("●") == 3  # where each starts, seen without colours, too
    assert output.count("•") == 20
    assert "x from -" in output
    assert output.count("\n    30  x ") == 2
    assert sum("\N{BRAILLE PATTERN BLANK}" < c < "\N{BRAILLE PATTERN DOTS-12345678}" for c in output) > 100


def test_json_has_every_step():
    """A record a descent, momentum varying slowest."""
    told = json.loads(
        run("x**2", "--from", "x=2", "--lr", "0.1,0.2", "--momentum", "0,0.5", "--steps", "3", "--json")
    )
    assert told["variables"] == ["x"]
    assert [(d["lr"], d["momentum"]) for d in told["descents"]] == [
        (0.1, 0),
        (0.2, 0),
        (0.1, 0.5),
        (0.2, 0.5),
    ]
    assert [x for (x,) in told["descents"][0]["points"]] == pytest.approx([2, 1.6, 1.28, 1.024])


def test_three_variables_are_told_in_numbers():
    """What cannot be drawn can be descended."""
    assert "x 1.8 " in run(
        "x**2 + y**2 + z**2", "--from", "x=2", "--from", "y=1", "--from", "z=0", "--lr", "0.05"
    )


@pytest.mark.parametrize("start", [["x=2"], ["x=2", "z=1"]])
def test_the_picture_has_a_panel_for_each_descent(tmp_path, start):
    """Curve or contour lines drawn once, a way and its start in each panel; the PNG is twice as large."""
    values = [word for value in start for word in ("--from", value)]
    formula = "+".join(f"{value[0]}**2" for value in start)
    for suffix in ("svg", "png"):
        run(
            formula, *values, "--lr", "0.1,0.9", "--momentum", "0,0.5", "-o", str(tmp_path / f"hill.{suffix}")
        )
    root = ET.parse(tmp_path / "hill.svg").getroot()
    assert len(list(root.iter(f"{SVG}use"))) == 4
    assert sum(path.get("class") == "path" for path in root.iter(f"{SVG}path")) == 4
    assert sum(dot.get("class") == "start" for dot in root.iter(f"{SVG}circle")) == 4
    with Image.open(tmp_path / "hill.png") as image:
        assert image.size == (2 * int(root.get("width")), 2 * int(root.get("height")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x**2",), "--from x=2"),
        (("x*q", "--from", "x=1"), "add --from q="),
        (("x", "--from", "x=1", "--lr", "fast"), "--lr fast: expected numbers"),
        (("x", "--from", "x=1", "--lr", "-1"), "expected numbers, 0 or more"),
        (("x", "--from", "x=1", "--lr", "1,nan"), "expected numbers"),
        (("log(x)", "--from", "x=-3"), "nan at its start, expected a number; start elsewhere"),
        (("y=x", "--from", "x=1"), "give values with --at or --from"),
        (("x", "--from", "x=1", "--lr", "1e308"), r"goes to -1e\+308, too far to be drawn"),
        (("x", "--from", "x=-1.7e308", "--lr", "1e308"), r"goes to -1.7e\+308, too far to be drawn"),
        (("x", "--from", "x=1", "-o", "hill.pdf"), r"\.svg or \.png"),
        (("x+y+z", "--from", "x=1", "--from", "y=1", "--from", "z=1", "-o", "hill.svg"), "one or two"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    """In one line that says what was expected."""
    with pytest.raises(UsageError, match=message):
        run(*arguments)
