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


def test_what_becomes_infinite_is_told_from_what_is_flat():
    """A hill without end diverges, a plain is left at once, a pole at the start is no arrival."""
    assert descend("-x**4", {"x": 9.0}, 1, 0, 30).outcome is Outcome.DIVERGED
    assert descend("1 + 0*x", {"x": 1.0}, 0.1, 0, 30).outcome is Outcome.ARRIVED
    assert descend("-1/x", {"x": 1e-300}, 0.1, 0, 30).outcome is Outcome.DIVERGED
    for formula, start in (("log(x)", -1.0), ("1/x", 0.0)):
        with pytest.raises(UsageError, match="at its start, expected a number"):
            descend(formula, {"x": start}, 0.1, 0, 30)


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
