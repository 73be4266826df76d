"""Tensors: lazy, fresh, deep, and clear about what does not fit."""

from __future__ import annotations

import operator
import tracemalloc

import numpy as np
import pytest

from hellodl.autograd import Tensor, concat, grad, stack
from hellodl.autograd.ops import Elementwise
from hellodl.autograd.tensor import Op, apply
from hellodl.axes import einsum, gather
from hellodl.errors import ShapeError


class Counted(Elementwise, name=""):
    """The sum of its inputs, and how often it was asked for."""

    name = symbol = "counted"

    def __init__(self):
        self.calls = 0

    def forward(self, out, *inputs):
        self.calls += 1
        out[...] = sum(inputs)

    def backward(self, g, y, *inputs):
        return (g,) * len(inputs)


def counted(*inputs):
    op = Counted()
    return op(*inputs), op


# Lazy and fresh


def test_nothing_runs_until_a_value_is_asked_for_and_then_once():
    x = Tensor([1.0, 2.0])
    y, op = counted(x)
    total = (y * 2).sum()
    assert (y.shape, y.ndim, y.size, y.dtype) == ((2,), 1, 2, np.float32)
    slope = grad(total, x)
    repr(total)
    assert op.calls == 0
    assert total.item() == 6
    assert op.calls == 1
    total.value, y.value, (y + 1).value, slope.value
    assert op.calls == 1


def test_a_gradient_that_does_not_need_a_value_does_not_compute_it():
    x = Tensor(2.0)
    y, op = counted(x)
    assert grad(y, x).item() == 1
    assert op.calls == 0


def test_assigning_a_leaf_makes_exactly_what_depends_on_it_stale():
    a, b = Tensor(1.0), Tensor(10.0)
    (from_a, op_a), (from_b, op_b) = counted(a), counted(b)
    both, op_both = counted(from_a, from_b)
    assert both.item() == 11
    a.value = 2.0
    assert both.item() == 12
    assert (op_a.calls, op_b.calls, op_both.calls) == (2, 1, 2)
    Tensor(5.0).value = 6.0  # an unrelated leaf
    assert both.item() == 12
    assert (op_a.calls, op_b.calls, op_both.calls) == (2, 1, 2)


def test_a_node_read_between_two_assignments_does_not_hide_the_second_from_another():
    a, b = Tensor(1.0), Tensor(1.0)
    left, right = a * 2, a * b
    top = left + right
    assert top.item() == 3
    a.value = 2.0
    assert left.item() == 4
    b.value = 3.0
    assert right.item() == 6
    assert top.item() == 10


def test_staleness_goes_down_a_long_chain_and_through_a_diamond():
    x = Tensor(1.0)
    y = x
    for _ in range(500):
        y = y + 1
    diamond = y * y + y
    assert diamond.item() == 501 * 501 + 501
    x.value -= 1
    assert diamond.item() == 500 * 500 + 500
    x.value += 1
    x.value *= 2
    assert diamond.item() == 502 * 502 + 502


def test_an_array_changed_in_place_is_announced_by_touch():
    x = Tensor([1.0, 2.0])
    y, shown = x + 1, x.T
    assert (y.value.tolist(), shown.value.tolist()) == ([2, 3], [1, 2])
    x.value[0] = 5
    x.touch()
    assert (y.value.tolist(), shown.value.tolist()) == ([6, 3], [5, 2])


def test_rebind_moves_a_leaf_into_another_array():
    x = Tensor([1.0, 2.0])
    y, seen = x * 2, x[:1]
    assert seen.item() == 1
    home = np.zeros(4, np.float32)
    x.rebind(home[1:3])
    assert home.tolist() == [0, 1, 2, 0]
    x.value = [3.0, 4.0]
    assert home.tolist() == [0, 3, 4, 0]
    assert (y.value.tolist(), seen.item()) == ([6, 8], 3)


def test_the_value_given_to_a_tensor_is_copied():
    array = np.ones(2, np.float32)
    x = Tensor(array)
    array[0] = 9
    assert x.value.tolist() == [1, 1]
    twin = Tensor(x)
    x.value = [2.0, 2.0]
    assert twin.value.tolist() == [1, 1]


def test_a_computed_value_cannot_be_changed_by_its_reader():
    x = Tensor([[1.0, 2.0]])
    for y in (x + 1, x.T, x[0], x.reshape(2)):
        before = y.value.copy()
        with pytest.raises(ValueError, match="read-only"):
            y.value += 1
        assert np.array_equal(y.value, before)
    x.value += 1


def test_an_op_that_fails_fails_again_and_leaves_no_half_made_value():
    class Breaks(Counted, name=""):
        def forward(self, out, *inputs):
            super().forward(out, *inputs)
            if self.calls < 3:
                raise KeyboardInterrupt

    y = Breaks()(Tensor(1.0))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            y.value  # noqa: B018
    assert y.item() == 1


def test_only_leaves_can_be_assigned_and_only_in_their_shape():
    x = Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="only a leaf"):
        (x + 1).value = np.zeros(2)
    with pytest.raises(ShapeError, match=r"shape \(3,\) to a tensor of shape \(2,\)"):
        x.value = np.zeros(3)
    with pytest.raises(ShapeError, match=r"shape \(\) to a tensor of shape \(2,\)"):
        x.value = 1.0
    assert x.value.tolist() == [1, 2]
    x.value = Tensor([3.0, 4.0])
    assert x.value.tolist() == [3, 4]
    x.value = x.value[::-1]
    assert x.value.tolist() == [4, 3]


# Depth


@pytest.mark.slow
def test_chains_of_100_000_additions_have_values_gradients_and_an_end():
    x = Tensor(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    assert y.item() == 100_001
    y.backward()
    assert x.grad.item() == 1
    slope = grad(y, x)
    assert slope.item() == 1
    del y, slope  # frees 100,000 nested nodes


def test_a_deep_chain_that_was_never_computed_can_be_dropped():
    y = Tensor(1.0)
    for _ in range(100_000):
        y = -y
    del y


# Numbers in and out


def test_float32_unless_told_float64():
    assert Tensor(np.float64(0.1)).dtype == np.float32
    assert Tensor([1, 2]).dtype == np.float32
    assert Tensor([1, 2], dtype=np.float64).dtype == Tensor(1, dtype="float64").dtype == np.float64


@pytest.mark.parametrize("dtype", [int, np.float16, bool, complex, str])
def test_no_other_types(dtype):
    with pytest.raises(TypeError, match="float32 or float64"):
        Tensor(1, dtype=dtype)


def test_arithmetic_with_float64_is_float64_and_numbers_and_arrays_follow_the_tensor():
    single, double = Tensor([0.1]), Tensor([0.1], np.float64)
    assert (single + double).dtype == (double * single).dtype == np.float64
    assert (double * np.float32(0.5)).dtype == (2 - double).dtype == np.float64
    assert (single + 0.1).dtype == (np.array([0.1]) * single).dtype == np.float32
    assert (double + np.array([0.1]) == 0.2).all()
    assert (concat([double, [0.1]]) == np.array([0.1, 0.1])).all()
    assert (stack([[0.1], double])[0] == 0.1).all()


def test_whole_numbers_may_have_more_bits_than_numpys():
    assert (Tensor(2.0, np.float64) * 10**30).item() == 2e30
    assert Tensor(-(2**70)).item() == -(2.0**70)


def test_a_single_element_becomes_a_plain_number():
    assert type(Tensor([[2.5]]).item()) is float
    assert float(Tensor(2.0) * 3) == 6
    with pytest.raises(ValueError, match="size 1"):
        Tensor([1.0, 2.0]).item()


def test_numpy_reads_a_tensor():
    y = Tensor([1.0, 2.0]) * 2
    assert np.asarray(y).tolist() == [2, 4]
    assert np.asarray(y) is y.value
    assert np.array(y, dtype=np.float64).dtype == np.float64
    copy = np.array(y)
    copy[0] = 9
    assert y.value.tolist() == [2, 4]


def test_str_computes_and_repr_does_not():
    y = Tensor([1.0, 2.0]) + 1
    assert repr(y) == "Tensor(add, shape=(2,), not computed yet)"
    assert str(y) == "[2. 3.]"
    assert repr(y) == "Tensor([2., 3.])"
    assert repr(Tensor(2.0, np.float64)) == "Tensor(2., dtype=float64)"
    assert f"{Tensor(2.0) * 3}" == "6.0"


def test_a_stale_repr_shows_no_stale_numbers():
    x = Tensor([1.0])
    y = x + 1
    assert y.item() == 2
    x.value = [5.0]
    assert "2." not in repr(y)


def test_comparison_is_elementwise_and_hashing_by_identity():
    x, twin = Tensor([1.0, 2.0]), Tensor([1.0, 5.0])
    assert (x == twin).tolist() == (x == np.array([1, 5])).tolist() == (np.array([1, 5]) == x).tolist()
    assert (x == twin).tolist() == [True, False]
    assert (x != twin).tolist() == (np.array([1, 5]) != x).tolist() == [False, True]
    assert (x == 1).tolist() == [True, False]
    assert x != "text"
    assert (x == None) is False  # noqa: E711
    assert len({x, twin, x}) == 2
    assert Tensor(2.0) == 2


# Operators

A = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
B = np.array([[0.5, 2.0], [1.0, 3.0]], np.float32)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "matmul", "pow"])
def test_arrays_on_either_side_of_each_operator(name):
    compute = getattr(operator, name)
    expected = compute(A, B)
    for result in (compute(Tensor(A), Tensor(B)), compute(A, Tensor(B)), compute(Tensor(A), B)):
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.value, expected, rtol=1e-6)
    assert isinstance(compute(A.tolist(), Tensor(B)), Tensor)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
@pytest.mark.parametrize("number", [3, 0.5, np.float32(2), np.float64(2), np.int64(2), True])
def test_numbers_on_either_side_of_each_operator(name, number):
    compute = getattr(operator, name)
    for ours, theirs in [((number, Tensor(A)), (number, A)), ((Tensor(A), number), (A, number))]:
        result = compute(*ours)
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.value, compute(*theirs), rtol=1e-6)


def test_minus_abs_iteration_and_views():
    x = Tensor(A)
    assert np.array_equal((-x).value, -A)
    assert np.array_equal(abs(-x).value, A)
    assert [row.value.tolist() for row in x] == A.tolist()
    assert np.array_equal(x.T.value, A.T)
    assert x.flatten().shape == (4,)
    assert x.reshape((4, 1)).shape == x.reshape(4, -1).shape == (4, 1)
    assert np.array_equal(Tensor(5.0).reshape(1, 1).reshape().value, 5.0)


# What does not fit is said on the line that wrote it

T23, T32, T4, T = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 2))), Tensor(np.ones(4)), Tensor(1.0)
MISFITS = {
    "add": (lambda: T23 + T32, ["(2, 3)", "(3, 2)"]),
    "subtract": (lambda: T23 - T4, ["(2, 3)", "(4,)"]),
    "multiply": (lambda: T23 * np.ones(4), ["(2, 3)", "(4,)"]),
    "divide": (lambda: T4 / T23, ["(4,)", "(2, 3)"]),
    "exponentiate": (lambda: T4**T23, ["(4,)", "(2, 3)"]),
    "equal": (lambda: apply("equal", T4, T23), ["(4,)", "(2, 3)"]),
    "less": (lambda: T4 < T23, ["(4,)", "(2, 3)"]),
    "less_equal": (lambda: T4 <= T23, ["(4,)", "(2, 3)"]),
    "greater": (lambda: T4 > T23, ["(4,)", "(2, 3)"]),
    "greater_equal": (lambda: T4 >= T23, ["(4,)", "(2, 3)"]),
    "not_equal": (lambda: T4 != T23, ["(4,)", "(2, 3)"]),
    "maximum": (lambda: T4.maximum(T23), ["(4,)", "(2, 3)"]),
    "minimum": (lambda: T4.minimum(T23), ["(4,)", "(2, 3)"]),
    "where": (lambda: T4.where(1, T23), ["(4,)", "(2, 3)"]),
    "masked": (lambda: apply("masked", T4, T23), ["(4,)", "(2, 3)"]),
    "clip": (lambda: T4.clip(T23), ["(4,)", "(2, 3)"]),
    "matmul": (lambda: T23 @ T23, ["(2, 3)", "(2, 3)"]),
    "matmul: vectors": (lambda: T4 @ Tensor([1.0, 2.0]), ["(4,)", "(2,)"]),
    "matmul: a vector": (lambda: T23 @ T4, ["(2, 3)", "(4,)"]),
    "matmul: a row": (lambda: T4 @ T23, ["(4,)", "(2, 3)"]),
    "matmul: numbers": (lambda: T @ T23, ["()", "(2, 3)"]),
    "matmul: batches": (
        lambda: Tensor(np.ones((2, 2, 3))) @ Tensor(np.ones((5, 3, 4))),
        ["(2, 2, 3)", "(5, 3, 4)"],
    ),
    "matmul: a row and a batch": (lambda: T4 @ Tensor(np.ones((5, 3, 4))), ["(4,)", "(5, 3, 4)"]),
    "concat": (lambda: concat([T23, T32]), ["(2, 3)", "(3, 2)"]),
    "concat: axis": (lambda: concat([T4, T4], 1), ["(4,)", "axis 1"]),
    "concat: numbers": (lambda: concat([T, T]), ["()"]),
    "stack": (lambda: stack([T23, T32]), ["(2, 3)", "(3, 2)"]),
    "stack: axis": (lambda: stack([T4, T4], 3), ["(4, 1)", "axis 3"]),
    "reshape": (lambda: T23.reshape(4), ["(2, 3)", "(4,)"]),
    "transpose": (lambda: T23.transpose(0, 1, 2), ["(2, 3)"]),
    "transpose: twice the same": (lambda: T23.transpose(0, 0), ["(2, 3)"]),
    "transpose: one axis of two": (lambda: T23.transpose(0), ["(2, 3)"]),
    "broadcast": (lambda: apply("broadcast", T23, to=(2, 4)), ["(2, 3)", "(2,4)"]),
    "sum": (lambda: T23.sum(2), ["(2, 3)", "axis 2"]),
    "sum: twice the same": (lambda: T23.sum((0, -2)), ["(2, 3)", "axis"]),
    "mean": (lambda: T23.mean(-3), ["(2, 3)", "axis -3"]),
    "min": (lambda: T23.min(2), ["(2, 3)", "axis 2"]),
    "prod": (lambda: T23.prod(2), ["(2, 3)", "axis 2"]),
    "var": (lambda: T23.var(2), ["(2, 3)", "axis 2"]),
    "std": (lambda: T23.std(2), ["(2, 3)", "axis 2"]),
    "max: of nothing": (lambda: Tensor([]).max(), ["max", "(0,)"]),
    "max: of nothing in each column": (lambda: Tensor(np.zeros((0, 3))).max(0), ["(0, 3)"]),
    "min: of nothing": (lambda: Tensor([]).min(), ["min", "(0,)"]),
    "mean: of nothing": (lambda: Tensor(np.zeros((0, 3))).mean(0), ["mean", "(0, 3)"]),
    "softmax: of nothing": (lambda: Tensor(np.zeros((2, 0))).softmax(), ["log_softmax", "(2, 0)"]),
    "log_softmax: of nothing": (lambda: Tensor(np.zeros((2, 0))).log_softmax(), ["(2, 0)", "axis -1"]),
    "concat: unlike ranks": (lambda: concat([T23, T4]), ["(2, 3)", "(4,)"]),
    "einsum": (lambda: einsum("ij,jk->ik", T23, T23), ["einsum", "axis j", "(2, 3)"]),
    "einsum: too few letters": (lambda: einsum("i,jk->ik", T23, T23), ["einsum", "(2, 3)"]),
    "einsum: dots": (lambda: einsum("...j->...", T4), ["einsum", "(4,)"]),
    "einsum: an axis from nowhere": (lambda: einsum("ij->k", T23), ["einsum", "ij->k", "(2, 3)"]),
    "einsum: an axis twice": (lambda: einsum("ij->ii", T23), ["einsum", "ij->ii", "(2, 3)"]),
    "max": (lambda: T23.max((0, 2)), ["(2, 3)", "axis 2"]),
    "softmax": (lambda: T23.softmax(2), ["(2, 3)", "axis 2"]),
    "log_softmax": (T.log_softmax, ["()", "axis -1"]),
}


@pytest.mark.parametrize(("write", "named"), MISFITS.values(), ids=MISFITS)
def test_a_shape_error_comes_at_once_and_names_the_shapes(write, named):
    with pytest.raises(ShapeError) as error:
        write()
    for text in named:
        assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_an_index_out_of_range_comes_at_once_and_names_the_shape():
    with pytest.raises(IndexError, match=r"index: a tensor of shape \(2, 3\).*out of bounds"):
        T23[2]
    with pytest.raises(IndexError, match="too many indices"):
        T23[0, 0, 0]
    for row in (-2, 2):
        with pytest.raises(IndexError, match=r"gather: .* shape \(2, 3\) lacks, expected -1 to 1"):
            gather(T23, [0, row])


def test_shape_errors_are_value_errors_too():
    assert issubclass(ShapeError, ValueError)


def test_every_op_of_the_registry_with_a_shape_rule_has_a_misfit_here():
    """Ops of one input that keep its shape can't misfit; the others are all in the table."""
    keeps_shape = {"negative", "power", "exp", "log", "sin", "cos", "tanh", "sigmoid", "relu", "gelu"}
    keeps_shape |= {"sqrt", "abs", "sign", "erf", "cast", "detach", "flatten"}
    covered = {name.split(":")[0] for name in MISFITS} | {"index", "gather"}
    assert set(Op.registry) - keeps_shape - covered == {"concatenate", "scatter"}


@pytest.mark.parametrize("join", [concat, stack])
def test_joining_computes_nothing_while_a_formula_is_typed(join):
    """And joining nothing is an error that says so."""
    x = Tensor(np.zeros((1000, 1000)))
    tracemalloc.start()
    joined = join([x, x], 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert joined.size == 2 * x.size
    assert peak < 10_000
    with pytest.raises(ShapeError, match="nothing to join"):
        join([])
