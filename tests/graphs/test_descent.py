"""Hill descent on formulas: against closed forms and PyTorch; contour lines against circles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hellodl.errors import UsageError
from hellodl.graphs.descent import CELLS, Outcome, contour, descend, landscape


@pytest.mark.parametrize(
    ("lr", "outcome"), [(0.01, Outcome.UNDERWAY), (0.1, Outcome.ARRIVED), (1.1, Outcome.DIVERGED)]
)
def test_a_parabola_is_descended_as_mathematics_says(lr, outcome):
    """x² from 2: each step multiplies x by 1 - 2·lr; too small, right, too large."""
    found = descend("x**2", {"x": 2.0}, lr, 0, 30)
    expected = [2 * (1 - 2 * lr) ** n for n in range(len(found.points))]
    assert [x for (x,) in found.points] == pytest.approx(expected, rel=1e-12)
    assert found.values == pytest.approx([x**2 for x in expected], rel=1e-12)
    assert found.outcome is outcome


def test_momentum_is_pytorchs():
    """Every point of a way over a banana-shaped valley."""
    found = descend("(1-x)**2 + 100*(z - x*x)**2", {"x": -1.0, "z": 1.0}, 0.001, 0.8, 50)
    x, z = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.0, 1.0))
    optimizer = torch.optim.SGD([x, z], 0.001, 0.8)
    for point in found.points:
        assert point == pytest.approx((x.item(), z.item()), rel=1e-9)
        optimizer.zero_grad()
        ((1 - x) ** 2 + 100 * (z - x * x) ** 2).backward()
        optimizer.step()
    assert len(found.points) == 51


def test_numbers_that_overflow_on_the_way_make_no_warning():
    assert descend("x", {"x": 1e308}, 1e308, 0, 30).outcome is Outcome.DIVERGED
    assert descend("x*1e200*1e308 + tanh(x*1e200)", {"x": 1e-300, "z": 1e154}, 1, 0.9, 5).points


def test_what_becomes_infinite_is_told_from_what_is_flat():
    """A hill without end diverges, a plain is left at once, a pole at the start is no arrival."""
    assert descend("-x**4", {"x": 9.0}, 1, 0, 30).outcome is Outcome.DIVERGED
    assert descend("1 + 0*x", {"x": 1.0}, 0.1, 0, 30).outcome is Outcome.FLAT
    assert descend("-1/x", {"x": 1e-300}, 0.1, 0, 30).outcome is Outcome.DIVERGED
    for formula, start in (("log(x)", -1.0), ("1/x", 0.0)):
        with pytest.raises(UsageError, match="at its start, expected a number"):
            descend(formula, {"x": start}, 0.1, 0, 30)


@pytest.mark.parametrize(
    ("formula", "start", "lr", "steps", "outcome"),
    [
        ("(1-x)**2 + 100*(z-x**2)**2", {"x": -1.0, "z": 1.5}, 0.001, 100, Outcome.UNDERWAY),
        ("x**4 + z**4", {"x": 2.0, "z": 1.5}, 0.01, 100, Outcome.UNDERWAY),
        ("(x*z - 1)**2", {"x": 2.0, "z": 1.0}, 0.05, 100, Outcome.ARRIVED),
        ("exp(x)", {"x": 0.0}, 0.1, 100, Outcome.UNDERWAY),
        ("x**2", {"x": 2.0}, 1, 30, Outcome.BOUNCING),
        ("abs(x)", {"x": 1.0}, 0.3, 30, Outcome.BOUNCING),
        ("cos(x)", {"x": 0.0}, 0.1, 30, Outcome.FLAT),
        ("x**2 - z**2", {"x": 1.0, "z": 0.0}, 0.1, 30, Outcome.FLAT),
        ("relu(x)", {"x": -1.0}, 0.1, 30, Outcome.FLAT),
        ("log(x)", {"x": 0.5}, 0.1, 30, Outcome.OUTSIDE),
    ],
)
def test_how_a_way_ended_is_told(formula, start, lr, steps, outcome):
    """Slow behind a steep wall is not arrived; a bounce, a hilltop, a saddle, a domain have their words."""
    assert descend(formula, start, lr, 0, steps).outcome is outcome


def test_an_arrival_is_within_a_hundredth_of_the_way():
    """Of the narrow valley's bottom, whose place is known, from anywhere and for any learning rate."""
    for lr in (0.02, 0.1, 0.3, 0.7):
        found = descend("x**2/9 + z**2", {"x": 4.0, "z": 2.0}, lr, 0, 3000)
        assert found.outcome is Outcome.ARRIVED
        assert math.hypot(*found.points[-1]) <= 0.011 * math.hypot(4, 2)


def test_a_map_is_to_scale_and_its_lines_are_equal_steps_apart():
    """A circle is round, also where the way is long and narrow; lines lie closer where it is steeper."""
    text = "x**2 + z**2"
    land = landscape(text, ["x", "z"], [descend(text, {"x": 3.0, "z": 1.0}, 0.1, 0, 50)])
    (left, low), (right, high) = land.low, land.high
    assert (right - left) / (high - low) == pytest.approx(4 / 3)
    heights = []
    for lines in filter(None, land.contours):
        x, z = np.array([point for line in lines for point in line]).T
        squares = (left + x * (right - left)) ** 2 + (low + z * (high - low)) ** 2
        assert np.ptp(squares) < 0.1 * land.step
        heights.append(squares.mean())
    assert np.diff(heights) == pytest.approx(land.step, rel=0.1)


def test_a_curve_is_as_high_as_the_ways_on_it():
    """Neither its far ends nor a way that leads astray squeezes what there is to see."""
    ways = [descend("x**2", {"x": 2.0}, lr, 0, 30) for lr in (0.1, 1.1)]
    land = landscape("x**2", ["x"], ways)
    assert -3 < land.low[1] < 0
    assert 8 < land.high[1] < 11


def test_contour_lines_of_a_bowl_are_circles():
    """Each point of the line at height r² is r away from the middle, to the grid's accuracy."""
    xs = np.linspace(-1, 1, CELLS + 1)
    lines = list(contour(np.add.outer(xs**2, xs**2), 0.36))
    radii = [math.hypot(2 * x - 1, 2 * y - 1) for line in lines for x, y in line]
    assert len(lines) > 50
    assert radii == pytest.approx([0.6] * len(radii), abs=2 / CELLS**2)


def test_the_land_holds_the_ways_and_lies_the_right_way_up():
    """Points that are lower on the second axis are lower in the picture; ways that arrive stay inside."""
    ways = [descend("x**2 + 4*z**2", {"x": 3.0, "z": 1.0}, lr, 0, 50) for lr in (0.1, 0.3)]
    land = landscape("x**2 + 4*z**2", ["x", "z"], ways)
    for way in ways:
        if way.outcome is not Outcome.DIVERGED:
            assert all(0 <= p <= 1 for point in land.way(way) for p in point)
    (x0, y0), (x1, y1) = land.place((0, 0)), land.place((1, 1))
    assert x0 < x1
    assert y0 < y1
    with pytest.raises(UsageError, match="expected one or two"):
        landscape("a+b+c", ["a", "b", "c"], [])


def test_a_curve_with_a_pole_is_drawn_where_it_is_finite():
    """Of log(x) there is nothing to the left of 0, and nothing breaks."""
    land = landscape("log(x)", ["x"], [descend("log(x)", {"x": 0.5}, 0.1, 0, 3)])
    ((line,),) = land.contours
    assert all(math.isfinite(p) for point in line for p in point)
    assert land.low[0] + line[0][0] * (land.high[0] - land.low[0]) >= 0
