"""Programs: replay gives the same bits as a fresh graph, in little memory, and spoils nothing."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import recipes

from hellodl.autograd import Program, Tensor, concat, grad
from hellodl.autograd.ops import Elementwise
from hellodl.autograd.tensor import apply
from hellodl.errors import NonFiniteError, ShapeError

bounded = settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def fresh(build, arrays, dtype=np.float32):
    """The outputs of a graph built anew from these arrays."""
    return [t.value.copy() for t in build(*(Tensor(x, dtype) for x in arrays))]


def assert_same_bits(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.slow
@given(recipe=recipes(), data=st.data())
@settings(bounded, max_examples=250)
def test_replay_equals_a_fresh_graph_bit_for_bit(recipe, data):
    """Over random graphs, outputs among nodes and gradients, into arrays and leaves, and changing leaves."""
    count = len(recipe.shapes) + len(recipe.steps)
    chosen = data.draw(st.lists(st.integers(0, count - 1), max_size=4))
    into_own, into_leaves = data.draw(st.booleans()), data.draw(st.booleans())

    def build(*leaves):
        nodes = recipe.follow(*leaves)
        return [*(nodes[i] for i in chosen), *grad_of_total(nodes, leaves)]

    leaves = [Tensor(x) for x in recipe.inputs()]
    outputs = build(*leaves)
    targets = [np.full(t.shape, 7, t.dtype) if into_own else None for t in outputs]
    written = {}  # which output goes into which leaf
    for leaf in leaves if into_leaves else ():
        fitting = [i for i, t in enumerate(outputs) if (t.shape, t.dtype) == (leaf.shape, leaf.dtype)]
        if free := [i for i in fitting if i not in written.values()]:
            written[leaf] = data.draw(st.sampled_from(free))
            targets[written[leaf]] = leaf.value
    program = Program(*outputs, into=targets)
    for change in range(3):
        arrays = [np.float32(x) for x in recipe.inputs(change)]
        for leaf, array in zip(leaves, arrays, strict=True):
            leaf.value[...] = array
        results = program.run()
        results = results if isinstance(results, tuple) else (results,)
        expected = fresh(build, arrays)
        assert_same_bits(results, expected)
        held = [
            expected[written[x]] if x in written else array for x, array in zip(leaves, arrays, strict=True)
        ]
        assert_same_bits([leaf.value for leaf in leaves], held)


def grad_of_total(nodes, leaves):
    total = Tensor(0.0)
    for x in nodes:
        total = total + x.tanh().sum()
    return [total, *(grad(total, leaf) for leaf in leaves)]


# A small network

SIZES = [12, 8, 6, 4]


def network(x, targets, *parameters):
    """Loss and gradients of three layers with relu between and log-softmax at the end."""
    for w, b in zip(parameters[::2], parameters[1::2], strict=True):
        scores = x @ w.T + b
        x = scores.relu()
    loss = -(scores.log_softmax() * targets).sum(1).mean()
    return [loss, *grad(loss, *parameters)]


def network_arrays(batch=16, seed=0):
    random = np.random.default_rng(seed)
    arrays = [random.normal(size=(batch, SIZES[0])), np.eye(SIZES[-1])[random.integers(0, SIZES[-1], batch)]]
    for n_in, n_out in pairwise(SIZES):
        arrays += [random.normal(size=(n_out, n_in)) / n_in**0.5, random.normal(size=n_out)]
    return [np.float32(x) for x in arrays]


def test_a_network_trained_by_replay_has_the_same_bits_as_one_trained_by_fresh_graphs():
    leaves, arrays, losses = [Tensor(x) for x in network_arrays()], network_arrays(), []
    program = Program(*network(*leaves))
    for _ in range(20):
        results, expected = program.run(), fresh(network, arrays)
        assert_same_bits(results, expected)
        losses.append(results[0].item())
        for n, (g, e) in enumerate(zip(results[1:], expected[1:], strict=True), 2):
            leaves[n].value -= np.float32(0.1) * g
            arrays[n] -= np.float32(0.1) * e
    assert losses[-1] < 0.8 * losses[0]


def test_gradients_can_be_written_side_by_side_into_one_flat_vector():
    leaves = [Tensor(x) for x in network_arrays()]
    outputs = network(*leaves)
    flat = np.zeros(sum(t.size for t in outputs), np.float32)
    ends = np.cumsum([t.size for t in outputs])
    targets = [
        flat[end - t.size : end].reshape(t.shape, copy=False) for t, end in zip(outputs, ends, strict=True)
    ]
    program = Program(*outputs, into=targets)
    assert len(program._steps) == len(Program(*outputs)._steps)  # nothing is copied there
    results = program.run()
    assert all(result is target for result, target in zip(results, targets, strict=True))
    for target, expected in zip(targets, fresh(network, network_arrays()), strict=True):
        np.testing.assert_allclose(target, expected, rtol=1e-6, atol=1e-7)


def test_a_run_allocates_little_and_makes_a_known_number_of_calls():
    """A training step of the network on 4,096 rows: its arrays take megabytes, a replay a few kB."""
    program = Program(*network(*(Tensor(x) for x in network_arrays(batch=4096))))
    program.run()
    tracemalloc.start()
    program.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # log_softmax keeps one number a row twice over; np.max and np.sum make them.
    assert peak < 3 * 4096 * 4 + 16_000
    assert len(program._steps) <= 40


def test_dead_buffers_are_used_again():
    """A chain of 50 ops on a million numbers would take 200 MB if each had a buffer of its own."""
    x = Tensor(np.ones((1000, 1000)))
    y = x
    for _ in range(25):
        y = (y * 1.01).sin()
    tracemalloc.start()
    program = Program(y.sum())
    program.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * x.value.nbytes


def test_an_array_met_by_its_own_transpose_needs_no_hidden_copy():
    """NumPy would copy an input that overlaps the result; the program gives the result other memory."""
    x = Tensor(np.ones((300, 300)))
    y = x + 1
    program = Program(y * y.T)
    program.run()
    tracemalloc.start()
    program.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.value.nbytes / 4


def test_buffers_of_different_precision_are_not_confused():
    x, z = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], np.float64)
    y = x.exp() + z.exp()
    result = Program(y, grad(y.sum(), x)).run()
    assert_same_bits(result, [y.value, grad(y.sum(), x).value])
    assert result[0].dtype == np.float64


# What is computed


class Counted(Elementwise, name=""):
    name = symbol = "counted"

    def __init__(self):
        self.calls = 0

    def forward(self, out, x):
        self.calls += 1
        np.copyto(out, x)

    def backward(self, g, y, x):
        return (g,)


def test_each_run_computes_each_node_once_and_nothing_that_no_output_needs():
    x = Tensor([1.0, 2.0])
    ops = [Counted() for _ in range(3)]
    shared, unused = ops[0](x), ops[1](x)
    y = (shared * shared + shared).sum()
    unneeded = grad((y * unused).sum(), x, y)
    program = Program(y, ops[2](shared), unneeded[1])
    assert [op.calls for op in ops] == [0, 0, 0]
    for n in (1, 2, 3):
        program.run()
        assert [op.calls for op in ops] == [n, n, n]
    Program(y).run()
    assert [op.calls for op in ops] == [4, 3, 3]


def test_gradients_nobody_asked_for_add_no_calls():
    x, w = Tensor(np.ones((3, 4))), Tensor(np.ones((2, 4)))
    y = (x @ w.T).tanh().sum()
    for_w, for_both = Program(grad(y, w)), Program(*grad(y, w, x))
    assert len(for_w._steps) < len(for_both._steps)


def test_views_take_no_calls():
    x = Tensor(np.ones((2, 3)))
    result = Program(x.T.reshape(1, 3, 2)[0][1:].T)
    assert len(result._steps) <= 1  # reshaping a transposed array may need a copy
    assert not Program(x.T[1:], x.reshape(3, 2), x.flatten()[::2])._steps


def test_a_program_leaves_the_graph_alone_and_two_programs_each_other():
    x = Tensor([1.0, 2.0])
    y = (x + 1) * 2
    assert y.value.tolist() == [4, 6]
    one, two = Program(y), Program(y, y.sum())
    first = one.run()
    x.value = [5.0, 6.0]
    second = two.run()
    assert first.tolist() == [4, 6]
    assert (second[0].tolist(), second[1]) == ([12, 14], 26)
    assert y.value.tolist() == [12, 14]
    assert one.run() is first
    assert first.tolist() == [12, 14]


def test_one_output_gives_an_array_and_several_a_tuple():
    x = Tensor([1.0])
    assert isinstance(Program(x + 1).run(), np.ndarray)
    assert isinstance(Program(x + 1, x).run(), tuple)


# Where outputs are written


def test_outputs_are_written_into_views_fortran_order_and_twice():
    a, b = Tensor(np.arange(6).reshape(2, 3)), Tensor(np.arange(12).reshape(3, 4))
    product = a @ b
    expected = a.value @ b.value
    wide, fortran = np.full((4, 8), -1, np.float32), np.full((2, 4), -1, np.float32, order="F")
    backwards, transposed = np.full((2, 4), -1, np.float32)[::-1], np.full((4, 2), -1, np.float32)
    targets = [wide[1:3, ::2], fortran, backwards, transposed, None]
    results = Program(product, product, product + 0, product.T, product, into=targets).run()
    for result, target in zip(results, targets, strict=True):
        assert target is None or result is target
    for result in (*results[:3], results[3].T, results[4]):
        assert np.array_equal(result, expected)
    assert (np.delete(wide, [1, 2], axis=0) == -1).all()
    assert (wide[:, 1::2] == -1).all()


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_a_node_and_views_of_it_as_outputs_each_in_its_own_array(order):
    x = Tensor(np.arange(6).reshape(2, 3))
    y = x * 2
    outputs = [y, y.T, y[1:]]
    targets = [np.zeros(t.shape, np.float32) for t in outputs]
    Program(*(outputs[i] for i in order), into=[targets[i] for i in order]).run()
    for output, target in zip(outputs, targets, strict=True):
        assert np.array_equal(output.value, target)


def test_a_leaf_and_a_view_of_it_as_outputs():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    copies = [np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)]
    program = Program(x, x.T, into=copies)
    x.value[0, 1] = 7
    program.run()
    assert copies[0].tolist() == [[1, 7], [3, 4]]
    assert copies[1].tolist() == [[1, 3], [7, 4]]
    assert Program(x).run() is x.value


def test_an_output_written_back_into_a_leaf_is_computed_from_what_the_leaf_was():
    """Both outputs see the old weights, and the new ones are in place after the run."""
    w = Tensor([1.0, 2.0, 4.0])
    program = Program(w - 0.5 * w, (w * w).sum(), into=[w.value, None])
    assert program.run()[1] == 21
    assert w.value.tolist() == [0.5, 1, 2]
    assert program.run()[1] == 5.25
    assert w.value.tolist() == [0.25, 0.5, 1]


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x.log_softmax(),
        lambda x: x @ x,
        lambda x: x.T + x,
        lambda x: x.T,
        lambda x: x.sigmoid() * x,
        lambda x: x - x.max(0),
        lambda x: concat([x[1:], x[:1]]),
        lambda x: apply("scatter", x[::-1], key=slice(None), to=(3, 3)),
    ],
)
def test_any_op_can_write_into_the_leaf_it_reads(formula):
    start = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    x = Tensor(start)
    Program(formula(x), into=[x.value]).run()
    np.testing.assert_array_equal(x.value, formula(Tensor(start)).value)


def test_arrays_that_do_not_fit_are_refused():
    x = Tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"shape \(2,\).*shape \(3, 2\)"):
        Program(x + 1, into=[np.zeros((3, 2), np.float32)])
    with pytest.raises(ShapeError, match=r"shape \(2,\).*shape \(2, 1\)"):
        Program(x, into=[np.zeros((2, 1), np.float32)])
    with pytest.raises(ValueError, match=r"2 outputs.*1 array"):
        Program(x + 1, x, into=[None])


# In-place reuse


@pytest.mark.parametrize(
    "formula",
    [
        lambda a, b: a * a.T,
        lambda a, b: a.T * a,
        lambda a, b: (a * a.T) + a,
        lambda a, b: a + a.reshape(9)[::-1].reshape(3, 3),
        lambda a, b: a[::-1] - a,
        lambda a, b: a * a[0],
        lambda a, b: a[0] * b + a[1],
        lambda a, b: a.sum(0) * a,
        lambda a, b: (a.T + b).T * a.T,
        lambda a, b: a.reshape(9).sin().reshape(3, 3) + a.T,
        lambda a, b: apply("broadcast", a[:, :1], to=(3, 3)) * a,
        lambda a, b: (a**b) + (b * 2) ** a.T,
        lambda a, b: concat([a, a.T, b[None]]).sin()[3:6] * a,
        lambda a, b: (a @ a.T) * a + (a.T @ b.T).exp() * b,
        lambda a, b: a.log_softmax() + a.softmax(0) * a.max(1, keepdims=True),
    ],
)
def test_a_buffer_is_never_overwritten_while_something_still_reads_it(formula):
    random = np.random.default_rng(0)
    arrays = [random.uniform(0.5, 2, (3, 3)), random.uniform(0.5, 2, 3)]

    def build(x, z):
        y = formula(x * 1.5, z.cos() + 1)  # computed inputs, whose buffers may be reused
        return [y, *grad(y.sum(), x, z)]

    results = Program(*build(*map(Tensor, arrays)))
    for _ in range(2):
        assert_same_bits(results.run(), fresh(build, arrays))


# Finite


def test_check_finite_names_the_first_op_that_is_not():
    x = Tensor([1.0, 2.0])
    y = (x.log() * 2).exp().sum()
    program = Program(y, grad(y, x))
    program.check_finite()
    for value, message in [
        (0.0, r"log of shape \(2,\) gave an infinity"),
        (-1.0, r"log of shape \(2,\) gave NaN"),
        (1e30, r"exp of shape \(2,\) gave an infinity"),
    ]:
        x.value = [1.0, value]
        program.run()
        with pytest.raises(NonFiniteError, match=message):
            program.check_finite()


def test_overflow_in_a_run_is_a_value_and_no_warning():
    x = Tensor([1e38])
    assert Program(x * x).run() == np.inf
    assert np.isnan(Program(x * x - x * x).run())
