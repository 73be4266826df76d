"""Variables on the command line: what is read, and what is refused."""

from __future__ import annotations

import pytest

from hellodl.errors import UsageError
from hellodl.graphs.formula import formula, read_values


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        (["x"], "expected NAME=VALUE"),
        (["=2"], "expected NAME=VALUE"),
        (["2x=1"], "expected NAME=VALUE"),
        (["x.y=1"], "expected NAME=VALUE"),
        (["lambda=1"], "expected NAME=VALUE"),
        (["x=nan"], "finite number"),
        (["x=inf"], "finite number"),
        (["x=1e400"], "finite number"),
        (["x=two"], "finite number"),
        (["x="], "finite number"),
        (["x=2,z=3"], "give each variable its own, as in --at x=2 --at z=3"),
        (["x=1", "x=2"], "before"),
        (["pi=3"], "already has a meaning"),
        (["sin=1"], "already has a meaning"),
    ],
)
def test_bad_values_are_refused_by_name(given_values, message):
    """Each names what was given."""
    with pytest.raises(UsageError, match=message) as error:
        read_values(given_values)
    assert str(error.value).startswith(f"--at {given_values[-1]}: ")


def test_names_that_python_takes_for_the_same_are_the_same():
    """Keyboards have the micro sign, Python makes the Greek letter of it."""
    assert formula("µ * 2", read_values(["µ=3"])).item() == 6


def test_values_may_have_spaces_and_exponents():
    """As people paste them."""
    assert {name: t.item() for name, t in read_values(["x = -1e-3", "z=2"]).items()} == {
        "x": -0.001,
        "z": 2.0,
    }
