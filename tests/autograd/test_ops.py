"""Every op against central differences and against PyTorch: values, first and second derivatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from op_cases import CASES
from oracle import FLOAT32, FLOAT64, disagreement

from hellodl.autograd import Tensor, grad
from hellodl.autograd.check import check_gradients
from hellodl.autograd.tensor import Op

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def test_every_op_in_the_registry_has_a_case():
    assert {case.op for case in CASES.values()} == set(Op.registry)
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    assert f"gradients: {len(Op.registry)} ops in {len(CASES)} cases" in readme


@pytest.mark.parametrize("case", [c for c in CASES.values() if c.op != "detach"], ids=lambda case: case.op)
def test_derivatives_agree_with_central_differences(case):
    check_gradients(lambda *x: (y := case.ours(*x)) + y * y, *case.inputs)


@every_case
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, FLOAT64), (np.float32, FLOAT32)])
def test_values_and_derivatives_agree_with_pytorch(case, dtype, tolerance):
    assert disagreement(case.ours, case.theirs, case.inputs, dtype) <= tolerance


# At kinks, ties and limits hellodl takes the same side as PyTorch.

KINKS = {
    "relu at 0": (lambda x: x.relu(), None, [[-1.0, 0.0, 2.0]]),
    "abs at 0": (abs, None, [[-1.0, 0.0, 2.0]]),
    "x**0 at 0": (lambda x: x**0, None, [[0.0, 3.0]]),
    "x**1 at 0": (lambda x: x**1, None, [[0.0, 3.0]]),
    "x**2 at 0": (lambda x: x**2, None, [[0.0, 3.0]]),
    "ties in max": (lambda x: x.max(), lambda x: x.amax(), [[3.0, 1.0, 3.0, 3.0]]),
    "ties in max along rows": (lambda x: x.max(1), lambda x: x.amax(1), [[[2.0, 2.0], [1.0, 5.0]]]),
    "all equal in softmax": (lambda x: x.softmax(-1), None, [[7.0, 7.0, 7.0]]),
    "sigmoid far out": (lambda x: x.sigmoid(), None, [[-1e4, -800.0, -30.0, 1.0, 30.0, 800.0, 1e4]]),
    "tanh far out": (lambda x: x.tanh(), None, [[-1e4, 1e4, -20.0, 20.0]]),
    "log_softmax far out": (lambda x: x.log_softmax(-1), None, [[1e4, -1e4, 0.0, 9999.0]]),
    "log_softmax shifted": (lambda x: x.log_softmax(-1), None, [[1e4, 1e4 + 1, 1e4 - 2]]),
    "softmax far out": (lambda x: x.softmax(-1), None, [[1e4, -1e4, 0.0, 9999.0]]),
    "gelu far out": (lambda x: x.gelu(), torch.nn.functional.gelu, [[-40.0, 40.0, 0.0]]),
}


@pytest.mark.parametrize(("ours", "theirs", "inputs"), KINKS.values(), ids=KINKS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, FLOAT64), (np.float32, FLOAT32)])
def test_kinks_ties_and_limits_agree_with_pytorch(ours, theirs, inputs, dtype, tolerance):
    assert disagreement(ours, theirs or ours, [np.array(x) for x in inputs], dtype) <= tolerance


def test_zero_to_the_power_of_a_tensor_has_finite_first_derivatives_as_in_pytorch():
    inputs = [np.array([0.0, 0.0, 0.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0, 0.0, 0.0])]
    assert disagreement(lambda x, n: x**n, lambda x, n: x**n, inputs, np.float64, order=1) <= FLOAT64


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softmax", "log_softmax", "relu", "sin", "cos"])
def test_values_and_derivatives_stay_finite_up_to_a_millionth_of_the_float32_limit(name):
    x = Tensor([-3e32, -88.8, -1e-45, 0.0, 1e-45, 88.8, 3e32])
    y = getattr(x, name)()
    weights = np.arange(7)
    first = grad((y * weights).sum(), x)
    for tensor in (y, first, grad((first * weights).sum(), x)):
        assert np.isfinite(tensor.value).all()


@pytest.mark.parametrize(
    ("formula", "value", "slope"),
    [
        (lambda x: x.sqrt(), 0.0, np.inf),
        (lambda x: x.log(), -np.inf, np.inf),
        (lambda x: 1 / x, np.inf, -np.inf),
        (lambda x: x**-1, np.inf, -np.inf),
        (lambda x: x**0.5, 0.0, np.inf),
    ],
)
def test_infinities_at_zero_come_without_warnings(formula, value, slope):
    x = Tensor(0.0)
    y = formula(x)
    assert y.item() == value
    assert grad(y, x).item() == slope


def test_an_op_that_does_not_depend_on_its_input_has_zero_derivatives_of_any_order():
    x = Tensor([1.0, -2.0])
    for y in (x**0, x / abs(x)):
        first = grad((y * y).sum(), x)
        assert first.value.tolist() == [0, 0]
        assert grad(first.sum(), x).value.tolist() == [0, 0]


def test_derivatives_of_high_order_follow_the_formula():
    """The n-th derivative of x⁵ at 2 is 5·4·…·(6-n)·2⁵⁻ⁿ, and of sin it goes round in fours."""
    x = Tensor(2.0, np.float64)
    y, expected = x**5, 32.0
    for n in range(7):
        assert y.item() == pytest.approx(expected, rel=1e-13)
        y, expected = grad(y, x), expected * (5 - n) / 2
    y = x.sin()
    for _ in range(8):
        y = grad(y, x)
    assert y.item() == pytest.approx(np.sin(2), rel=1e-13)
