"""Every number the chapter on automatic differentiation prints, except the network's (see the nn tests)."""

from __future__ import annotations

import math

import pytest

from hellodl.autograd import Tensor, grad
from hellodl.autograd.tensor import topological_order


def test_the_first_example_33_40_2():
    x, z = Tensor(2.0), Tensor(0.0)
    y = 3 * x**3 + 4 * x + 1 + x * z
    assert str(y) == "33.0"
    y.backward()
    assert (str(x.grad), str(z.grad)) == ("40.0", "2.0")
    assert str(grad(grad(y, x), x)) == "36.0"


def test_the_first_example_as_the_chapter_types_it():
    x, z = Tensor(2.0), Tensor(0.0)
    y = Tensor(3.0) * x * x * x + Tensor(4.0) * x + Tensor(1.0) + x * z
    assert y.item() == 33
    y.backward()
    assert (x.grad.item(), z.grad.item()) == (40, 2)


def test_every_gradient_in_the_drawing_of_the_first_example():
    x, z = Tensor(2.0), Tensor(0.0)
    three, four, one = Tensor(3.0), Tensor(4.0), Tensor(1.0)
    products = [three * x]
    products += [products[0] * x, products[0] * x * x]
    line = four * x
    sums = [products[2] + line, products[2] + line + one]
    y = sums[1] + x * z
    assert [float(g) for g in grad(y, y, line, products[2], three, four, one)] == [1, 1, 1, 8, 2, 1]
    cube = products[0] * x * x
    assert float(grad(cube, products[0])) == 4


def test_a_product_hands_each_side_the_other():
    x, z = Tensor(2.0), Tensor(0.0)
    assert [float(g) for g in grad(x * z, x, z)] == [0, 2]


def test_gradients_drop_down_the_tree_and_add_up():
    """For y = x(z + a) at x = 2, z + a = 1."""
    x, z, a = Tensor(2.0), Tensor(0.0), Tensor(1.0)
    y = x * (z + a)
    assert y.item() == 2
    assert [float(g) for g in grad(y, x, z, a)] == [1, 2, 2]


@pytest.mark.parametrize("at", [-1.5, 0.0, 0.3, 2.0])
def test_the_polynomial_and_its_sine(at):
    x = Tensor(at, dtype="float64")
    inner = 2 * x**3 + 4 * x**2 + 3 * x + 2
    slope = 6 * at**2 + 8 * at + 3
    assert grad(inner, x).item() == pytest.approx(slope, rel=1e-14)
    assert grad(inner.sin(), x).item() == pytest.approx(slope * math.cos(inner.item()), rel=1e-14)


def test_sorting_puts_leaves_first_the_top_last_and_each_node_once():
    x, z = Tensor(2.0), Tensor(0.0)
    shared = x * z
    y = shared + shared * x
    order = topological_order(y)
    assert order[:2] == [x, z]
    assert order[-1] is y
    assert len(order) == len({id(t) for t in order}) == 5
    for place, tensor in enumerate(order):
        assert all(any(x is before for before in order[:place]) for x in tensor.inputs)


def test_nodes_are_visited_once_and_gradients_are_not_doubled_by_a_second_call():
    x = Tensor(3.0)
    y = x * x
    for _ in range(2):
        y.backward()
        assert x.grad.item() == 6
