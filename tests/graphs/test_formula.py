"""Formulas: what they mean, what is refused, and that no text can do harm."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hellodl.autograd import Tensor
from hellodl.errors import UsageError
from hellodl.graphs import formula as module
from hellodl.graphs.formula import formula

VARIABLES = {"x": Tensor(2.0, np.float64), "z": Tensor(0.5, np.float64)}


def value(text: str) -> float:
    return formula(text, VARIABLES).item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3*x*x*x + 4*x + 1 + x*z", 34.0),
        ("-x**2", -4.0),
        ("+x - -x", 4.0),
        ("2**-x", 0.25),
        ("x**(1/2)", math.sqrt(2)),
        ("10000000000000000000000000*x", 2e25),
        ("x**2**3", 256.0),
        ("(-x)**3", -8.0),
        ("x/4/2", 0.25),
        ("sin(pi/2) + log(e)", 2.0),
        ("exp(log(x)) + abs(-z) + sqrt(x*x) + relu(-x)", 4.5),
        ("tanh(z) + sigmoid(z) + cos(z)", math.tanh(0.5) + 1 / (1 + math.exp(-0.5)) + math.cos(0.5)),
        ("gelu(x)", 2 * 0.5 * (1 + math.erf(math.sqrt(2)))),
        ("1e3*x + .5", 2000.5),
    ],
)
def test_formulas_mean_what_they_mean_in_mathematics(text, expected):
    """Precedence, unary signs, constants and every function."""
    assert value(text) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "column", "advice"),
    [
        ("x^2", 2, r"write \*\* for a power"),
        ("2x", 1, r"as in 2\*x"),
        ("1 + 3(x+1)", 5, r"as in 2\*x"),
        ("(x+1)(x+2)", 5, r"as in \(x\+1\)\*\(x\+2\)"),
        ("x(z+1)", 1, r"to multiply, write x\*\("),
        ("sin x", 1, "in parentheses"),
        ("sin", 1, r"write sin\("),
        ("sin(x, z)", 1, "takes one argument"),
        ("y = 2*x", 3, "leave out"),
        ("x\N{MULTIPLICATION SIGN}z", 2, r"write \*"),
        ("x\N{SUPERSCRIPT TWO}", 2, r"write \*\*"),
        ("x*q", 3, "add --at q="),
        ("cot(x)", 1, "expected one of exp log sin"),
        ("tan(x)", 1, r"write sin\(x\)/cos\(x\)"),
        ("ln(x)", 1, "log is the natural logarithm"),
        ("sinx", 1, r"add --at sinx=…, or parentheses, as in sin\(x\)"),
        ("x // 2", 1, "the functions exp log sin"),
        ("(x", 1, "a formula is made of"),
        ("x +", 4, "something is missing"),
        ("", 1, "something is missing"),
        ("1e400", 1, "too large"),
        ("9" * 400, 1, "too large"),
        ("1j", 1, "cannot read"),
        ("True", 1, "cannot read"),
        ("'x'", 1, "cannot read"),
        ("\N{GREEK SMALL LETTER THETA} + q", 1, "has no value"),
        ("sin(x,)", 6, "cannot read ',\\)'"),
        ("x # z", 3, "cannot read '# z'"),
        ("n" * 900, 1, f"{'n' * 40} has no value; add --at {'n' * 40}="),
        ("n" * 900 + "(x)", 1, f"{'n' * 40} is no function"),
    ],
)
def test_what_cannot_be_read_is_answered_with_where_and_what_to_write(text, column, advice):
    """One line, the column counted in characters, the cure beside it."""
    with pytest.raises(UsageError, match=rf"^formula, column {column}: .*{advice}") as error:
        formula(text, VARIABLES)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "text", ["-" * 900 + "x", "(" * 400 + "x" + ")" * 400, "+".join(["x"] * 400), "x" * 9999]
)
def test_depth_and_length_are_limited(text):
    """Neither deep nesting nor long text reaches Python's own limits."""
    with pytest.raises(UsageError):
        formula(text, VARIABLES)


def test_two_hundred_terms_are_fine():
    """The limit on depth leaves room for a long sum."""
    assert value("+".join(["x"] * 200)) == 400


def test_towers_of_powers_end_at_once():
    """Powers are floats, so 9**9**9**9 is infinite rather than a number of 369 million digits."""
    assert value("9**9**9**9") == math.inf


HOSTILE = [
    "__import__('os').system('true')",
    "x.__class__",
    "x.value",
    "().__class__.__bases__[0].__subclasses__()",
    "getattr(x, 'value')",
    "eval('1')",
    "(lambda: 1)()",
    "[x for x in (1,)]",
    "{x: 1}",
    "(x := 1)",
    "f'{x}'",
    "x if x else z",
    "x and z",
    "x < z",
    "x[0]",
    "sin(*x)",
    "sin(x=1)",
    "sin(**x)",
    "sin.__globals__",
    "sin.__call__(x)",
    "(sin)(x).backward()",
    "await x",
    "(yield x)",
    "x; z",
    "import os",
    "x @ z",
    "~x",
    "not x",
    "x | z",
    "...",
    "None",
    "b'x'",
    "exec",
    "x\x00",
    "open('/etc/passwd')",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_beyond_arithmetic_gets_through(text):
    """Attributes, calls, imports, comprehensions and the rest of Python are refused."""
    with pytest.raises(UsageError):
        formula(text, VARIABLES)


def test_the_source_never_evaluates():
    """No call of eval, exec or compile, no getattr, in the module that reads formulas."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    calls = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"eval", "exec", "compile", "getattr", "__import__", "open"}


EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "z", "pi", "e", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        inner.map(lambda a: f"(-{a})"),
        inner.map(lambda a: f"sin({a})"),
        inner.map(lambda a: f"tanh({a})"),
        inner.map(lambda a: f"abs({a})**1.5"),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=2000)
@given(EXPRESSIONS)
def test_random_formulas_agree_with_pythons_own_arithmetic(text):
    """Python's evaluation of the same text, in float64, is the oracle."""
    names = {"x": 2.0, "z": 0.5, "pi": math.pi, "e": math.e, "sin": math.sin, "tanh": math.tanh, "abs": abs}
    expected = eval(text, {"__builtins__": {}}, names)  # text made by this test
    assert value(text) == pytest.approx(expected, rel=1e-9, abs=1e-9)
